"""The benchmark runs from beginning to end on a tiny portfolio; no figure is judged here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.places import CHECKOUT

OURS = ("TOCSIN_", "DATABASE_", "REDIS_")


@pytest.mark.slow
def test_every_operation_is_measured(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--scale", "0.0005", "--keep", str(tmp_path / "state")],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    figures, growth = done.stdout.split("## Growth")
    rows = [line.split(" | ") for line in figures.splitlines() if line.startswith("| P")]
    assert {row[0] for row in rows} == {f"| P{number}" for number in range(1, 11)}
    assert {row[-1] for row in rows} <= {"pass |", "**falls short** |"}
    assert "| P3 |" in growth
    assert "with the same flags." in growth.split("## The core alone")[1]
