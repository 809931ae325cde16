"""By what organizations can be filtered."""

from django_filters import rest_framework as filters

from people.filters import YesNoFilter
from suppliers.models import Organization


class SupplierFilter(filters.FilterSet):
    country = filters.CharFilter()
    kind = filters.ChoiceFilter(choices=Organization.Kind.choices)

    class Meta:
        model = Organization
        fields = ("country", "kind")


class OrganizationFilter(SupplierFilter):
    is_supplier = YesNoFilter()

    class Meta:
        model = Organization
        fields = ("country", "kind", "is_supplier")
