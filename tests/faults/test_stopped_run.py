"""A run that stops with the turn to screen in its hand: others go on, and it keeps nothing when it wakes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from alerts import changelog, runs
from alerts.models import Flag, FlagEvent, ScreeningRun
from config.embedded.places import CHECKOUT
from tests.alerts.conftest import AT, World, live_world

__all__ = ["live_world"]

RUN = f"""
import os, signal, time, django
django.setup()
from datetime import datetime
from alerts import changelog, runs
from alerts.batch import Screening
from django.db import connection
changelog.STOPPED_SECONDS = 2
real = Screening.screen
def stop():
    print("stopped", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
def screen(*arguments):
    real(*arguments)
    {{stops}}
Screening.screen = screen
try:
    runs.sweep(at=datetime.fromisoformat({AT.isoformat()!r}))
except Exception as error:
    print(type(error.__cause__ or error).__name__, flush=True)
"""
BETWEEN_STATEMENTS = "stop()"
WHILE_READING = """
    with connection.connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT") as rows:
            next(iter(rows))
            stop()
            for row in rows:
                pass
"""


@contextmanager
def running(stops: str, database_url: str) -> "Iterator[subprocess.Popen[str]]":
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-c", RUN.format(stops=stops)]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stops", "ended_by"),
    [
        (BETWEEN_STATEMENTS, "IdleInTransactionSessionTimeout"),
        # The server waits for it to read: for this it knows no time limit.
        (WHILE_READING, "OperationalError"),
    ],
)
def test_a_run_that_stops_holds_nobody_up(
    live_world: World, database_url: str, monkeypatch: pytest.MonkeyPatch, stops: str, ended_by: str
) -> None:
    monkeypatch.setattr(changelog, "STOPPED_SECONDS", 2)
    for number in range(3):
        live_world.contract(f"C-{number}")
    live_world.change()
    with running(stops, database_url) as stopped:
        assert stopped.stdout is not None
        assert stopped.stdout.readline() == "stopped\n"
        run = runs.sweep(at=AT)
        assert run is not None
        assert (run.everything, run.opened) == (True, 3)
        stopped.send_signal(signal.SIGCONT)
        assert stopped.stdout.readline() == f"{ended_by}\n"
        assert stopped.wait(20) == 0
    assert Flag.objects.open().count() == FlagEvent.objects.count() == 3
    assert ScreeningRun.objects.complete().get() == run
    assert runs.sweep(at=AT) is None
