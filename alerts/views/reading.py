"""Flags, messages and runs over REST: read by everybody, within their departments, written by nobody."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from alerts import flag_report, run_report
from alerts.as_of import KNOWN
from alerts.escalation import outlook
from alerts.filters import FlagFilter, MessageFilter, RunFilter
from alerts.models import Flag, Message, ScreeningRun, SetAside
from alerts.serializers.flags import FlagSerializer, WholeFlagSerializer
from alerts.serializers.messages import MessageSerializer, WholeMessageSerializer
from alerts.serializers.runs import RunSerializer, SetAsideSerializer, WholeRunSerializer
from alerts.views.past import past_flags
from people import clock
from people.describing import FIELDS_PARAMETER
from people.principal import principal
from people.resources import FIELDS, Resource
from people.row_security import unrestricted


class Ledger(ListModelMixin, Resource):
    """Rows under their numbers."""

    writers = ()
    lookup_field = "pk"
    lookup_url_kwarg = "pk"
    lookup_value_regex = "[^/]+"
    page_key = "pk"
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}


class FlagViewSet(Ledger):
    scope = "flags"
    queryset = Flag.objects.select_related("contract__department", "measure__change", "disposition__assignee")
    serializer_class = FlagSerializer
    filterset_class = FlagFilter
    orderings = ("act_by", "updated_at")
    other_parameters: ClassVar[Sequence[str]] = ("as_of", "known")
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"list": ("404",)}

    @extend_schema(
        parameters=[
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="flags of a past instant; with contract only"),
            OpenApiParameter("known", str, enum=KNOWN, description="what was known then (default), or is known now"),
        ],
        responses=FlagSerializer(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "as_of" in request.query_params or "known" in request.query_params:
            return Response(past_flags(request.query_params, principal(request)))
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        flags: Any = super().get_queryset()
        return flags.visible_to(principal(self.request))

    @extend_schema(responses=WholeFlagSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Why it is open, what would clear it, the evidence, what happened to it, who was told, who did what."""
        flag: Flag = self.get_object()
        with unrestricted():  # whoever sees a flag sees all that hangs on it, too who else was told of it
            return Response(self._whole(flag))

    def _whole(self, flag: Flag) -> Any:
        flag.history = flag_report.history(flag)  # type: ignore[attr-defined]
        flag.told = flag_report.told(flag)  # type: ignore[attr-defined]
        flag.acts = flag_report.acts(flag)  # type: ignore[attr-defined]
        flag.escalates_next = outlook.next_move(flag, at=clock.now())  # type: ignore[attr-defined]
        flag.moves = outlook.steps(flag)  # type: ignore[attr-defined]
        context = {**self.get_serializer_context(), "why": flag_report.why(flag, at=clock.now())}
        return self.asked(WholeFlagSerializer(flag, context=context)).data


class MessageViewSet(Ledger):
    scope = "messages"
    queryset = Message.objects.select_related("policy_change")
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    page_backwards = True

    def get_queryset(self) -> QuerySet[Any]:
        messages: Any = super().get_queryset()
        return messages.visible_to(principal(self.request))

    @extend_schema(responses=WholeMessageSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, pk: str) -> Response:
        """With its text, the flags it tells of, and every attempt at sending it."""
        message = self.get_object()
        with unrestricted():  # it told its reader of them
            return Response(self.asked(WholeMessageSerializer(message)).data)


class RunViewSet(Ledger):
    scope = "runs"
    queryset = ScreeningRun.objects.defer("scope", "buckets", "errors", "policies_set_aside")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    page_backwards = True

    @extend_schema(responses=WholeRunSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Its manifest: what was in scope, against which policies, and the sums that anyone can compute again."""
        context = {**self.get_serializer_context(), "seen_by": principal(request)}
        return Response(self.asked(WholeRunSerializer(self.get_object(), context=context)).data)


class SetAsideViewSet(Ledger):
    """Contracts that cannot be screened now: their flags stay as they were, until somebody mends them."""

    scope = "runs"
    queryset = SetAside.objects.all()
    serializer_class = SetAsideSerializer

    def get_queryset(self) -> QuerySet[Any]:
        rows: Any = super().get_queryset()
        return rows.visible_to(principal(self.request))

    def paginate_queryset(self, queryset: Any) -> list[Any]:
        return run_report.explained(super().paginate_queryset(queryset) or [])


class Nothing(APIView):
    """Every other address: an error that a machine can read."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound
