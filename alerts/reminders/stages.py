"""When people are reminded of a date: so many days ahead, in stages. Pure."""

from collections.abc import Collection
from datetime import date, timedelta

DEFAULT = (90, 60, 30, 7)


def stage(on: date, *, today: date, stages: Collection[int], since: date | None = None) -> int | None:
    """The stage that applies today: the latest that has begun. None where none has, or the day is past.

    Stages that had begun by the day on which somebody chose the date themselves (`since`) are not reminded of.
    """
    left = (on - today).days
    begun = [days for days in stages if 0 <= left <= days and (since is None or on - timedelta(days=days) > since)]
    return min(begun, default=None)
