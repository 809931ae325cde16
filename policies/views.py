"""Policy changes, party lists and licences over REST."""

from rest_framework.mixins import ListModelMixin

from people.models import Role
from people.resources import Resource
from policies.filters import LicenceFilter, PolicyChangeFilter
from policies.models import Licence, PartyList, PolicyChange
from policies.serializers import LicenceSerializer, PartyListSerializer, PolicyChangeSerializer

EDITORS = (Role.POLICY_EDITOR, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)


class PolicyChangeViewSet(ListModelMixin, Resource):
    scope = "policy-changes"
    writers = EDITORS
    queryset = PolicyChange.objects.whole()
    serializer_class = PolicyChangeSerializer
    filterset_class = PolicyChangeFilter
    orderings = ("announced_on",)


class PartyListViewSet(ListModelMixin, Resource):
    scope = "party-lists"
    writers = EDITORS
    queryset = PartyList.objects.prefetch_related("entries__organization")
    serializer_class = PartyListSerializer


class LicenceViewSet(ListModelMixin, Resource):
    scope = "licences"
    writers = (Role.BUYER, *EDITORS)
    queryset = Licence.objects.select_related("exporter", "consignee", "end_user")
    serializer_class = LicenceSerializer
    filterset_class = LicenceFilter
    orderings = ("valid_until",)
