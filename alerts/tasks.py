"""What the doorbell and beat wake: each task is one call into the domain, and safe to lose, repeat or reorder."""

from celery import shared_task

from alerts import delivery, messages, runs
from alerts.webhooks import delivery as webhooks
from people.clock import now


@shared_task(ignore_result=True)
def screen_pending() -> None:
    """Something changed: screen it, tell people, send."""
    runs.screen_pending(at=now())
    deliver()
    send_webhooks()


@shared_task(ignore_result=True)
def sweep() -> None:
    """Every minute: screen what is due, whatever became of the doorbell."""
    runs.sweep(at=now())
    deliver()


@shared_task(ignore_result=True)
def deliver() -> None:
    """Put events without a message into messages, and send what is due; none of it waits for screening."""
    messages.compose(at=now())
    delivery.deliver()


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Queue events for the endpoints that are to hear of them, and send what is due."""
    webhooks.deliver()
