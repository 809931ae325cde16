"""What people and machines do with endpoints: register, rotate the secret, ping, replay, switch off and on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from alerts.models import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent
from alerts.models.webhooks import PING, UNSETTLED, Disabled
from alerts.webhooks import addresses, payload, queue
from alerts.webhooks.signing import new_secret
from people.models import Role, User

OWNERS = (Role.BUYER, Role.POLICY_EDITOR, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)
"""Roles that may have endpoints of their own; administrators keep those of all."""
OVERLAP_HOURS = 24
LONGEST_OVERLAP_HOURS = 7 * 24
"""How long two secrets sign while one takes the other's place."""
MOST_REPLAYED = 100_000

log = structlog.get_logger(__name__)


class NotPossible(ValueError):  # noqa: N818
    """How things stand does not allow what was asked."""


@dataclass(frozen=True, slots=True)
class Range:
    """Events by the moment they were noted, or by sequence; both ends inclusive, None is open."""

    since: datetime | None = None
    until: datetime | None = None
    from_sequence: int | None = None
    to_sequence: int | None = None

    def of(self, events: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        bounds = {
            "created_at__gte": self.since,
            "created_at__lte": self.until,
            "pk__gte": self.from_sequence,
            "pk__lte": self.to_sequence,
        }
        return events.filter(**{name: bound for name, bound in bounds.items() if bound is not None})


def why_not(url: str) -> str | None:
    """Why nothing would ever be sent to an address as it is written; what its name means is looked up when sending."""
    try:
        addresses.target(url)
    except addresses.Unacceptable as refused:
        return str(refused)
    return None


def register(endpoint: WebhookEndpoint, *, by: User) -> str:
    """Keep a new endpoint; return its secret, which is shown this once."""
    endpoint.secret = new_secret()
    endpoint.save(force_insert=True)
    log.info("webhook endpoint registered", endpoint=endpoint.reference, by=by.email)
    return endpoint.secret


def rotate(endpoint: WebhookEndpoint, *, by: User, overlap_hours: int = OVERLAP_HOURS) -> str:
    """Make a new secret, shown this once. The one before signs too for a while; with 0 hours it is void at once."""
    with transaction.atomic():
        current = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        secret = new_secret()
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            secret=secret,
            previous_secret=current.secret if overlap_hours else "",
            previous_secret_until=Now() + timedelta(hours=overlap_hours) if overlap_hours else None,
        )
    log.info("webhook secret rotated", endpoint=endpoint.reference, by=by.email, overlap_hours=overlap_hours)
    return secret


def ping(endpoint: WebhookEndpoint, *, by: User, at: datetime) -> WebhookDelivery:
    """Queue a test event for this endpoint alone; it goes the way of all others, and at once."""
    _check_on(endpoint)
    with transaction.atomic():
        event = WebhookEvent.objects.create(type=PING, put_out_at=Now())
        event.refresh_from_db()
        event.body = payload.body(event, at, {"endpoint": endpoint.reference})
        event.save(update_fields=["body"])
        delivery = WebhookDelivery.objects.create(endpoint=endpoint, event=event)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    log.info("webhook ping", endpoint=endpoint.reference, by=by.email)
    return delivery


def disable(endpoint: WebhookEndpoint, *, by: User) -> None:
    """Send it nothing any more; what waits for it is given up. Repeating it changes nothing."""
    if queue.switch_off(endpoint, Disabled.PERSON):
        log.info("webhook endpoint disabled", endpoint=endpoint.reference, by=by.email)


def enable(endpoint: WebhookEndpoint, *, by: User) -> None:
    """Send it what happens from now on; what it has missed comes with a replay."""
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False).update(
        disabled_at=None, disabled_because="", failures=0, failing_since=None, paused_until=None
    )
    if enabled:
        log.info("webhook endpoint enabled", endpoint=endpoint.reference, by=by.email)


def replay(endpoint: WebhookEndpoint, wanted: Range, *, by: User, delivered: bool = True) -> int:
    """Send the events of a range once more under their old ids, in order; return how many are queued now.

    They are those the endpoint subscribes to and may hear of now, also from before it was registered. `delivered`
    False leaves out what it has accepted. NotPossible beyond MOST_REPLAYED events.
    """
    _check_on(endpoint)
    with transaction.atomic():
        subscribed = WebhookEvent.objects.filter(type__in=endpoint.events, put_out_at__isnull=False).exclude(body="")
        events = list(wanted.of(subscribed).order_by("id").defer("body")[: MOST_REPLAYED + 1])
        if len(events) > MOST_REPLAYED:
            raise NotPossible(f"more than {MOST_REPLAYED} events lie in this range: choose a shorter one")
        queued = 0
        for start in range(0, len(events), queue.BATCH):
            queued += _replay(endpoint, events[start : start + queue.BATCH], delivered=delivered)
    log.info("webhook replay", endpoint=endpoint.reference, events=queued, by=by.email)
    return queued


def send_again(delivery: WebhookDelivery, *, by: User) -> None:
    """One that was delivered, given up or withheld, from its first attempt."""
    _check_on(delivery.endpoint)
    if not _again(WebhookDelivery.objects.filter(pk=delivery.pk)):
        raise NotPossible("it is waiting to be sent already")
    log.info("webhook sent again", delivery=delivery.pk, endpoint=delivery.endpoint.reference, by=by.email)


def _replay(endpoint: WebhookEndpoint, events: Sequence[WebhookEvent], *, delivered: bool) -> int:
    heard = queue.audible(endpoint, {event.contract_id for event in events if event.contract_id is not None})
    events = [event for event in events if event.contract_id is None or event.contract_id in heard]
    known = WebhookDelivery.objects.filter(endpoint=endpoint, event__in=events)
    present = set(known.values_list("event_id", flat=True))
    queue.queue(endpoint, [event for event in events if event.pk not in present])
    again = known if delivered else known.exclude(state=DeliveryState.DELIVERED)
    return _again(again.filter(event__in=present)) + len(events) - len(present)


def _again(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Whatever waits already stays as it is; a failed one is tried at once."""
    failed = Q(state=DeliveryState.FAILED)
    return deliveries.filter(failed | ~Q(state__in=UNSETTLED)).update(
        state=DeliveryState.PENDING, attempts=0, next_attempt_at=Now(), delivered_at=None
    )


def _check_on(endpoint: WebhookEndpoint) -> None:
    if not WebhookEndpoint.objects.live().filter(pk=endpoint.pk).exists():
        raise NotPossible(f"{endpoint.reference} is switched off, or its owner is")
