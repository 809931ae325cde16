"""Delivery: claims messages that are due one by one, has them written, sends them, and notes what became of each.

A message is put into words once, by whoever first holds it; what is stored is what every attempt sends. Whether its
recipient is there and may still have it is looked at before every attempt. No transaction is open while a mail server
is spoken to.
"""

import time
from collections import Counter
from datetime import datetime

import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from alerts.leases import brief_transaction, in_seconds
from alerts.mail.transport import Outcome, Transport
from alerts.models import Fate, Message, Purpose, Stage
from alerts.outbox import queue, redirect
from alerts.outbox.keeper import LEASE_SECONDS, Keeper, LeaseLost, renew
from alerts.reminders import successors
from alerts.writing import Writer
from people.models import WallClock

LIMIT = 500
"""Attempts of one round."""
PATIENCE = 5
"""For how many times EMAIL_TIMEOUT, which is for a single answer, an attempt may last."""

log = structlog.get_logger(__name__)


def deliver(*, at: datetime, limit: int = LIMIT) -> Counter[str]:
    """Send what is due, at most `limit` attempts; return how many had which outcome.

    `at` decides who is away and is told nothing of leases and waits, which are on the database's clock. Where no mail
    leaves at all the round ends, and everything keeps waiting.
    """
    counts: Counter[str] = Counter()
    writer = Writer()
    with Transport() as transport, Keeper(transport.break_off, PATIENCE * settings.EMAIL_TIMEOUT) as keeper:
        queue.take_over(at=at)
        for _ in range(limit):
            claimed = time.monotonic()  # from before the claim: a lease is never taken for longer than it is
            message = queue.claim()
            if message is None:
                break
            keeper.watch(message, claimed)
            try:
                outcome = attempt(message, writer, transport, keeper, at=at)
            finally:
                keeper.let_go()
            if outcome is not None and outcome.fate != Fate.WITHHELD:
                outcome = queue.record(message, outcome, at=at)
            if outcome is None:
                counts["taken over"] += 1
                continue
            counts[outcome.fate.value] += 1
            if outcome.fate in (Fate.UNREACHABLE, Fate.POLICY):
                log.warning("no mail leaves at present", stage=outcome.stage.value, answer=outcome.answer)
                break
    return counts


def attempt(message: Message, writer: Writer, transport: Transport, keeper: Keeper, *, at: datetime) -> Outcome | None:
    """Send a claimed message, written first where it is not yet; None where it was taken over before its text left."""

    def before_text() -> None:
        moment = time.monotonic()
        if not renew(message, stage=Stage.DATA):
            raise LeaseLost
        keeper.renewed(moment)

    try:
        if not readdress(message, at=at):
            return Outcome(Fate.WITHHELD, Stage.WRITE, "")
        write(message, writer)
        return transport.send(message, before_text, keeper.check)
    except LeaseLost:
        return None
    except DatabaseError:
        raise
    except Exception as error:  # a fault of ours in this one message must not keep the others
        log.exception("message could not be sent", message=message.pk)
        stage = Stage.WRITE if message.rendered_at is None else Stage.CONNECT
        return Outcome(Fate.DEFERRED, stage, f"{type(error).__name__}: {error}")


def readdress(message: Message, *, at: datetime) -> bool:
    """Give to others what the recipient of a claimed message may no longer have, or is away for; False where nothing is
    left to send.

    LeaseLost where it is no longer ours.
    """
    reminds = message.purpose == Purpose.REMINDER
    if not (message.contracts if reminds else message.events):
        return True
    with brief_transaction():
        if not queue.held(message).select_for_update().exists():
            raise LeaseLost
        kept, lost = successors.lost_contracts(message, at=at) if reminds else redirect.lost_events(message, at=at)
        if not lost:
            return True
        log.warning("message withheld from its recipient", message=message.pk, lost=len(lost), left=len(kept))
        if kept and message.rendered_at is None:
            field = "contracts" if reminds else "events"
            queue.held(message).update(**{field: kept})
            setattr(message, field, kept)
            return True
        if kept:
            successors.queue_rest(message, kept) if reminds else redirect.queue_rest(message, kept)
        queue.settle(message, Outcome(Fate.WITHHELD, Stage.WRITE, ""), at)
    return False


def write(message: Message, writer: Writer) -> None:
    """Put a claimed message into words and keep them, once. LeaseLost where it is no longer ours."""
    if message.rendered_at is not None:
        return
    with brief_transaction():  # else nobody could take over from a sender that stops between writing and committing
        rendered = writer.write(message)
        content = {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
        if not queue.held(message).update(**content, rendered_at=WallClock(), lease_until=in_seconds(LEASE_SECONDS)):
            raise LeaseLost
    message.subject, message.text, message.html = rendered.subject, rendered.text, rendered.html
    message.refresh_from_db(fields=["rendered_at"])
