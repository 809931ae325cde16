"""A worker killed in the middle of a sweep: visibly incomplete, nothing half done, completed by the next sweep."""

import os
import signal
import subprocess
import sys

from alerts import runs
from alerts.models import Flag, FlagEvent, ScreeningRun
from alerts.verification import verify
from config.embedded.places import CHECKOUT
from tests.alerts.conftest import AT, World, live_world

__all__ = ["live_world"]

SLOW_SWEEP = f"""
import time, django
django.setup()
from datetime import datetime
from alerts import runs
from alerts.batch import Screening
from contracts import copying
real = Screening.screen
def slow(*arguments):
    real(*arguments)
    print("a batch is done", flush=True)
    time.sleep(60)
copying.BATCH, Screening.screen = 5, slow
runs.sweep(at=datetime.fromisoformat({AT.isoformat()!r}))
"""


def test_a_killed_sweep_is_completed_by_the_next(live_world: World, database_url: str) -> None:
    for number in range(12):
        live_world.contract(f"C-{number}")
    live_world.change()
    environment = {**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    worker = subprocess.Popen(
        [sys.executable, "-c", SLOW_SWEEP], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "a batch is done\n"
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    worker.stdout.close()

    (before,) = ScreeningRun.objects.all()
    assert (before.finished_at, before.completed_by, before.contracts, before.digest) == (None, None, 0, "")
    assert ScreeningRun.objects.abandoned().get() == before
    assert not Flag.objects.exists()  # nothing of it was kept: no contract is half done

    after = runs.sweep(at=AT)

    assert after is not None
    assert (after.everything, after.contracts, after.screened, after.opened) == (True, 12, 12, 12)
    assert Flag.objects.count() == FlagEvent.objects.count() == 12
    before.refresh_from_db()
    assert (before.finished_at, before.completed_by) == (None, after)
    assert not ScreeningRun.objects.abandoned().exists()
    assert verify(after).equal
    assert runs.sweep(at=AT) is None
