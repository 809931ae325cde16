"""A short run of the driver: workers, database, broker and mail server are struck, and nothing is missed."""

import json
import subprocess
import sys
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import pytest

from config.embedded.places import CHECKOUT
from tests.faults import wrong
from tests.faults.planted import BUGS
from tests.faults.points import POINTS

RUN_SECONDS = 600
"""When a run is given up; it takes a minute and a half on two free cores."""


PLANTED = [(*where.split(":"), by) for bug in BUGS.values() for where, by in bug.instead.items()]


@pytest.mark.parametrize(("module", "place"), [*POINTS.values(), *(planted[:2] for planted in PLANTED)])
def test_what_is_struck_and_replaced_is_there(module: str, place: str) -> None:
    assert callable(attrgetter(place)(import_module(module)))


@pytest.mark.parametrize("function", sorted({by for *_, by in PLANTED}))
def test_what_is_planted_is_there(function: str) -> None:
    assert callable(getattr(wrong, function))


@pytest.mark.slow
@pytest.mark.xdist_group("faults")
def test_nothing_is_missed_and_nobody_told_twice_whatever_fails(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults",
            "--seed",
            "1",
            "--minutes",
            "1",
            "--contracts",
            "400",
            "--report",
            str(report),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert report.exists(), run.stderr[-3000:]
    found = json.loads(report.read_text())
    assert found["wrong"] == [], found["figures"]
    figures = found["figures"]
    assert (figures["faults"] >= 20, figures["flags in all"] > 300, figures["mails accepted"] > 100) == (True,) * 3
