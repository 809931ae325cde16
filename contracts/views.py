"""Contracts over REST: each sees those of their departments."""

from typing import Any

from django.db.models import QuerySet

from contracts.filters import ContractFilter
from contracts.models import Contract
from contracts.serializers import ContractSerializer
from people.json_rows import JsonList
from people.models import Role
from people.principal import principal
from people.resources import Resource


class ContractViewSet(JsonList, Resource):
    scope = "contracts"
    writers = (Role.BUYER, Role.ADMINISTRATOR)
    queryset = Contract.objects.select_related(
        "supplier", "buyer", "end_user", "framework", "department"
    ).prefetch_related("amendments", "lines")
    serializer_class = ContractSerializer
    filterset_class = ContractFilter
    orderings = ("expires_on",)

    def get_queryset(self) -> QuerySet[Any]:
        contracts: Any = super().get_queryset()
        return contracts.visible_to(principal(self.request))
