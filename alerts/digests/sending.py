"""Digests that are due: everything that waits for one person until now becomes one message.

However late that is, it is one: what waited through an outage is told once, with the first call after it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import structlog

from alerts.leases import brief_transaction
from alerts.mail.language import language_of
from alerts.messages import CHANNEL, message_id
from alerts.models import HeldNews, Message, Purpose
from people.models import User

log = structlog.get_logger(__name__)


def compose(*, at: datetime) -> int:
    """Queue the digests that are due at the instant; return how many. Safe to call twice at once."""
    if not HeldNews.objects.due(at).exists():
        return 0
    with brief_transaction():
        waiting: defaultdict[str, list[HeldNews]] = defaultdict(list)
        # Whoever comes second waits, and finds them told of.
        for held in HeldNews.objects.due(at).select_for_update(no_key=True, of=("self",)).order_by("id"):
            waiting[held.recipient].append(held)
        users = User.objects.in_bulk(list(waiting), field_name="email")
        digests = [_digest(told, users.get(address), at) for address, told in waiting.items()]
        for message in Message.objects.bulk_create(digests):
            HeldNews.objects.filter(pk__in=[held.pk for held in waiting[message.recipient]]).update(message=message)
    log.info("digests queued", messages=len(waiting))
    return len(waiting)


def _digest(told: Sequence[HeldNews], user: User | None, at: datetime) -> Message:
    """News is told of once: with the recipient the first of it makes the key."""
    key = f"{CHANNEL}:digest:{told[0].pk}:{told[0].recipient}"
    capacities = {tuple(pair): None for held in told for pair in held.capacities}
    return Message(
        recipient=told[0].recipient,
        channel=CHANNEL,
        purpose=Purpose.DIGEST,
        dedup_key=key,
        message_id=message_id(key),
        events=sorted(event for held in told for event in held.events),
        capacities=[list(pair) for pair in capacities],
        departments=sorted({department for held in told for department in held.departments}),
        at=at,
        language=language_of(user),
    )
