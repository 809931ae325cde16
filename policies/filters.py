"""By what policy changes and licences can be filtered."""

from django_filters import rest_framework as filters

from policies.models import Licence, PolicyChange


class PolicyChangeFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=PolicyChange.Status.choices)
    formality = filters.ChoiceFilter(choices=PolicyChange.Formality.choices)
    authority_country = filters.CharFilter()

    class Meta:
        model = PolicyChange
        fields = ("status", "formality", "authority_country")


class LicenceFilter(filters.FilterSet):
    exporter = filters.CharFilter(field_name="exporter__reference")
    valid_until_before = filters.DateFilter(field_name="valid_until", lookup_expr="lt")

    class Meta:
        model = Licence
        fields = ("exporter",)
