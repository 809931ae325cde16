"""The queue of messages: claimed one by one under a lease, and what became of each attempt written down.

A claim is a lease on the database's clock with a token: whoever was stopped too long while holding it finds the token
gone, sends nothing and writes nothing. What is written down about an attempt, about the mail server and about who gets
a message instead is one transaction.
"""

import random
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import uuid4

import structlog
from django.db.models import Expression, F, QuerySet
from django.db.models.functions import Coalesce, Now

from alerts.leases import brief_transaction, in_seconds
from alerts.mail.plain import one_line
from alerts.mail.transport import Outcome
from alerts.models import Fate, Message, MessageAttempt, Stage, State
from alerts.outbox import circuit, pacing, redirect
from alerts.outbox.keeper import LEASE_SECONDS

FIRST_WAIT, LONGEST_WAIT = 5, 60 * 60
"""Seconds between attempts: doubled from the first to the longest, with jitter."""
GIVE_UP_AFTER = timedelta(hours=72)
UNREACHABLE_WAIT = 20
"""Seconds for which others go first, lest one message that breaks the session holds up all."""
UNCLEAR_WAIT = 30
"""Seconds before a mail that may have arrived is sent once more."""
UNCLEAR_ATTEMPTS = 2
LOST_ATTEMPTS = 5
"""A message whose senders were lost so often in a row may be what loses them."""
TAKEN_OVER_AT_ONCE = 100

log = structlog.get_logger(__name__)


class Consequence(TypedDict, total=False):
    """What an outcome changes in the message's row."""

    state: State
    attempts: Expression
    next_attempt_at: Expression
    deferred_since: Expression
    sent_at: Expression
    unanswered: int


def take_over(*, at: datetime) -> int:
    """Put what lost senders held back into the queue; return how much that was."""
    with brief_transaction():
        lapsed = Message.objects.lapsed().order_by("lease_until").select_for_update(skip_locked=True)
        messages = list(lapsed[:TAKEN_OVER_AT_ONCE])
        for message in messages:
            log.warning("lease of a lost sender taken over", message=message.pk, stage=message.stage)
            settle(message, Outcome(Fate.LOST, Stage(message.stage or Stage.WRITE), "the sender was lost"), at)
    return len(messages)


def claim() -> Message | None:
    """The next message that is due, leased to the caller; None where there is none, or where the mail server is left
    alone. Never waits for another claim."""
    with brief_transaction():
        due = Message.objects.due().select_for_update(skip_locked=True).order_by("next_attempt_at", "id")
        message = due.first()
        if message is None or not circuit.admits(LEASE_SECONDS):
            return None
        message.state, message.stage, message.lease_token = State.SENDING, Stage.WRITE, uuid4()
        message.attempts += 1
        claimed = {name: getattr(message, name) for name in ("state", "stage", "lease_token", "attempts")}
        Message.objects.filter(pk=message.pk).update(**claimed, lease_until=in_seconds(LEASE_SECONDS))
        MessageAttempt.objects.create(message=message, number=message.attempts, token=message.lease_token)
        pacing.book(message.recipient)
    return message


def held(message: Message) -> QuerySet[Message]:
    """The message's row as long as it is the caller's."""
    return Message.objects.filter(pk=message.pk, state=State.SENDING, lease_token=message.lease_token)


def record(message: Message, outcome: Outcome, *, at: datetime) -> Outcome | None:
    """Write down what became of the attempt, and return it as what it was taken for.

    None where the lease is no longer ours, and then nothing is written.
    """
    with brief_transaction():
        kept = held(message).defer("subject", "text", "html").select_for_update().first()
        if kept is None:
            log.warning("outcome of a lost lease dropped", message=message.pk, fate=outcome.fate.value)
            return None
        outcome = _told_apart(kept, outcome)
        settle(kept, outcome, at)
        if outcome.fate in (Fate.UNREACHABLE, Fate.POLICY):
            circuit.failed(one_line(outcome.answer, 1000))
        elif outcome.of_message:
            circuit.recovered()
    return outcome


def settle(message: Message, outcome: Outcome, at: datetime) -> None:
    """In the caller's transaction, with the row locked."""
    consequence, answer = _consequence(message, outcome), one_line(outcome.answer, 1000)
    message.log.filter(fate__isnull=True).update(fate=outcome.fate, stage=outcome.stage, answer=answer, ended_at=Now())
    Message.objects.filter(pk=message.pk).update(
        **consequence, stage=outcome.stage, last_answer=answer, lease_token=None, lease_until=None
    )
    if consequence["state"] == State.DEAD:
        log.error("dead letter", message=message.pk, recipient=message.recipient, answer=answer)
        redirect.escalate(message, at=at)


def _told_apart(message: Message, outcome: Outcome) -> Outcome:
    """A refusal by policy is of this message alone where others were accepted since it was first refused."""
    since = message.deferred_since
    if outcome.fate != Fate.POLICY or since is None or not Message.objects.filter(sent_at__gt=since).exists():
        return outcome
    return Outcome(Fate.REFUSED, outcome.stage, outcome.answer, of_message=True)


def _consequence(message: Message, outcome: Outcome) -> Consequence:
    match outcome.fate:
        case Fate.SENT:
            return {"state": State.SENT, "sent_at": Now()}
        case Fate.REFUSED:
            return {"state": State.DEAD}
        case Fate.WITHHELD:
            return {"state": State.WITHHELD}
        case Fate.UNREACHABLE | Fate.POLICY:
            # No attempt of this message: it waits with all the others, for as long as it takes.
            waits: Consequence = {
                "state": State.PENDING,
                "attempts": F("attempts") - 1,
                "next_attempt_at": in_seconds(UNREACHABLE_WAIT),
            }
            if outcome.fate == Fate.POLICY:
                waits["deferred_since"] = Coalesce("deferred_since", Now())
            return waits
        case Fate.UNCLEAR:
            return _unclear(message, in_seconds(UNCLEAR_WAIT))
        case Fate.LOST:
            return _lost(message, outcome)
        case Fate.DEFERRED:
            if _out_of_patience(message):
                return {"state": State.DEAD}
            return {
                "state": State.FAILED,
                "deferred_since": Coalesce("deferred_since", Now()),
                "next_attempt_at": in_seconds(wait(message.attempts)),
            }


def _unclear(message: Message, again: Expression) -> Consequence:
    """It may have arrived: sent once more, under the same Message-ID, and then it is a matter for people."""
    unanswered = message.unanswered + 1
    if unanswered >= UNCLEAR_ATTEMPTS:
        return {"state": State.DEAD, "unanswered": unanswered}
    return {"state": State.FAILED, "unanswered": unanswered, "next_attempt_at": again}


def _lost(message: Message, outcome: Outcome) -> Consequence:
    """Tried again at once, for a worker that was killed says nothing of the message; unless it happens again."""
    before = message.log.filter(fate=Fate.LOST).count()
    again = in_seconds(wait(before)) if before else Now()
    if outcome.stage == Stage.DATA:
        return _unclear(message, again)
    if before + 1 >= LOST_ATTEMPTS:
        return {"state": State.DEAD}
    return {"state": State.FAILED, "next_attempt_at": again}


def _out_of_patience(message: Message) -> bool:
    long_ago = in_seconds(-GIVE_UP_AFTER.total_seconds())
    return Message.objects.filter(pk=message.pk, deferred_since__lt=long_ago).exists()


def wait(attempts: int) -> float:
    """Seconds until the next attempt after so many; half of it is chance, so that messages do not march in step."""
    longest = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)
    return max(longest * random.uniform(0.5, 1), FIRST_WAIT)
