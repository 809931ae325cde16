"""Lists whose rows PostgreSQL writes as JSON: the serializer says what stands in them, and no object is made of a row."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, JSONField, Model, OuterRef, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.http import HttpResponse
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from people.strict import Rows, Strict


class JsonList(ListModelMixin):
    """A list in the words of the view's serializer, whose sources are columns and relations."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        view: Any = self
        found = view.filter_queryset(view.get_queryset()).select_related(None).prefetch_related(None)
        rows = found.annotate(as_json=Cast(json_object(view.get_serializer(), found.model), TextField()))
        page = view.paginate_queryset(rows.only(view.page_key, *view.orderings))
        following = JSONEncoder().encode(view.paginator.next)
        text = f'{{"next":{following},"results":[{",".join(row.as_json for row in page)}]}}'
        return HttpResponse(text, content_type="application/json")


def json_object(serializer: Strict, model: type[Model]) -> Func:
    """A row of the model as its serializer would represent it."""
    pairs: list[Combinable] = []
    for name, field in serializer.fields.items():
        pairs += [Value(name), _value(field, model)]
    return Func(*pairs, function="json_build_object", output_field=JSONField())


def _value(field: Any, model: type[Model]) -> Combinable:
    path = "__".join(field.source_attrs)
    if not isinstance(field, Rows) or not isinstance(field.child, Strict):
        return field.in_sql(F(path)) if hasattr(field, "in_sql") else F(path)
    relation: Any = model._meta.get_field(path)
    if not relation.one_to_many:  # rows within a column, which are kept as they are shown
        return F(path)
    rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
    shown = json_object(field.child, relation.related_model)
    ordered = rows.order_by(*relation.related_model._meta.ordering).values_list(shown)
    return Func(ArraySubquery(ordered), function="array_to_json", output_field=JSONField())
