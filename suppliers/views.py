"""Organizations over REST."""

from people.json_rows import JsonList
from people.models import Role
from people.resources import Resource
from suppliers.filters import OrganizationFilter, SupplierFilter
from suppliers.models import Organization
from suppliers.serializers import OrganizationSerializer


class OrganizationViewSet(JsonList, Resource):
    scope = "organizations"
    writers = (Role.BUYER, Role.ADMINISTRATOR)
    queryset = Organization.objects.prefetch_related("names", "identifiers", "owners__owner")
    serializer_class = OrganizationSerializer
    filterset_class = OrganizationFilter


class SupplierViewSet(OrganizationViewSet):
    """Organizations with which contracts may be placed; they are written as organizations."""

    writers = ()  # type: ignore[assignment]
    queryset = OrganizationViewSet.queryset.suppliers()
    filterset_class = SupplierFilter
