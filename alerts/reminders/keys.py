"""Keys to people's calendars: one each, made anew or revoked at will, and known to nobody but who was shown it."""

from hashlib import sha256
from secrets import token_urlsafe

import structlog
from django.conf import settings
from django.db import transaction

from alerts.models import CalendarKey
from people.models import User, WallClock

BYTES = 32

log = structlog.get_logger(__name__)


def make(user: User) -> str:
    """A new key, in place of the one there may be; return the calendar's address, which cannot be had again."""
    key = token_urlsafe(BYTES)
    with transaction.atomic():
        # Two who ask at once wait for each other here, and the later one's key is valid.
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        revoke(user)
        CalendarKey.objects.create(user=user, digest=_digest(key))
    log.info("calendar key made", user=user.pk)
    return f"{settings.BASE_URL}/calendar/{key}.ics"


def revoke(user: User) -> None:
    """From now on the address answers as if it had never been; revoking twice changes nothing."""
    if CalendarKey.objects.filter(user=user, revoked_at__isnull=True).update(revoked_at=WallClock()):
        log.info("calendar key revoked", user=user.pk)


def current(user: User) -> CalendarKey | None:
    return CalendarKey.objects.valid().filter(user=user).first()


def holder(key: str) -> User | None:
    """Whose calendar a key opens; None where it is not, or no longer, valid."""
    found = CalendarKey.objects.valid().select_related("user").filter(digest=_digest(key)).first()
    return found.user if found else None


def _digest(key: str) -> str:
    """Of 256 random bits, so no salt and no slow hash is needed."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
