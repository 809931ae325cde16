"""The one clock: only doors read it, and a setting can start it at another moment."""

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings


def now() -> datetime:
    """The present instant in UTC: the real one, or where `CLOCK_START` is set, that instant and what has passed since
    `CLOCK_STARTED_REAL` (epoch seconds)."""
    real = time.time()
    start: datetime | None = settings.CLOCK_START
    if start is None:
        return datetime.fromtimestamp(real, UTC)
    return (start + timedelta(seconds=real - settings.CLOCK_STARTED_REAL)).astimezone(UTC)
