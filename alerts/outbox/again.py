"""What people do about a message that was given up: have it sent again."""

import structlog
from django.db.models.functions import Now

from alerts.models import Message, State
from people.models import Role, User

SENDERS = (Role.BUYER, Role.ADMINISTRATOR)
"""Roles that may have a message sent again, among those they see."""

log = structlog.get_logger(__name__)


class NotPossible(ValueError):  # noqa: N818
    """How things stand does not allow what was asked."""


def send_again(message: Message, *, by: User) -> None:
    """Queue one that was given up from its first attempt, or try one that was refused for now at once.

    Whether its recipient may still have it is looked at before it leaves, as ever. Whoever was told instead stays told.
    """
    can = Message.objects.filter(pk=message.pk, state__in=[State.DEAD, State.FAILED])
    queued = can.update(
        state=State.PENDING,
        attempts=0,
        unanswered=0,
        deferred_since=None,
        next_attempt_at=Now(),
        again_at=Now(),
        again_by=by,
    )
    if not queued:
        raise NotPossible("it is neither given up nor waiting for another attempt")
    log.info("message sent again", message=message.pk, by=by.email)
