"""By what contracts can be filtered."""

from django_filters import rest_framework as filters

from contracts.models import Contract
from people.filters import DayFilter


class ContractFilter(filters.FilterSet):
    supplier = filters.CharFilter(field_name="supplier__reference")
    buyer = filters.CharFilter(field_name="buyer__reference")
    framework = filters.CharFilter(field_name="framework__reference")
    department = filters.CharFilter(field_name="department__reference")
    owner = filters.CharFilter()
    kind = filters.ChoiceFilter(choices=Contract.Kind.choices)
    expires_before = DayFilter(field_name="expires_on", lookup_expr="lt")

    class Meta:
        model = Contract
        fields = ("supplier", "buyer", "framework", "department", "owner", "kind")
