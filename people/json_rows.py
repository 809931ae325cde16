"""Lists whose rows PostgreSQL writes as JSON: the serializer says what stands in them, no object is made of a row."""

import json
from functools import lru_cache
from itertools import count
from typing import Any

from django.db.models import Model, TextField
from django.db.models.expressions import RawSQL
from django.http import HttpResponse
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request

from people.resources import FIELDS
from people.strict import Strict

# ruff: noqa: S608, S611 (tables and columns are named by the models, fields by the serializers, never by input)


class JsonList(ListModelMixin):
    """A list in the words of the view's serializer, whose sources are columns, links and lists of rows."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        view: Any = self
        found = view.filter_queryset(view.get_queryset()).select_related(None).prefetch_related(None)
        names = tuple(view.get_serializer().fields) if FIELDS in request.query_params else None
        as_json = _row(view.get_serializer_class(), found.model, names)
        rows = found.annotate(as_json=RawSQL(as_json, (), TextField())).only(view.page_key, *view.orderings)
        page = view.paginate_queryset(rows)
        results = ",\n".join(row.as_json for row in page)
        text = f'{{"next": {json.dumps(view.paginator.next)}, "results": [\n{results}]}}\n'
        return HttpResponse(text, content_type="application/json")


@lru_cache
def _row(serializer: type[Strict], model: type[Model], names: tuple[str, ...] | None) -> str:
    return f"{_object(serializer(), model, model._meta.db_table, count(), names)}::text"


def _object(
    serializer: Any, model: type[Model], row: str, numbers: "count[int]", names: tuple[str, ...] | None = None
) -> str:
    """A row of the model, under the name it has in the statement, as its serializer would represent it."""
    shown = serializer.fields if names is None else names
    pairs = (f"'{name}', {_value(serializer.fields[name], model, row, numbers)}" for name in shown)
    return f"json_build_object({', '.join(pairs)})"


def _value(field: Any, model: type[Model], row: str, numbers: "count[int]") -> str:
    first, *rest = field.source_attrs
    source: Any = model._meta.get_field(first)
    if source.one_to_many:
        part = f"r{next(numbers)}"
        listed = source.related_model._meta
        order = ", ".join(f'{part}."{listed.get_field(name).column}"' for name in listed.ordering)
        return (
            f"array_to_json(ARRAY(SELECT {_object(field.child, source.related_model, part, numbers)}"
            f' FROM "{listed.db_table}" {part} WHERE {part}."{source.field.column}" = "{row}".id ORDER BY {order}))'
        )
    if rest:
        link, named = f"r{next(numbers)}", source.related_model._meta
        return (
            f'(SELECT {link}."{named.get_field(*rest).column}" FROM "{named.db_table}" {link}'
            f' WHERE {link}.id = "{row}"."{source.column}")'
        )
    column = f'"{row}"."{source.column}"'
    return field.in_sql(column) if hasattr(field, "in_sql") else column
