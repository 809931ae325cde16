"""What planted bugs do in place of the product's own functions; each is given the real one first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db.models import QuerySet
from django.db.models.functions import Now

from alerts import delivery, messages
from alerts.changelog import Reading
from alerts.mail.transport import Outcome
from alerts.models import Fate, Message, ScreeningCursor, ScreeningRun, State
from people.models import WallClock

Real = Callable[..., Any]


def nothing(real: Real, *arguments: Any, **options: Any) -> int:
    return 0


def marked_before(real: Real, message: Message, writer: Any, *rest: Any, **options: Any) -> Any:
    delivery.write(message, writer)
    Message.objects.filter(pk=message.pk).update(state=State.SENT, sent_at=Now(), lease_token=None)
    message.log.filter(fate=None).update(fate=Fate.SENT, ended_at=Now())
    return real(message, writer, *rest, **options)


def held_by_anybody(real: Real, message: Message) -> QuerySet[Message]:
    return Message.objects.filter(pk=message.pk)


def renewed_for_anybody(real: Real, message: Message, **noted: str) -> bool:
    Message.objects.filter(pk=message.pk, state=State.SENDING).update(**noted)
    return True


def highest_seen(real: Real, reading: Reading, *, policies_due_at: datetime | None) -> None:
    before = ScreeningCursor.objects.values_list("xid", flat=True).first() or 0
    place = {"xid": max([before, *(entry.xid + 1 for entry in reading.entries)]), "ahead": []}
    ScreeningCursor.objects.update_or_create(id=1, defaults={**place, "policies_due_at": policies_due_at})


def without_lock_and_mark(real: Real, run: int, at: datetime) -> int:
    queued = messages._queue(run, at)
    ScreeningRun.objects.filter(pk=run).update(composed_at=WallClock())
    return queued


def never_the_same(real: Real, *arguments: Any) -> str:
    return f"{real(*arguments)}:{uuid4()}"


def deferred_is_sent(real: Real, message: Message, outcome: Outcome, at: datetime) -> None:
    real(message, replace(outcome, fate=Fate.SENT) if outcome.fate == Fate.DEFERRED else outcome, at)


def unclear_is_deferred(real: Real, message: Message, outcome: Outcome, at: datetime) -> None:
    real(message, replace(outcome, fate=Fate.DEFERRED) if outcome.fate == Fate.UNCLEAR else outcome, at)


def all_refused(real: Real, message: Message, outcome: Outcome, *, at: datetime) -> Outcome | None:
    refused = outcome.fate in (Fate.UNREACHABLE, Fate.POLICY)
    return real(message, replace(outcome, fate=Fate.REFUSED, of_message=True) if refused else outcome, at=at)
