"""The queue of webhooks: events are put out to endpoints, deliveries claimed, and what became of them written down.

A claim is a lease on the database's clock with a token: whoever was stopped too long while holding it writes nothing.
Transactions here are brief, and the database ends one whose process has stopped in the middle of it.
"""

import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Expression, F, Q
from django.db.models.functions import Coalesce, Now

from alerts.leases import brief_transaction, database_now, in_seconds
from alerts.models import CheckTurn, DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent
from alerts.models.webhooks import UNSETTLED, Disabled
from alerts.webhooks import payload
from alerts.webhooks.sender import Fate, Outcome
from contracts.models import Contract
from people.models import Role

BATCH = 500
"""Events put out in one transaction."""
WAITS = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 14 * 3600, 24 * 3600, 26 * 3600)
"""Seconds after each attempt but the last: ten attempts over three days."""
JITTER = 0.1
"""By how much of itself a wait may be longer, so that deliveries do not march in step."""
LONGEST_RETRY_AFTER = 6 * 3600
FIRST_PAUSE, LONGEST_PAUSE = 5, 5 * 60
"""Seconds for which an endpoint that fails as a whole is left alone; doubled from the first to the longest."""
GIVE_UP_AFTER = timedelta(days=5)
"""An endpoint that took nothing for so long is switched off."""
ONE_AT_A_TIME = 6_081_512
"""The advisory lock under which events are put out, so that those of one object are queued in order."""

log = structlog.get_logger(__name__)


def lease_seconds() -> int:
    """Longer than an attempt may take."""
    return 10 + int(settings.WEBHOOK_TIMEOUT)


def put_out() -> int:
    """Queue a delivery of every event for every endpoint that is to hear of it; return how many events there were."""
    total = 0
    while count := _put_out_batch():
        total += count
    return total


def _put_out_batch() -> int:
    """Somebody else at work leaves nothing to do."""
    if not WebhookEvent.objects.not_put_out().exists():
        return 0
    with brief_transaction(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        if cursor.fetchone() != (True,):
            return 0
        events = list(WebhookEvent.objects.not_put_out().select_related("check_turn").order_by("id")[:BATCH])
        bodies = payload.bodies(events)
        moment = database_now()
        for event in events:
            event.body, event.put_out_at = bodies.get(event.pk, ""), moment
        told = [event for event in events if event.body]
        if len(told) < len(events):
            log.error("webhook events about objects that are gone", events=len(events) - len(told))
        for endpoint in WebhookEndpoint.objects.live().select_related("owner"):
            queue(endpoint, [event for event in told if event.type in endpoint.events])
        WebhookEvent.objects.bulk_create(
            events, update_conflicts=True, update_fields=["body", "put_out_at"], unique_fields=["id"]
        )
    return len(events)


def queue(endpoint: WebhookEndpoint, events: list[WebhookEvent]) -> None:
    """Queue what of the events the endpoint may hear of and has not been queued for it."""
    WebhookDelivery.objects.bulk_create(
        (WebhookDelivery(endpoint=endpoint, event=event, subject=event.subject) for event in heard(endpoint, events)),
        ignore_conflicts=True,
        batch_size=BATCH,
    )


def heard(endpoint: WebhookEndpoint, events: Sequence[WebhookEvent]) -> list[WebhookEvent]:
    """Those of the events that the endpoint may hear of now."""
    contracts = audible(endpoint, {event.contract_id for event in events if event.contract_id is not None})
    turns = {event.check_turn_id for event in events if event.check_turn_id is not None}
    checks = CheckTurn.objects.filter(pk__in=turns, parent__in=endpoint.checks().order_by().values("pk"))
    turned = set(checks.values_list("pk", flat=True)) if turns else set()
    return [
        event
        for event in events
        if (event.contract_id is None or event.contract_id in contracts)
        and (event.check_turn_id is None or event.check_turn_id in turned)
    ]


def audible(endpoint: WebhookEndpoint, contracts: set[int]) -> set[int]:
    """Those of the contracts that the endpoint may hear of now; of one that was deleted, whoever had heard of it."""
    if not contracts:
        return set()
    seen = set(endpoint.contracts().filter(pk__in=contracts).values_list("pk", flat=True))
    gone = contracts - set(Contract.objects.filter(pk__in=contracts).values_list("pk", flat=True))
    if gone and endpoint.department_id is None and endpoint.owner.has_role(Role.ADMINISTRATOR):
        return seen | gone
    if not gone:
        return seen
    before = WebhookEvent.objects.filter(contract_id__in=gone, deliveries__endpoint=endpoint)
    return seen | (gone & set(before.values_list("contract_id", flat=True)))


def bury() -> int:
    """Give up what waits for endpoints that were switched off; it can be replayed."""
    lapsed = Q(state__in=UNSETTLED) & (~Q(state=DeliveryState.SENDING) | Q(lease_until__lt=Now()))
    waiting = WebhookDelivery.objects.filter(lapsed, endpoint__disabled_at__isnull=False)
    return waiting.update(
        state=DeliveryState.DEAD, last_answer="the endpoint is switched off", lease_token=None, lease_until=None
    )


def claim(most: int) -> list[WebhookDelivery]:
    """Deliveries that are due, leased to the caller: a fair share of every endpoint that has any."""
    claimed: list[WebhookDelivery] = []
    while len(claimed) < most:
        before = len(claimed)
        ready = list(WebhookEndpoint.objects.ready().select_related("owner").order_by("?"))
        for endpoint in ready:
            share = 1 if endpoint.failures else -(-most // len(ready))
            if wanted := min(share, most - len(claimed)):
                claimed += _claim_of(endpoint, wanted)
        if len(claimed) == before:
            break
    return claimed


def _claim_of(endpoint: WebhookEndpoint, most: int) -> list[WebhookDelivery]:
    """The earliest that are due of the endpoint; what its owner may no longer hear of is withheld."""
    token = uuid4()
    with brief_transaction():
        due = WebhookDelivery.objects.due().filter(endpoint=endpoint).order_by("event")
        found = list(due.select_for_update(skip_locked=True, of=("self",)).select_related("event")[:most])
        told = {event.pk for event in heard(endpoint, [one.event for one in found])}
        claimed = [one for one in found if one.event_id in told]
        if len(claimed) < len(found):
            withheld = WebhookDelivery.objects.filter(pk__in={one.pk for one in found} - {one.pk for one in claimed})
            withheld.update(state=DeliveryState.WITHHELD, lease_token=None, lease_until=None)
        WebhookDelivery.objects.filter(pk__in=[one.pk for one in claimed]).update(
            state=DeliveryState.SENDING,
            lease_token=token,
            lease_until=in_seconds(lease_seconds()),
            attempts=F("attempts") + 1,
        )
    for one in claimed:
        if one.state == DeliveryState.SENDING:
            log.warning("lease of a lost sender taken over", delivery=one.pk)
        one.endpoint, one.lease_token, one.attempts = endpoint, token, one.attempts + 1
    return claimed


def record(delivery: WebhookDelivery, outcome: Outcome) -> bool:
    """Write down what became of an attempt; False where the lease is no longer ours, and then nothing is written."""
    endpoint = delivery.endpoint
    if outcome.fate == Fate.DELIVERED and not (endpoint.failures or endpoint.failing_since or endpoint.paused_until):
        return _written(delivery, outcome)
    with brief_transaction():
        kept = _written(delivery, outcome)
        if kept and outcome.fate == Fate.DELIVERED:
            _recovered(endpoint)
        elif kept and outcome.fate == Fate.GONE:
            switch_off(endpoint, Disabled.GONE)
        elif kept and outcome.ailing:
            _ailing(endpoint, outcome)
    return kept


def _written(delivery: WebhookDelivery, outcome: Outcome) -> bool:
    held = WebhookDelivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, lease_token=delivery.lease_token)
    delivered_at: Expression | None = None
    next_attempt_at: Expression = Now()
    if outcome.fate == Fate.DELIVERED:
        state, delivered_at = DeliveryState.DELIVERED, Now()
    elif outcome.fate == Fate.GONE or delivery.attempts > len(WAITS):
        state = DeliveryState.DEAD
        log.error("dead webhook", delivery=delivery.pk, endpoint=delivery.endpoint.reference, answer=outcome.answer)
    else:
        state, next_attempt_at = DeliveryState.FAILED, in_seconds(_wait(delivery.attempts, outcome))
    kept = held.update(
        state=state,
        delivered_at=delivered_at,
        next_attempt_at=next_attempt_at,
        last_status=outcome.status,
        last_answer=outcome.answer,
        lease_token=None,
        lease_until=None,
    )
    if not kept:
        log.warning("outcome of a lost lease dropped", delivery=delivery.pk, fate=outcome.fate.value)
    return bool(kept)


def _recovered(endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures=0, failing_since=None, paused_until=None)


def _ailing(endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    """Leave the endpoint alone for a while; attempts that were under way together count as one."""
    pause = min(FIRST_PAUSE * 2.0 ** min(endpoint.failures, 20), LONGEST_PAUSE)
    pause = max(pause, min(outcome.retry_after or 0, LONGEST_RETRY_AFTER))
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=endpoint.failures + 1, failing_since=Coalesce("failing_since", Now()), paused_until=in_seconds(pause)
    )
    long_ago = in_seconds(-GIVE_UP_AFTER.total_seconds())
    if WebhookEndpoint.objects.filter(pk=endpoint.pk, failing_since__lt=long_ago).exists():
        switch_off(endpoint, Disabled.FAILING)


def switch_off(endpoint: WebhookEndpoint, because: Disabled) -> bool:
    """Send nothing any more; False where it was off already. What waits for it is given up."""
    switched = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=True).update(
        disabled_at=Now(), disabled_because=because
    )
    if switched:
        log.warning("webhook endpoint switched off", endpoint=endpoint.reference, because=because.value)
        bury()
    return bool(switched)


def _wait(attempts: int, outcome: Outcome) -> float:
    """Seconds until the next attempt after so many; at least as long as the endpoint asks for, within reason."""
    wait = WAITS[attempts - 1] * random.uniform(1, 1 + JITTER)
    return max(wait, min(outcome.retry_after or 0, LONGEST_RETRY_AFTER))
