"""The calendar that people subscribe to, the key to it, and the stages in which a contract's dates are reminded of."""

from hashlib import sha256
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.models import ReminderStages
from alerts.models.reminders import FURTHEST, MOST_STAGES
from alerts.reminders import feed, keys
from alerts.reminders.stages import DEFAULT
from contracts.views import ContractViewSet
from people import clock
from people.fields import Whole
from people.principal import principal
from people.resources import READERS, Resource, refusal
from people.row_security import seen_by
from people.strict import Rows, Strict

HEADERS = {
    "Content-Type": "text/calendar; charset=utf-8",
    "Content-Disposition": 'inline; filename="tocsin.ics"',
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


@require_safe
def calendar(request: HttpRequest, key: str) -> HttpResponseBase:
    """The holder's critical dates; 404 for a key that is not, or no longer, valid.

    A program keeps it and asks each time whether it is still right (304), so that a revoked key is void at once.
    """
    user = keys.holder(key)
    if user is None:
        raise Http404
    with seen_by(user):
        text = feed.ics(user, at=clock.now())
    etag = f'"{sha256(text).hexdigest()}"'
    answer = get_conditional_response(request, etag=etag) or HttpResponse(text)
    for name, value in {**HEADERS, "ETag": etag}.items():
        answer[name] = value
    return answer


class KeySerializer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField(allow_null=True, help_text="null: there is no calendar")


class NewKeySerializer(KeySerializer):
    url = serializers.CharField(help_text="subscribe to it; it is shown this once")


class CalendarViewSet(Resource):
    """One's own calendar of critical dates."""

    scope = "calendar"
    secret_actions = ("create",)
    writers = READERS
    serializer_class = KeySerializer

    @extend_schema(responses=KeySerializer)
    def retrieve(self, request: Request) -> Response:
        """Whether there is one; its address is not told again."""
        found = keys.current(principal(request))
        return Response(KeySerializer({"created_at": found and found.created_at}).data)

    @extend_schema(request=None, responses={201: NewKeySerializer})
    def create(self, request: Request) -> Response:
        """A new address, which opens it without a log-in; the one before is void."""
        url = keys.make(principal(request))
        found = keys.current(principal(request))
        made = NewKeySerializer({"created_at": found and found.created_at, "url": url})
        return Response(made.data, status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request) -> Response:
        """Revoke the address; it answers 404 from now on."""
        keys.revoke(principal(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class StagesWritten(Strict):
    days = Rows(Whole(required=True, most=FURTHEST))


class StagesSerializer(serializers.Serializer[Any]):
    days = serializers.ListField(child=serializers.IntegerField(), allow_null=True, help_text="null: the default")
    default = serializers.ListField(child=serializers.IntegerField())


class ContractRemindersViewSet(ContractViewSet):
    """How many days ahead people are reminded of a contract's critical dates."""

    @extend_schema(responses=StagesSerializer)
    def retrieve(self, request: Request, reference: str) -> Response:
        own = ReminderStages.objects.filter(contract=self.get_object()).first()
        return Response(StagesSerializer({"days": own and own.days, "default": DEFAULT}).data)

    @extend_schema(request=StagesWritten, responses=StagesSerializer)
    def update(self, request: Request, reference: str) -> Response:
        """`null` goes back to the default; an empty list reminds of nothing."""
        contract = self.get_object()
        said = StagesWritten().run_validation(request.data)
        if "days" not in said:
            raise refusal([(("days",), "required", "is missing")])
        if said["days"] is None:
            ReminderStages.objects.filter(contract=contract).delete()
        else:
            days = sorted(set(said["days"]), reverse=True)
            if len(days) > MOST_STAGES:
                raise refusal([(("days",), "too_many", f"{MOST_STAGES} stages are the most")])
            ReminderStages.objects.update_or_create(contract=contract, defaults={"days": days})
        return self.retrieve(request, reference)
