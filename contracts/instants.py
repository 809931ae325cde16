"""Instants in columns: whole microseconds since 1970 (UTC), exact over all that the calendar holds."""

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

Moments = npt.NDArray[np.int64]
NEVER = int(np.iinfo(np.int64).max)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(microseconds: int) -> datetime | None:
    """None for NEVER."""
    return None if microseconds == NEVER else EPOCH + timedelta(microseconds=microseconds)
