"""Working time: weekends, public holidays, working hours, clocks that change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from people.business_days import BusinessCalendar

NINE_TO_SIX = time(9), time(18)


def after(zone: str, country: str | None, start: str, hours: float) -> str:
    calendar = BusinessCalendar(zone, country, *NINE_TO_SIX)
    return calendar.after(datetime.fromisoformat(start), timedelta(hours=hours)).isoformat()


@pytest.mark.parametrize(
    ("country", "day", "working"),
    [
        ("JP", date(2026, 1, 12), False),  # Coming of Age Day, a Monday
        ("JP", date(2026, 1, 13), True),
        ("DE", date(2026, 1, 12), True),
        ("JP", date(2026, 1, 10), False),  # a Saturday
        ("CN", date(2026, 1, 4), True),  # a Sunday worked for the bridge after New Year
        ("CN", date(2026, 1, 11), False),
        ("SA", date(2026, 1, 9), False),  # Friday and Saturday are the weekend
        ("SA", date(2026, 1, 11), True),
        (None, date(2026, 1, 12), True),  # not established
        (None, date(2026, 1, 11), False),
        ("XX", date(2026, 1, 12), True),  # a code that no calendar knows
        ("XX", date(2026, 1, 11), False),
    ],
)
def test_working_days_are_those_of_the_country(country: str | None, day: date, working: bool) -> None:
    assert BusinessCalendar("UTC", country, *NINE_TO_SIX).is_working_day(day) is working


@pytest.mark.parametrize(
    ("zone", "country", "start", "hours", "due"),
    [
        # within a day
        ("Asia/Tokyo", "JP", "2026-01-13T09:00+09:00", 4, "2026-01-13T04:00:00+00:00"),
        # to the last moment of the day, and one second more is the next morning
        ("Asia/Tokyo", "JP", "2026-01-13T09:00+09:00", 9, "2026-01-13T09:00:00+00:00"),
        ("Asia/Tokyo", "JP", "2026-01-13T09:00:01+09:00", 9, "2026-01-14T00:00:01+00:00"),
        # over the long weekend: an hour on Friday, three on Tuesday
        ("Asia/Tokyo", "JP", "2026-01-09T17:00+09:00", 4, "2026-01-13T03:00:00+00:00"),
        # the same in Germany, where the Monday is an ordinary one
        ("Europe/Berlin", "DE", "2026-01-09T17:00+01:00", 4, "2026-01-12T11:00:00+00:00"),
        # before opening, after closing, and on a holiday: counted from the next opening
        ("Asia/Tokyo", "JP", "2026-01-13T03:00+09:00", 1, "2026-01-13T01:00:00+00:00"),
        ("Asia/Tokyo", "JP", "2026-01-13T20:00+09:00", 1, "2026-01-14T01:00:00+00:00"),
        ("Asia/Tokyo", "JP", "2026-01-12T10:00+09:00", 1, "2026-01-13T01:00:00+00:00"),
        # the day is that of the zone: it is still Monday, a working day, in New York
        ("America/New_York", "US", "2026-01-13T04:30+00:00", 1, "2026-01-13T15:00:00+00:00"),
        # clocks go forward at the weekend: 12:00 is by then two hours from UTC
        ("Europe/Berlin", "DE", "2026-03-27T17:00+01:00", 4, "2026-03-30T10:00:00+00:00"),
        # and back: an hour later in UTC
        ("Europe/Berlin", "DE", "2026-10-23T17:00+02:00", 4, "2026-10-26T11:00:00+00:00"),
        # several days: a week of nine hours each
        ("Asia/Tokyo", "JP", "2026-01-13T09:00+09:00", 45, "2026-01-19T09:00:00+00:00"),
        # nothing to wait for
        ("Asia/Tokyo", "JP", "2026-01-13T10:00+09:00", 0, "2026-01-13T01:00:00+00:00"),
        ("Asia/Tokyo", "JP", "2026-01-10T10:00+09:00", 0, "2026-01-13T00:00:00+00:00"),
    ],
)
def test_working_time_runs_in_working_hours_only(zone: str, country: str, start: str, hours: float, due: str) -> None:
    assert after(zone, country, start, hours) == due


def test_an_hour_that_the_clocks_skip_is_not_worked() -> None:
    night = BusinessCalendar("Asia/Jerusalem", None, time(1), time(9))
    friday = datetime(2026, 3, 26, 22, 0, tzinfo=UTC)  # midnight; at 02:00 it is 03:00
    assert night.after(friday, timedelta(hours=7)) == datetime(2026, 3, 27, 6, 0, tzinfo=UTC)
    assert night.after(friday, timedelta(hours=8)) == datetime(2026, 3, 29, 23, 0, tzinfo=UTC)
