"""The dates of a measure that somebody has to keep in mind: when it takes effect, when its suspension ends. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple

from policies.facts import Period
from policies.timeline import ONE_DAY, biting_days

Meaning = Literal["takes_effect", "suspension_end"]


class CriticalDate(NamedTuple):
    """A day in the measure's zone: the first on which it bites, or the last of a suspension after which it may bite.

    `number` counts the dates of the measure from 0.
    """

    on: date
    meaning: Meaning
    number: int


def critical_dates(timeline: Sequence[Period]) -> list[CriticalDate]:
    """In order of the calendar. That unconfirmed days become confirmed ones is no date; nobody has to act then."""
    ends = {period.until_on for period in timeline if period.status == "suspended"}
    dates: list[tuple[date, Meaning]] = []
    before: date | None = None
    for stretch in biting_days(timeline):
        eve = stretch.from_on - ONE_DAY if stretch.from_on > date.min else None
        if eve is None or eve != before:
            dates.append(
                (eve, "suspension_end") if eve in ends and eve is not None else (stretch.from_on, "takes_effect")
            )
        before = stretch.until_on
    return [CriticalDate(on, meaning, number) for number, (on, meaning) in enumerate(dates)]
