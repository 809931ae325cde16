"""Acknowledging from a mail: a signed link to the whole message, that works for its recipient without logging in.

The link names the message; whoever follows it acts as its recipient. It works for ACKNOWLEDGE_LINK_HOURS from when the
mail left, by the database's clock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from alerts.models import Act, Disposition, Flag, FlagAction, FlagEvent, Message, Standing
from alerts.models.actions import PUT_ASIDE
from alerts.models.flags import FlagQuerySet
from alerts.outbox.redirect import kept_events
from people.models import User, WallClock

BATCH = 2000

log = structlog.get_logger(__name__)


class NoSuchLink(Exception):  # noqa: N818
    """No message has this link, or it was altered, or its recipient may not act any more."""


class LinkExpired(Exception):  # noqa: N818
    """The link was right and its time is up."""


@dataclass(frozen=True, slots=True)
class Standings:
    """How the flags of a message stand: those that still wait, and how many others."""

    waiting: list[Flag]
    acknowledged: int
    put_aside: int
    closed: int


def link(message: Message) -> str:
    """The address under which the message's recipient acknowledges all of it."""
    return settings.BASE_URL + reverse("acknowledge", args=[_signer().sign(str(message.pk))])


def message_of(token: str) -> Message:
    """The message whose link this is. NoSuchLink or LinkExpired where it does not work."""
    try:
        pk = int(_signer().unsign(token))
    except (BadSignature, ValueError):
        raise NoSuchLink from None
    messages = Message.objects.filter(pk=pk)
    message = messages.defer("text", "html").first()
    if message is None or User.objects.filter(email=message.recipient, is_active=False).exists():
        raise NoSuchLink
    earliest = WallClock() - Value(timedelta(hours=settings.ACKNOWLEDGE_LINK_HOURS))
    if not messages.alias(left_at=Coalesce("sent_at", "rendered_at")).filter(left_at__gt=earliest).exists():
        raise LinkExpired
    return message


def flags_of(message: Message, *, at: datetime) -> FlagQuerySet:
    """The flags that the message told of, as far as its recipient may have them still. NoSuchLink where that is none.

    It may not where it has left the department, or where somebody else has charge of the contract by now.
    """
    kept = kept_events(message, at=at)
    if not kept:
        raise NoSuchLink
    return Flag.objects.filter(pk__in=FlagEvent.objects.filter(pk__in=kept).order_by().values("flag"))


def standings(flags: FlagQuerySet) -> Standings:
    """How the flags stand now; those that wait by the day to act."""
    waiting = flags.open().exclude(disposition__standing__in=[*PUT_ASIDE, Standing.ACKNOWLEDGED])
    return Standings(
        waiting=list(waiting.select_related("contract__supplier").order_by("act_by", "id")),
        acknowledged=flags.open().filter(disposition__standing=Standing.ACKNOWLEDGED).count(),
        put_aside=flags.open().filter(disposition__standing__in=PUT_ASIDE).count(),
        closed=flags.filter(closed_at__isnull=False).count(),
    )


def acknowledge_all(message: Message, flags: FlagQuerySet, *, at: datetime) -> int:
    """Acknowledge as the message's recipient what still waits of its flags; return how many. Doing it again changes
    nothing."""
    user = User.objects.filter(email=message.recipient).first()
    with transaction.atomic():
        still = list(flags.open().order_by("pk").values_list("pk", flat=True))
        Disposition.objects.bulk_create((Disposition(flag_id=pk) for pk in still), BATCH, ignore_conflicts=True)
        held = Disposition.objects.select_for_update(of=("self",)).filter(flag__in=flags.open())
        waiting = list(held.filter(standing=Standing.OPEN).order_by("pk").values_list("pk", flat=True))
        for first in range(0, len(waiting), BATCH):
            some = waiting[first : first + BATCH]
            Disposition.objects.filter(pk__in=some).update(standing=Standing.ACKNOWLEDGED)
            FlagAction.objects.bulk_create(
                FlagAction(flag_id=pk, act=Act.ACKNOWLEDGED, by=user, address=message.recipient, at=at) for pk in some
            )
    log.info("acknowledged from a mail", message=message.pk, recipient=message.recipient, flags=len(waiting))
    return len(waiting)


def _signer() -> Signer:
    return Signer(sep=".", salt="alerts.acknowledging")
