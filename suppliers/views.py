"""Organizations over REST."""

from people.json_rows import JsonList
from people.models import Role
from people.resources import Resource
from suppliers.filters import OrganizationFilter
from suppliers.models import Organization
from suppliers.serializers import OrganizationSerializer


class OrganizationViewSet(JsonList, Resource):
    scope = "organizations"
    writers = (Role.BUYER, Role.ADMINISTRATOR)
    queryset = Organization.objects.prefetch_related("names", "identifiers", "owners__owner")
    serializer_class = OrganizationSerializer
    filterset_class = OrganizationFilter
