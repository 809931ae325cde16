"""Delivery: claims messages that are due one by one, has them written, sends them, and notes what became of each.

A claim is a lease on the database's clock with a token: whoever was stopped too long while holding it finds the token
gone, sends nothing and writes nothing. A message is put into words once, by whoever first holds it; what is stored is
what every attempt sends. No transaction is open while a mail server is spoken to.
"""

import random
from collections import Counter
from datetime import timedelta
from typing import TypedDict
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import DateTimeField, Expression, ExpressionWrapper, F, QuerySet, Value
from django.db.models.functions import Coalesce, Now

from alerts.mail.plain import one_line
from alerts.mail.transport import Fate, Outcome, Stage, Transport
from alerts.models import Message, State
from alerts.writing import Writer
from people.models import WallClock

LIMIT = 500
"""Attempts of one round."""
FIRST_WAIT, LONGEST_WAIT = 5, 60 * 60
"""Seconds between attempts: doubled from the first to the longest, with jitter."""
GIVE_UP_AFTER = timedelta(hours=72)
UNREACHABLE_WAIT = 20
"""Seconds for which others go first, lest one message that breaks the session holds up all."""
UNCLEAR_WAIT = 5 * 60
"""Seconds before a mail that may have arrived is sent once more."""
UNCLEAR_ATTEMPTS = 2

log = structlog.get_logger(__name__)


class LeaseLost(Exception):  # noqa: N818
    """Somebody else has taken the message over."""


class Consequence(TypedDict, total=False):
    """What an outcome changes in the message's row."""

    state: State
    attempts: Expression
    next_attempt_at: Expression
    deferred_since: Expression
    sent_at: Expression
    unanswered: int


def deliver(*, limit: int = LIMIT) -> Counter[str]:
    """Send what is due, at most `limit` attempts; return how many had which outcome.

    Where no mail leaves at all the round ends, and everything keeps waiting.
    """
    counts: Counter[str] = Counter()
    writer = Writer()
    with Transport() as transport:
        for _ in range(limit):
            message = claim()
            if message is None:
                break
            outcome = attempt(message, writer, transport)
            if outcome is None or not record(message, outcome):
                counts["taken over"] += 1
                continue
            counts[outcome.fate.value] += 1
            if outcome.fate == Fate.UNREACHABLE:
                log.warning("no mail leaves at present", stage=outcome.stage.value, answer=outcome.answer)
                break
    return counts


def claim() -> Message | None:
    """The next message that is due, leased to the caller; None where there is none. Never waits for another claim."""
    with transaction.atomic():
        due = Message.objects.due().select_for_update(skip_locked=True).order_by("next_attempt_at", "id")
        message = due.first()
        if message is None:
            return None
        if message.state == State.SENDING:
            log.warning("lease of a lost sender taken over", message=message.pk, stage=message.stage)
            # Where the text had begun to leave this may be a second copy; it bears the same Message-ID.
            message.unanswered += message.stage == Stage.DATA
        message.state, message.stage, message.lease_token = State.SENDING, Stage.CONNECT, uuid4()
        message.attempts += 1
        claimed = {name: getattr(message, name) for name in ("state", "stage", "lease_token", "attempts", "unanswered")}
        Message.objects.filter(pk=message.pk).update(**claimed, lease_until=_in(lease_seconds()))
    return message


def lease_seconds() -> int:
    """Longer than a mail server may be silent between two renewals."""
    return 30 + 3 * int(settings.EMAIL_TIMEOUT)


def attempt(message: Message, writer: Writer, transport: Transport) -> Outcome | None:
    """Send a claimed message, written first where it is not yet; None where it was taken over before its text left."""
    try:
        write(message, writer)
        return transport.send(message, lambda stage: renew(message, stage))
    except LeaseLost:
        return None
    except DatabaseError:
        raise
    except Exception as error:  # a fault of ours in this one message must not keep the others
        log.exception("message could not be sent", message=message.pk)
        return Outcome(Fate.DEFERRED, Stage.CONNECT, f"{type(error).__name__}: {error}")


def write(message: Message, writer: Writer) -> None:
    """Put a claimed message into words and keep them, once. LeaseLost where it is no longer ours."""
    if message.rendered_at is not None:
        return
    with transaction.atomic():
        rendered = writer.write(message)
        content = {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
        if not _held(message).update(**content, rendered_at=WallClock(), lease_until=_in(lease_seconds())):
            raise LeaseLost
    message.refresh_from_db(fields=[*content, "rendered_at"])


def renew(message: Message, stage: Stage) -> None:
    """Note the stage and prolong the lease before the text leaves. LeaseLost where it is no longer ours."""
    if not _held(message).update(stage=stage, lease_until=_in(lease_seconds())):
        raise LeaseLost


def record(message: Message, outcome: Outcome) -> bool:
    """Write down what became of the attempt; False where the lease is no longer ours, and then nothing is written."""
    consequence = _consequence(message, outcome)
    answer = one_line(outcome.answer, 1000)
    kept = _held(message).update(
        **consequence, stage=outcome.stage, last_answer=answer, lease_token=None, lease_until=None
    )
    if not kept:
        log.warning("outcome of a lost lease dropped", message=message.pk, fate=outcome.fate.value)
    elif consequence["state"] == State.DEAD:
        log.error("dead letter", message=message.pk, recipient=message.recipient, answer=answer)
    return bool(kept)


def _held(message: Message) -> QuerySet[Message]:
    return Message.objects.filter(pk=message.pk, state=State.SENDING, lease_token=message.lease_token)


def _consequence(message: Message, outcome: Outcome) -> Consequence:
    match outcome.fate:
        case Fate.SENT:
            return {"state": State.SENT, "sent_at": Now()}
        case Fate.REFUSED:
            return {"state": State.DEAD}
        case Fate.UNREACHABLE:
            # No attempt of this message: it waits with all the others, for as long as it takes.
            return {
                "state": State.PENDING,
                "attempts": F("attempts") - 1,
                "next_attempt_at": _in(UNREACHABLE_WAIT),
            }
        case Fate.UNCLEAR:
            unanswered = message.unanswered + 1
            if unanswered >= UNCLEAR_ATTEMPTS:
                return {"state": State.DEAD, "unanswered": unanswered}
            return {"state": State.FAILED, "unanswered": unanswered, "next_attempt_at": _in(UNCLEAR_WAIT)}
        case Fate.DEFERRED:
            if _out_of_patience(message):
                return {"state": State.DEAD}
            return {
                "state": State.FAILED,
                "deferred_since": Coalesce("deferred_since", Now()),
                "next_attempt_at": _in(_wait(message.attempts)),
            }


def _out_of_patience(message: Message) -> bool:
    return Message.objects.filter(pk=message.pk, deferred_since__lt=_in(-GIVE_UP_AFTER.total_seconds())).exists()


def _wait(attempts: int) -> float:
    """Seconds until the next attempt after so many; half of it is chance, so that messages do not march in step."""
    longest = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)
    return max(longest * random.uniform(0.5, 1), FIRST_WAIT)


def _in(seconds: float) -> Expression:
    """So many seconds from now on the database's clock."""
    return ExpressionWrapper(Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField())
