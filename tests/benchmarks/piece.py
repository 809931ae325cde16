"""One piece of the benchmark, in a process of its own: `python -m tests.benchmarks.piece PIECE SCALE ROUND`.

It works in the database that the environment names, as Tocsin does, and says what it found as JSON.
"""

import json
import os
import sys
from dataclasses import replace

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from alerts.messages import compose  # noqa: E402
from alerts.runs import sweep  # noqa: E402
from tests.benchmarks import (  # noqa: E402
    filling,
    limits,
    messaging,
    paging,
    previewing,
    publishing,
    saving,
    sweeping,
    world,
)
from tests.benchmarks.figures import Measured, most_memory, seconds, shown  # noqa: E402
from tests.benchmarks.world import Size  # noqa: E402


def fill(size: Size, first: bool) -> Measured:
    took, _ = seconds(lambda: filling.fill(size))
    return Measured(notes=[f"The portfolio was generated and written in {shown(took, 's')}."])


def screen(size: Size, first: bool) -> Measured:
    """Screen everything for the first time and put what is to be told into messages."""
    took, run = seconds(lambda: sweep(at=world.NOW.at))
    if run is None or not run.everything or run.screened != size.contracts or run.set_aside:
        raise RuntimeError("the first sweep did not screen everything")
    messages = compose(at=world.NOW.at)
    with limits.as_owner() as owner:
        owner.execute("VACUUM (ANALYZE)")
    return Measured(
        notes=[
            f"First screening of {run.screened:,} contracts with {run.lines:,} lines: {run.opened:,} flags opened in"
            f" {shown(took, 's')}, told in {messages:,} messages."
        ]
    )


PIECES = {
    "fill": fill,
    "screen": screen,
    "P1": publishing.measure,
    "P2": previewing.measure,
    "P3": sweeping.measure,
    "P4": saving.measure,
    "P7": paging.measure,
    "P9": messaging.measure,
}

if __name__ == "__main__":
    piece, scale, number = sys.argv[1:]
    measured = PIECES[piece](Size.at(float(scale)), number == "0")
    print(json.dumps(replace(measured, memory=most_memory()).as_json()))
