"""By what policy changes and licences can be filtered."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import rest_framework as filters

from people.filters import DayFilter, YesNoFilter
from policies.models import Licence, PolicyChange, PolicyChangeRevision


class PolicyChangeFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=PolicyChange.Status.choices)
    formality = filters.ChoiceFilter(choices=PolicyChange.Formality.choices)
    authority_country = filters.CharFilter()
    revised = YesNoFilter(method="with_revision", label="true: a revision is pending")

    class Meta:
        model = PolicyChange
        fields = ("status", "formality", "authority_country")

    def with_revision(self, changes: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        pending = Exists(PolicyChangeRevision.objects.pending().filter(change=OuterRef("pk")))
        return changes.filter(pending if value else ~pending)


class LicenceFilter(filters.FilterSet):
    exporter = filters.CharFilter(field_name="exporter__reference")
    valid_until_before = DayFilter(field_name="valid_until", lookup_expr="lt")

    class Meta:
        model = Licence
        fields = ("exporter",)
