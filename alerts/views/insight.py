"""Data gaps and alternatives over REST: what to find out first, and who else supplies the goods."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.alternatives import alternatives
from alerts.data_gaps import missing_facts, report
from alerts.filters import FlagFilter
from alerts.views.reading import FlagViewSet
from people import clock
from people.principal import principal


class GapFilter(FlagFilter):
    """Of which flags, and in which currency the gaps are ranked."""

    currency = filters.CharFilter(method="ranked_in", label="in which to rank; that of most contracts unless given")

    def ranked_in(self, flags: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return flags


class GapsViewSet(FlagViewSet):
    """Which missing facts keep flags in review, of the contracts one may see."""

    filterset_class = GapFilter
    pagination_class = None
    other_parameters = ()
    failures: ClassVar[Mapping[str, Sequence[str]]] = {}

    @extend_schema(responses=OpenApiTypes.OBJECT, filters=True)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Per field, organization and owner, with the exposure that is held; those that hold most first."""
        flags: Any = self.filter_queryset(self.get_queryset())
        return Response(report(missing_facts(flags, at=clock.now()), currency=request.query_params.get("currency")))


class AlternativesViewSet(FlagViewSet):
    """Who else supplies the goods of a flag's lines, and may."""

    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Line by line, suppliers whom no measure hits for this buyer and end use, with open contracts one may see."""
        flag = self.get_object()
        return Response({"lines": alternatives(flag, seen_by=principal(request), at=clock.now())})
