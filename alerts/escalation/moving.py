"""Moves what nobody acknowledged in time to whoever comes next, by one message per recipient and sweep.

Every message that tells of flags, an escalation too, has timers, see alerts/escalation/due.py. One that has run out is
looked at once: the flags it was for are read as they stand at that moment, and those that still wait move on. However
late that is, one step is taken; the next has a timer of its own, which begins when its message has arrived.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import transaction

from alerts.escalation.due import set_timers
from alerts.escalation.steps import Successor, next_step
from alerts.escalation.waiting import Unacknowledged, charges_of, unacknowledged
from alerts.mail.language import language_of
from alerts.messages import CHANNEL, message_id
from alerts.models import EscalationStep, EscalationTimer, Message, Purpose, Step
from alerts.outbox.redirect import departments_of
from alerts.recipients import Directory

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Draft:
    """What one recipient is to be told in one sweep."""

    to: Successor
    capacities: dict[tuple[str, str], None] = field(default_factory=dict)
    moved: list[tuple[Unacknowledged, Step]] = field(default_factory=list)


def escalate(*, at: datetime) -> int:
    """Set timers, and see to those that have run out at the instant; return how many messages were queued.

    Safe to call twice at once: whoever comes second waits, and finds the timers seen to.
    """
    set_timers()
    with transaction.atomic():
        timers = list(EscalationTimer.objects.due(at).select_for_update().order_by("id").values_list("pk", flat=True))
        if not timers:
            return 0
        drafts = _drafts(unacknowledged(timers), at)
        messages = Message.objects.bulk_create(_message(draft, timers[0], at) for draft in drafts)
        for message, draft in zip(messages, drafts, strict=True):
            EscalationStep.objects.bulk_create(_steps(message, draft, at), batch_size=2000)
        EscalationTimer.objects.filter(pk__in=timers).update(acted_at=at)
    for draft in drafts:
        log.info("flags escalated", recipient=draft.to.address, flags=len(draft.moved))
    return len(drafts)


def _drafts(waiting: Sequence[Unacknowledged], at: datetime) -> list[Draft]:
    """By recipient."""
    charges = charges_of(waiting)
    directory = Directory(charges.values(), at)
    drafts: dict[str, Draft] = {}
    for one in waiting:
        to = next_step(charges[one.charge], beyond=one.rank, told=one.told, directory=directory)
        if to is None:
            log.warning("flag unacknowledged by everybody who could be told", flag=one.flag)
            continue
        draft = drafts.setdefault(to.address, Draft(to))
        draft.capacities[to.step, one.recipient] = None
        draft.moved.append((one, to.step))
    return list(drafts.values())


def _message(draft: Draft, timer: int, at: datetime) -> Message:
    """A timer is seen to once: with the recipient it makes the key."""
    key = f"{CHANNEL}:escalation:{timer}:{draft.to.address}"
    return Message(
        recipient=draft.to.address,
        channel=CHANNEL,
        purpose=Purpose.ESCALATION,
        dedup_key=key,
        message_id=message_id(key),
        events=[one.event for one, _ in draft.moved],
        capacities=[list(capacity) for capacity in draft.capacities],
        departments=departments_of(draft.to.user),
        at=at,
        language=language_of(draft.to.user),
    )


def _steps(message: Message, draft: Draft, at: datetime) -> Iterator[EscalationStep]:
    for one, step in draft.moved:
        yield EscalationStep(
            flag_id=one.flag,
            step=step,
            recipient=message.recipient,
            at=at,
            unacknowledged_by=one.recipient,
            message=message,
            reopening_id=one.reopening,
        )
