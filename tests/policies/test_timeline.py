"""Days on which a measure bites; the worked tables are in tests/screening/test_days.py."""

from policies.timeline import biting_days


def test_a_timeline_without_periods_never_bites():
    assert biting_days(()) == ()
