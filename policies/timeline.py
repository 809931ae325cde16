"""On which days a measure bites, and which of them nobody has confirmed.

Source: "Timeline" of the bundle format (docs/bundle.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

from policies.facts import Period

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive biting days, all confirmed or all unconfirmed; `until_on` None = open."""

    from_on: date
    until_on: date | None
    confirmed: bool


def biting_days(timeline: Sequence[Period]) -> tuple[Stretch, ...]:
    """The biting days in order: covered by a period in force and by no suspension.

    A biting day after a suspension's last day is unconfirmed unless a period in force that covers the day begins
    after that last day.
    """
    stretches: list[Stretch] = []
    ends = {period.until_on for period in timeline if period.until_on is not None and period.until_on < date.max}
    begins = sorted({period.from_on for period in timeline} | {day + ONE_DAY for day in ends})
    for begin, following in zip_longest(begins, begins[1:]):
        if not _bites(timeline, begin):
            continue
        until = None if following is None else following - ONE_DAY
        confirmed = _is_confirmed(timeline, begin)
        before = stretches[-1] if stretches else None
        if before and before.confirmed == confirmed and before.until_on == begin - ONE_DAY:
            stretches[-1] = Stretch(before.from_on, until, confirmed)
        else:
            stretches.append(Stretch(begin, until, confirmed))
    return tuple(stretches)


def _covers(period: Period, day: date) -> bool:
    return period.from_on <= day and (period.until_on is None or day <= period.until_on)


def _bites(timeline: Sequence[Period], day: date) -> bool:
    covering = [period.status for period in timeline if _covers(period, day)]
    return "in_force" in covering and "suspended" not in covering


def _is_confirmed(timeline: Sequence[Period], day: date) -> bool:
    lapsed = [p.until_on for p in timeline if p.status == "suspended" and p.until_on is not None and p.until_on < day]
    if not lapsed:
        return True
    return any(p.status == "in_force" and _covers(p, day) and p.from_on > max(lapsed) for p in timeline)
