"""Policy changes published and withdrawn while contracts are being written by several processes.

Afterwards the flags equal a screening from nothing, every run's manifest is whole, and no deadlock reached a caller.
`make storm CONTRACTS=100000 CHANGES=200 SEED=1`; without figures the issue's; in the test run a small one.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from django.db import connection
from pytest_django import Settings

from alerts import runs
from alerts.backlog import backlog
from alerts.models import Flag, ScreeningRun, SetAside
from contracts.models import Contract
from policies.models import PolicyChange
from tests.alerts.test_always_as_from_nothing import flags_differ_from_nothing
from tests.faults import storm

CHECKOUT = Path(__file__).resolve().parents[2]
CONTRACTS = int(os.environ.get("STORM_CONTRACTS") or 200)
CHANGES = int(os.environ.get("STORM_CHANGES") or 6)
SEED = int(os.environ.get("STORM_SEED") or 1)
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Crew:
    """The processes of a storm."""

    def __init__(self, database_url: str) -> None:
        self.environment = {**os.environ, "DATABASE_URL": database_url}
        self.begun: list[tuple[str, subprocess.Popen[str]]] = []

    def begin(self, *part: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.faults.storm", *map(str, part)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment, text=True, **pipes)
        self.begun.append((" ".join(map(str, part)), process))
        return process

    def finish(self, process: subprocess.Popen[str]) -> str:
        """Wait for its end, which has to be a good one; return what it said."""
        said, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]
        return said.strip()

    def kill(self) -> None:
        for _, process in self.begun:
            if process.poll() is None:
                process.kill()
                process.wait()


def test_flags_after_a_storm_equal_a_screening_from_nothing(database_url: str, settings: Settings) -> None:
    storm.prepare(SEED, CHANGES)
    crew, started = Crew(database_url), time.monotonic()
    half = CONTRACTS // 2
    try:
        lasting = [crew.begin("sweep"), crew.begin("sweep"), crew.begin("facts", SEED + 10)]
        working = [
            crew.begin("write", SEED + 1, 0, half),
            crew.begin("write", SEED + 2, half, CONTRACTS - half),
            crew.begin("publish", SEED + 3, CHANGES, CONTRACTS),
        ]
        for process in working:
            crew.finish(process)
        written = time.monotonic() - started
        said = [crew.finish(process) for process in lasting]
    finally:
        crew.kill()

    while runs.sweep(at=storm.AT) is not None:
        pass

    published = PolicyChange.objects.filter(status="published").count()
    withdrawn = PolicyChange.objects.filter(status="withdrawn").count()
    assert Contract.objects.count() == CONTRACTS
    assert (published + withdrawn, withdrawn > 0) == (CHANGES, True)
    assert flags_differ_from_nothing(storm.AT) == []
    assert Flag.objects.open().exists()
    assert Flag.objects.filter(closed_at__isnull=False).exists()
    assert not SetAside.objects.exists()
    assert not ScreeningRun.objects.abandoned().exists()
    assert backlog(at=storm.AT).oldest_unscreened_change_seconds is None
    with connection.cursor() as cursor:
        cursor.execute(DEADLOCKS)
        deadlocks = cursor.fetchone()
    print(
        f"\nseed {SEED}: {CONTRACTS} contracts by two writers in {written:.0f} s, {published} changes published and"
        f" {withdrawn} withdrawn, {ScreeningRun.objects.count()} runs ({', '.join(filter(None, said))}),"
        f" {Flag.objects.open().count()} flags open, {Flag.objects.filter(closed_at__isnull=False).count()} closed,"
        f" deadlocks: {deadlocks and deadlocks[0]}; the flags equal a screening from nothing"
    )
    assert deadlocks == (0,)
