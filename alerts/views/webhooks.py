"""Webhook endpoints over REST: registered under a reference, rotated, pinged, replayed, switched off and on."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.filters import DeliveryFilter
from alerts.models import WebhookDelivery, WebhookEndpoint
from alerts.models.webhooks import WebhookType
from alerts.views.reading import Ledger
from alerts.webhooks import endpoints
from alerts.webhooks.endpoints import NotPossible, Range
from alerts.webhooks.serializers import (
    DeliverySerializer,
    EndpointSerializer,
    EndpointWritten,
    NewEndpointSerializer,
    Nothing,
    Replay,
    ReplayedSerializer,
    Rotation,
    SecretSerializer,
)
from people import clock
from people.conflict import Conflict
from people.describing import FIELDS_PARAMETER
from people.models import Department, User
from people.principal import is_administrator, principal
from people.resources import FIELDS, Resource, refusal
from people.row_security import seen_by


class WebhookViewSet(ListModelMixin, Resource):
    """One's own endpoints; administrators see and keep those of all."""

    scope = "webhooks"
    secret_actions = ("rotate",)
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"update": ("409",)}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}
    queryset = WebhookEndpoint.objects.select_related("owner", "department")
    serializer_class = EndpointSerializer
    writers = endpoints.OWNERS

    def get_queryset(self) -> QuerySet[Any]:
        found: Any = super().get_queryset()
        return found.visible_to(principal(self.request))

    @extend_schema(responses=EndpointSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, reference: str) -> Response:
        return Response(self.asked(EndpointSerializer(self.get_object())).data)

    @extend_schema(request=EndpointWritten, responses={200: EndpointSerializer, 201: NewEndpointSerializer})
    def update(self, request: Request, reference: str) -> Response:
        """201 with the secret, this once, where the endpoint is new, 200 otherwise; a missing key leaves its value."""
        values = EndpointWritten().run_validation(request.data)
        if values.pop("reference", reference) not in (reference, None):
            raise refusal([(("reference",), "other_reference", f"the address is that of {reference[:64]!r}")])
        values = self._related(values)
        try:
            with transaction.atomic():
                endpoint = self._stored(reference)
                if endpoint is None:
                    return self._create(reference, values)
                for name, value in values.items():
                    setattr(endpoint, name, value)
                endpoint.save(update_fields=list(values))
        except IntegrityError:
            raise Conflict("Somebody else wrote the same endpoint at the same moment; send it again.") from None
        return self.retrieve(request, reference)

    @extend_schema(request=Rotation, responses=SecretSerializer)
    def rotate(self, request: Request, reference: str) -> Response:
        """A new secret, shown this once; for `overlap_hours` (24) the one before signs too, 0 voids it at once."""
        said = Rotation().run_validation(request.data)
        hours = said.get("overlap_hours")
        hours = endpoints.OVERLAP_HOURS if hours is None else hours
        secret = endpoints.rotate(self.get_object(), by=principal(request), overlap_hours=hours)
        return Response({"secret": secret})

    @extend_schema(request=Nothing, responses={202: DeliverySerializer})
    def ping(self, request: Request, reference: str) -> Response:
        """Queue an event of type `webhook.ping`; its delivery tells what became of it."""
        Nothing().run_validation(request.data)
        try:
            delivery = endpoints.ping(self.get_object(), by=principal(request), at=clock.now())
        except NotPossible as error:
            raise Conflict(str(error)) from None
        doorbell.ring()
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data, status.HTTP_202_ACCEPTED)

    @extend_schema(request=Replay, responses={202: ReplayedSerializer})
    def replay(self, request: Request, reference: str) -> Response:
        """Send the events of a range once more, under their old ids and in order; `delivered: false` leaves out what
        was accepted. Events from before the endpoint was registered come too."""
        said = Replay().run_validation(request.data)
        delivered = said.pop("delivered", None) is not False
        if said.get("since") is None and said.get("from_sequence") is None:
            raise refusal([(("since",), "required", "a range begins with `since` or `from_sequence`")])
        try:
            queued = endpoints.replay(self.get_object(), Range(**said), by=principal(request), delivered=delivered)
        except NotPossible as error:
            raise Conflict(str(error)) from None
        doorbell.ring()
        return Response({"queued": queued}, status.HTTP_202_ACCEPTED)

    @extend_schema(request=Nothing, responses=EndpointSerializer)
    def disable(self, request: Request, reference: str) -> Response:
        """It is sent nothing any more, and what waits for it is given up."""
        Nothing().run_validation(request.data)
        endpoints.disable(self.get_object(), by=principal(request))
        return self.retrieve(request, reference)

    @extend_schema(request=Nothing, responses=EndpointSerializer)
    def enable(self, request: Request, reference: str) -> Response:
        """It is sent what happens from now on; what it missed comes with a replay."""
        Nothing().run_validation(request.data)
        endpoints.enable(self.get_object(), by=principal(request))
        return self.retrieve(request, reference)

    def _stored(self, reference: str) -> WebhookEndpoint | None:
        """Somebody else's endpoint is not there, and cannot be taken over either."""
        endpoint: WebhookEndpoint | None = WebhookEndpoint.objects.filter(reference=reference).first()
        with seen_by(self.request.user):
            visible = endpoint is not None and self.get_queryset().filter(pk=endpoint.pk).exists()
        if endpoint is not None and not visible:
            raise refusal([(("reference",), "taken", "this reference cannot be used")])
        return endpoint

    def _create(self, reference: str, values: dict[str, Any]) -> Response:
        if "url" not in values:
            raise refusal([(("url",), "required", "is missing")])
        endpoint = WebhookEndpoint(
            reference=reference, **{"owner": principal(self.request), "events": WebhookType.values, **values}
        )
        endpoints.register(endpoint, by=principal(self.request))
        return Response(NewEndpointSerializer(self.get_queryset().get(pk=endpoint.pk)).data, status.HTTP_201_CREATED)

    def _related(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values with the user and the department they name; null takes nothing back but the department."""
        found = {name: value for name, value in values.items() if value is not None}
        if "description" in values:
            found["description"] = values["description"] or ""
        if "department" in values:
            found["department"] = self._department(values["department"])
        if "owner" in found:
            found["owner"] = self._owner(found["owner"])
        return found

    def _department(self, reference: str | None) -> Department | None:
        if reference is None:
            return None
        department = Department.objects.filter(reference=reference).first()
        if department is None:
            raise refusal([(("department",), "unknown_reference", f"there is no {reference} among the departments")])
        return department

    def _owner(self, email: str) -> User:
        """Only administrators give an endpoint other eyes than their own."""
        user = User.objects.filter(email=email).first()
        if user != principal(self.request) and not is_administrator(self.request):
            raise refusal([(("owner",), "not_yours", "an endpoint of yours has your address, or none")])
        if user is None or not user.has_role(*endpoints.OWNERS):
            raise refusal([(("owner",), "cannot_own", f"{email} may not have an endpoint")])
        return user


class DeliveryViewSet(Ledger):
    """The ledger of what was sent to one's endpoints, the latest first."""

    scope = "webhooks"
    queryset = WebhookDelivery.objects.select_related("endpoint", "event")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    writers = endpoints.OWNERS  # type: ignore[assignment]
    page_backwards = True

    def get_queryset(self) -> QuerySet[Any]:
        found: Any = super().get_queryset()
        return found.visible_to(principal(self.request))

    @extend_schema(responses=DeliverySerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.asked(DeliverySerializer(self.get_object())).data)

    @extend_schema(request=Nothing, responses={202: DeliverySerializer})
    def again(self, request: Request, pk: str) -> Response:
        """Send one that was delivered, given up or withheld once more, from its first attempt."""
        Nothing().run_validation(request.data)
        try:
            endpoints.send_again(self.get_object(), by=principal(request))
        except NotPossible as error:
            raise Conflict(str(error)) from None
        doorbell.ring()
        return Response(DeliverySerializer(self.get_object()).data, status.HTTP_202_ACCEPTED)
