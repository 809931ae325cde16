"""The circuit: a mail server that takes no mail at all is left alone, and one message at a time tries it again."""

import structlog
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from alerts.leases import in_seconds
from alerts.models import MailServer

FIRST_PAUSE, LONGEST_PAUSE = 5, 30
"""Seconds; doubled from the first to the longest, which is short: a mail server that is back is soon noticed."""

log = structlog.get_logger(__name__)


def admits(probe_seconds: float) -> bool:
    """Whether a message may be sent now; while the server fails, True for one caller, who alone has so long to try."""
    failing = MailServer.objects.filter(failures__gt=0)
    if not failing.exists():
        return True
    return bool(failing.filter(paused_until__lte=Now()).update(paused_until=in_seconds(probe_seconds)))


def failed(answer: str) -> None:
    """The server takes no mail at present."""
    MailServer.objects.get_or_create(pk=1)
    server = MailServer.objects.select_for_update().get(pk=1)
    pause = min(FIRST_PAUSE * 2.0 ** min(server.failures, 20), LONGEST_PAUSE)
    MailServer.objects.update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", Now()),
        paused_until=in_seconds(pause),
        last_answer=answer,
    )
    if not server.failures:
        log.error("the mail server takes no mail", answer=answer)


def recovered() -> None:
    """The server spoke of a message rather than of itself."""
    if MailServer.objects.filter(Q(failures__gt=0)).update(failures=0, failing_since=None, paused_until=None):
        log.warning("the mail server takes mail again")
