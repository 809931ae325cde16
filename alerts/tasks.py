"""What the doorbell and beat wake: each task is one call into the domain, and safe to lose, repeat or reorder.

The sweeper of every worker makes the same calls without being asked, see alerts/management/commands/sweeper.py.
"""

from celery import shared_task

from alerts import delivery, jobs, messages, runs
from alerts.checks import rounds as checks
from alerts.digests import sending as digests
from alerts.escalation import moving
from alerts.outbox import queue
from alerts.reminders import rounds
from alerts.webhooks import delivery as webhooks
from people import idempotency
from people.clock import now

SOME = 10
"""Messages."""


@shared_task(ignore_result=True)
def screen_pending() -> None:
    """Something changed: screen it, tell people, send."""
    runs.screen_pending(at=now())
    look_again()
    deliver()
    send_webhooks()


@shared_task(ignore_result=True)
def sweep() -> None:
    """Every minute: screen what is due, whatever became of the doorbell, escalate, remind, and send."""
    try:
        screen_due()
    finally:  # what was told before goes on, whatever becomes of screening
        escalate()
        look_again()
    remind()
    deliver()
    idempotency.forget_expired()


@shared_task(ignore_result=True)
def deliver() -> None:
    """Put events without a message into messages, also for digests, and send what is due; none of it waits for
    screening."""
    _compose()
    delivery.deliver(at=now())


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Queue events for the endpoints that are to hear of them, and send what is due."""
    webhooks.deliver()


def deliver_some() -> bool:
    """The same, a few messages at a time, for whoever must be able to stop soon; whether there was anything to do."""
    return bool(_compose() + delivery.deliver(at=now(), limit=SOME).total())


def _compose() -> int:
    """Put what is to be told into messages: at once, and what waited for digests that are due."""
    at = now()
    return messages.compose(at=at) + digests.compose(at=at)


def take_over() -> None:
    """Queue what lost senders held back, though every sender there is be busy with a slow mail server."""
    queue.take_over(at=now())


def store_bulk() -> bool:
    """Store the next piece of a bulk job; whether there was one. What it changed is screened as all changes are."""
    return jobs.store_some(at=now())


def screen_due() -> None:
    """Screen what changed and what time has made due."""
    runs.sweep(at=now())


def look_again() -> None:
    """Decide checks again whose answers may have turned."""
    checks.look_again(at=now())


def escalate() -> None:
    """Move on what nobody acknowledged in time."""
    moving.escalate(at=now())


def remind() -> None:
    """Remind of the critical dates of the day, once."""
    rounds.remind(at=now())
