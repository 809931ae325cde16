"""The days on which a contract delivers, is signed, calls off or renews, as NumPy columns of day numbers.

A day number is `date.toordinal()`. Source: "When" of the bundle format (docs/bundle.md).
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int32]

NO_BEGIN = 0
"""Before every day: a period without a first day."""
NO_END = 4_000_000
"""After every day: a period without a last day."""
LAST_DAY = date.max.toordinal()


class Window(NamedTuple):
    """First and last days, inclusive; a window whose last day lies before its first holds no day."""

    first: Days
    last: Days


def first_day(day: date | None) -> int:
    return NO_BEGIN if day is None else day.toordinal()


def last_day(day: date | None) -> int:
    return NO_END if day is None else day.toordinal()


def delivering(*, today: Days, ship_from: Days, ship_until: Days, expires: Days, terminated: Days) -> Window:
    """Delivery days of live lines; an end already past is no end: the line is overdue and still to be delivered."""
    first = np.maximum(today, ship_from)
    end = np.where(ship_until == NO_END, expires, ship_until)
    end = np.where(end < today, NO_END, np.maximum(end, first))
    return Window(first, _before(terminated, end))


def signing(*, today: Days, expires: Days) -> Window:
    return Window(today, np.where(expires < today, NO_END, expires))


def calling_off(*, today: Days, expires: Days, terminated: Days) -> Window:
    return Window(today, _before(terminated, np.where(expires < today, NO_END, expires)))


def renewing(*, today: Days) -> Window:
    return Window(today, np.full_like(today, NO_END))


def acting_before_renewal(*, today: int, expires: Days, notice_days: Days) -> Days:
    """By when somebody must act on a renewal: the notice deadline, or today where that is past or unknown.

    `notice_days` are negative where they are not established.
    """
    known = (notice_days >= 0) & (expires < NO_END)
    return np.where(known, np.maximum(expires - notice_days, today), today).astype(np.int32)


def _before(terminated: Days, end: Days) -> Days:
    """Deliveries and call-offs stop the day before the termination takes effect."""
    return np.where(terminated == NO_END, end, np.minimum(end, terminated - 1))
