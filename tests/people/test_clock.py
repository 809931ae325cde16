"""The one clock."""

import time
from datetime import UTC, datetime

from people import clock


def test_it_is_the_real_time_where_nothing_is_set(settings):
    settings.CLOCK_START = None
    assert abs(clock.now().timestamp() - time.time()) < 5


def test_it_runs_on_from_where_it_was_started(settings, monkeypatch):
    settings.CLOCK_START = datetime.fromisoformat("2026-01-13T09:00:00+09:00")
    settings.CLOCK_STARTED_REAL = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: 1_000_090.0)
    assert clock.now() == datetime(2026, 1, 13, 0, 1, 30, tzinfo=UTC)
