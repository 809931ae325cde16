"""The doorbell: after a commit it wakes a worker, which finds in the tables what there is to do.

A ring that is lost costs at most a minute, for beat sweeps; so an unreachable broker never fails the caller.
"""

import structlog
from django.db import transaction

from alerts.tasks import screen_pending

log = structlog.get_logger(__name__)


def ring() -> None:
    """Have what changed screened as soon as the present transaction is committed."""
    transaction.on_commit(_ring, robust=True)


def _ring() -> None:
    try:
        screen_pending.apply_async(retry=False, expires=60)
    except Exception as error:  # whatever is wrong with the broker, the change is stored and will be swept up
        log.warning("doorbell not heard", error=f"{type(error).__name__}: {error}")
