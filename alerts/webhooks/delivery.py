"""A round of deliveries: whatever is due is claimed a handful at a time, sent side by side, and accounted for.

No transaction is open while an endpoint is spoken to, and the threads that speak to endpoints touch no database.
"""

import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime

import structlog
from django.conf import settings

from alerts.leases import database_now
from alerts.models import WebhookDelivery
from alerts.webhooks import queue, sender
from alerts.webhooks.sender import Fate, Outcome
from alerts.webhooks.signing import signed

AT_ONCE = 8
"""Attempts side by side."""
LIMIT = 2000
"""Attempts of one round."""
ROUND_SECONDS = 20
"""After which a round claims nothing more, so that a worker is not kept from mails and screening."""

log = structlog.get_logger(__name__)


def deliver(*, limit: int = LIMIT) -> Counter[str]:
    """Put events out and send what is due, at most `limit` attempts; return how many had which outcome."""
    queue.put_out()
    queue.bury()
    counts: Counter[str] = Counter()
    ends = time.monotonic() + ROUND_SECONDS
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as pool:
        while counts.total() < limit and time.monotonic() < ends:
            # From before the claim: whoever is stopped after it finds the time of the attempt over, and sends nothing.
            deadline = time.monotonic() + settings.WEBHOOK_TIMEOUT
            claimed = queue.claim(min(AT_ONCE, limit - counts.total()))
            if not claimed:
                break
            at = database_now()  # what is signed does not hang on this machine's clock
            attempts: dict[Future[Outcome], WebhookDelivery] = {
                pool.submit(_attempt, delivery, deadline, at): delivery for delivery in claimed
            }
            for done in as_completed(attempts):
                outcome = done.result()
                kept = queue.record(attempts[done], outcome)
                counts[outcome.fate.value if kept else "taken over"] += 1
    return counts


def _attempt(delivery: WebhookDelivery, deadline: float, at: datetime) -> Outcome:
    """Without the database: all that is needed was read with the claim."""
    endpoint, event = delivery.endpoint, delivery.event
    secrets = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_secret_until and at < endpoint.previous_secret_until:
        secrets.append(endpoint.previous_secret)
    try:
        headers = signed(event.message_id, event.body, at=at, with_secrets=secrets)
        return sender.post(endpoint.url, event.body, headers, deadline=deadline, at=at)
    except Exception as error:  # a fault of ours in this one delivery must not keep the others
        log.exception("webhook could not be sent", delivery=delivery.pk)
        return Outcome(Fate.FAILED, None, f"{type(error).__name__}: {error}"[:500])
