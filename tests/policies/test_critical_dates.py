"""When a measure takes effect, and when its suspension ends."""

from datetime import date

import pytest

from policies.critical_dates import critical_dates
from policies.facts import Period


def period(status, begin, end=None) -> Period:
    return Period(status, date.fromisoformat(begin), end and date.fromisoformat(end))


@pytest.mark.parametrize(
    ("timeline", "found"),
    [
        ([period("in_force", "2026-01-06")], [("2026-01-06", "takes_effect")]),
        # suspended from before its first day: it never took effect, and may when the suspension ends
        (
            [period("in_force", "2025-11-08"), period("suspended", "2025-11-07", "2026-11-10")],
            [("2026-11-10", "suspension_end")],
        ),
        (
            [period("in_force", "2024-12-03"), period("suspended", "2025-11-09", "2026-11-27")],
            [("2024-12-03", "takes_effect"), ("2026-11-27", "suspension_end")],
        ),
        # the suspension outlives it: nothing comes back
        (
            [period("in_force", "2025-01-01", "2025-12-31"), period("suspended", "2025-06-01", "2026-06-01")],
            [("2025-01-01", "takes_effect")],
        ),
        ([period("suspended", "2025-06-01")], []),
        # put back in force later than the suspension's end
        (
            [period("suspended", "2025-06-01", "2025-06-30"), period("in_force", "2025-08-01")],
            [("2025-08-01", "takes_effect")],
        ),
        # renewed without a gap: nothing new begins
        (
            [period("in_force", "2025-01-01", "2025-12-31"), period("in_force", "2026-01-01")],
            [("2025-01-01", "takes_effect")],
        ),
        ([period("in_force", "0001-01-01")], [("0001-01-01", "takes_effect")]),
    ],
)
def test_the_dates_of_a_timeline(timeline, found) -> None:
    assert [(one.on.isoformat(), one.meaning) for one in critical_dates(timeline)] == found
    assert [one.number for one in critical_dates(timeline)] == list(range(len(found)))
