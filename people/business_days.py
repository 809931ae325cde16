"""Working time: a country's weekend and public holidays, and the hours of a working day in a zone.

Weekends and holidays are those of the `holidays` package: national public holidays, with the weekend a country keeps
and the days it makes working days in exchange for bridging ones. Regions and half days are not known to it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

WEEKEND = (5, 6)
"""Saturday and Sunday, where no country says otherwise."""


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When people work: on the working days of a country (None: not established), from `opens` to `closes` in a zone.

    Where the country is not established or has no calendar every day from Monday to Friday is a working day: time runs
    out too early rather than too late.
    """

    timezone: str
    country: str | None
    opens: time
    closes: time

    def is_working_day(self, day: date) -> bool:
        calendar = _of_country(self.country) if self.country else None
        return day.weekday() not in WEEKEND if calendar is None else bool(calendar.is_working_day(day))

    def after(self, start: datetime, working: timedelta) -> datetime:
        """The instant, in UTC, at which so much working time has passed since `start`.

        Time is counted as it elapses, so that a day on which the clocks change has an hour less or more where that
        falls into its working hours. No time at all, asked outside working hours, is the next opening.
        """
        left, day = working, start.astimezone(ZoneInfo(self.timezone)).date()
        while True:
            if self.is_working_day(day):
                begins, closes = max(start.astimezone(UTC), self._on(day, self.opens)), self._on(day, self.closes)
                if closes - begins >= left:
                    return begins + left
                left -= max(closes - begins, timedelta())
            day += timedelta(days=1)

    def next_opening(self, start: datetime, *, of_week: bool = False) -> datetime:
        """The instant, in UTC, at which the next working day after `start` begins, or the next that is a week's first.

        Weeks begin on Monday; one without a working day has no opening.
        """
        day = start.astimezone(ZoneInfo(self.timezone)).date()
        while True:
            opening = self._on(day, self.opens)
            if opening > start and self.is_working_day(day) and not (of_week and self._worked_before(day)):
                return opening
            day += timedelta(days=1)

    def _worked_before(self, day: date) -> bool:
        """Whether an earlier day of the same week is a working day."""
        return any(self.is_working_day(day - timedelta(days=back)) for back in range(1, day.weekday() + 1))

    def _on(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, ZoneInfo(self.timezone)).astimezone(UTC)


@cache
def _of_country(country: str) -> holidays.HolidayBase | None:
    return holidays.country_holidays(country) if country in holidays.list_supported_countries() else None
