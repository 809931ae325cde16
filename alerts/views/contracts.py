"""What hangs on a contract: the history of its facts, and its flags."""

import re
from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import contract_history
from alerts.views.reading import FlagViewSet
from contracts.models import Contract
from contracts.views import ContractViewSet
from people.paging import LONGEST_ID, KeysetPagination, whole_number
from people.principal import principal
from people.resources import KEYS

LIMIT = 100


class ChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="a path such as `lines/10/quantity`")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class VersionSerializer(serializers.Serializer[Any]):
    """What one transaction made of the contract."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    by = serializers.CharField(allow_null=True, help_text="the address of whoever said so, or the name of a source")
    changes = ChangeSerializer(many=True)


class ContractHistoryViewSet(ContractViewSet):
    pagination_class = None
    parameters: ClassVar[dict[str, tuple[str, ...]]] = {"history": ("below", "limit")}

    @extend_schema(
        parameters=[
            OpenApiParameter("below", int, description="versions below this one; the last of the page before"),
            OpenApiParameter("limit", int, description=f"versions of a page, 1 to {KeysetPagination.MOST}"),
        ],
        responses=VersionSerializer(many=True),
        filters=False,
    )
    def history(self, request: Request, reference: str) -> Response:
        """Every version, the latest first, with the facts that changed, from what to what, when and on whose word."""
        contract: Contract = self.get_object()
        below, limit = whole_number(request, "below", LONGEST_ID), whole_number(request, "limit", KeysetPagination.MOST)
        found = contract_history.versions(contract, below=below, most=limit or LIMIT)
        return Response([asdict(version) for version in found])


class ContractFlagsViewSet(FlagViewSet):
    """The flags of one contract, open and closed."""

    other_parameters = ()

    @extend_schema(operation_id="contracts_flags_list")
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """With the filters of flags; 404 where the contract is not one that you may see."""
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        reference = str(self.kwargs["reference"])
        seen = Contract.objects.visible_to(principal(self.request))
        if not re.fullmatch(KEYS["reference"], reference, re.ASCII) or not seen.filter(reference=reference).exists():
            raise Http404
        return super().get_queryset().filter(contract__reference=reference)
