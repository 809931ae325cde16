"""Checks over REST: asked, verified, released, and what became of their answers since."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.checks import asking, changes, releasing
from alerts.checks.documents import CallSerializer
from alerts.checks.releases import RELEASERS, NotReleasable, Unsuitable
from alerts.checks.report import released
from alerts.checks.serializers import (
    AcknowledgedSerializer,
    Acknowledgement,
    AnswerSerializer,
    CheckSerializer,
    KeysSerializer,
    ReleaseWritten,
    TakenBack,
    TurnSerializer,
    VerificationAsked,
    VerificationSerializer,
    WholeCheckSerializer,
)
from alerts.dispositions import WORKERS
from alerts.models import Check, CheckRelease, CheckTurn
from people import clock
from people.conflict import Conflict
from people.describing import FIELDS_PARAMETER
from people.principal import principal
from people.resources import FIELDS, Bounded, Resource, refusal
from people.row_security import seen_by
from people.scopes import ANY


class ChecksViewSet(ListModelMixin, Resource):
    """Checks with receipts, the latest first: one's own and those of one's departments."""

    scope = "checks"
    verbs: ClassVar[Mapping[str, str]] = {"verify": "read"}
    queryset = Check.objects.select_related("owner", "department")
    serializer_class = CheckSerializer
    writers = WORKERS
    lookup_field = "uuid"
    page_key = "pk"
    page_backwards = True
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}

    def get_queryset(self) -> QuerySet[Any]:
        found: Any = super().get_queryset()
        return found.visible_to(principal(self.request))

    def get_object(self) -> Check:
        """An address that is no UUID is that of no check."""
        try:
            wanted = UUID(str(self.kwargs["uuid"]))
        except ValueError:
            raise Http404 from None
        with seen_by(self.request.user):
            check: Check | None = self.get_queryset().filter(uuid=wanted).first()
        if check is None:
            raise Http404
        return check

    @extend_schema(request=CallSerializer, responses=AnswerSerializer)
    def ask(self, request: Request) -> Response:
        """May I commit this? A *no* is an answer like any other: 200.

        Every document is answered for itself, the worst of its lines and findings first: `clear` (commit), `cleared`
        (a person released it: commit), `review` (a fact that decides is not established, or a seller may end it:
        establish the facts in `would_clear_if`, or have it released), `licence_required`, `blocked` (do not commit),
        `error` (`errors` say by JSON pointer what to correct). 400 is for a call that is none.
        """
        return Response(asking.answer(request.data, by=principal(request), at=clock.now()))

    @extend_schema(responses=WholeCheckSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, uuid: str) -> Response:
        """With the document, the receipt, how its answer turned and who released it."""
        check = self.get_object()
        held = CheckRelease.objects.of(check).select_related("by")
        shown = WholeCheckSerializer(check, context={"releases": [released(one) for one in held]})
        return Response(self.asked(shown).data)

    @extend_schema(request=VerificationAsked, responses=VerificationSerializer)
    def verify(self, request: Request) -> Response:
        """Whether a receipt is genuine, and what the answer is now."""
        asked = VerificationAsked().run_validation(request.data)
        return Response(asking.verified(asked["receipt"], by=principal(request), at=clock.now()))


class ReleasesViewSet(ChecksViewSet):
    """Takes the role policy_publisher or administrator."""

    verbs: ClassVar[Mapping[str, str]] = {"release": "release", "take_back": "release"}
    writers = RELEASERS  # type: ignore[assignment]

    @extend_schema(request=ReleaseWritten, responses=WholeCheckSerializer)
    def release(self, request: Request, uuid: str) -> Response:
        """Clear the document for as long as it, its parties, the measures, lists and licences say what they say now,
        to the end of a day within a year. `decision` may name the answer that was read: 409 where it is another."""
        check = self.get_object()
        said = ReleaseWritten().run_validation(request.data)
        try:
            releasing.release(check, **said, by=principal(request), at=clock.now())
        except Unsuitable as wrong:
            raise refusal([((wrong.field,), wrong.code, str(wrong))]) from None
        except NotReleasable as error:
            raise Conflict(str(error)) from None
        doorbell.ring()
        return self.retrieve(request, uuid)

    @extend_schema(request=TakenBack, responses=WholeCheckSerializer)
    def take_back(self, request: Request, uuid: str) -> Response:
        """Void every release of this document for this step."""
        check = self.get_object()
        said = TakenBack().run_validation(request.data)
        releasing.take_back(check, **said, by=principal(request), at=clock.now())
        doorbell.ring()
        return self.retrieve(request, uuid)


class CheckChangesViewSet(ListModelMixin, Resource):
    """Answers of one's own receipts that turned, in the order in which they did; each until it is acknowledged."""

    scope = "checks"
    queryset = CheckTurn.objects.none()
    serializer_class = TurnSerializer
    writers = WORKERS
    page_key = "pk"
    other_parameters = ("acknowledged",)

    def get_queryset(self) -> QuerySet[Any]:
        said = self.request.query_params.get("acknowledged", "false")
        if said not in ("true", "false"):
            raise refusal([(("acknowledged",), "invalid_choice", "true or false belongs here")])
        return changes.turns(principal(self.request), acknowledged=said == "true")

    @extend_schema(parameters=[OpenApiParameter("acknowledged", bool, description="those that were, instead")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was cleared and is not any more, and the other way round."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=Acknowledgement, responses=AcknowledgedSerializer)
    def acknowledge(self, request: Request) -> Response:
        """They are not listed any more. Repeating it changes nothing; ids of others are passed over."""
        said = Acknowledgement().run_validation(request.data)
        done = changes.acknowledge(said["changes"], by=principal(request), at=clock.now())
        return Response({"acknowledged": done})


class KeysView(Bounded):
    """The public keys that receipts are verified with, for anybody."""

    scope = ANY
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=KeysSerializer, auth=[])
    def get(self, request: Request) -> Response:
        """A JWK Set; a receipt names its key by `kid`."""
        return Response(asking.keys().public(), headers={"Cache-Control": "public, max-age=300"})
