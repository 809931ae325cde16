"""The pieces of the benchmark, each in a process of its own: `python -m tests.benchmarks.piece`.

Every line of standard input asks for one, `[piece, scale, round, database]`, and is answered by what was found there,
or by null. The process that reads them has loaded everything and done nothing yet: what it forks begins there.
"""

import json
import multiprocessing
import os
import sys
from dataclasses import replace
from multiprocessing.connection import Connection

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connection  # noqa: E402

from alerts.messages import compose  # noqa: E402
from alerts.runs import sweep  # noqa: E402
from tests.benchmarks import (  # noqa: E402
    checking,
    filling,
    limits,
    listing,
    mailing,
    messaging,
    paging,
    previewing,
    publishing,
    saving,
    sweeping,
    upserting,
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
    if bool(messages) != bool(run.opened):
        raise RuntimeError(f"{run.opened} flags opened, and {messages} messages told of them")
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
    "P5": checking.measure,
    "P6": listing.measure,
    "P7": paging.measure,
    "P8": upserting.measure,
    "P9": messaging.measure,
    "P10": mailing.measure,
}


def work(piece: str, scale: float, number: int, database: str, answer: Connection) -> None:
    """One round of a piece in the database; rounds numbered 0 are measured beside the naive way, too."""
    connection.settings_dict["NAME"] = database
    measured = PIECES[piece](Size.at(scale), number == 0)
    answer.send(replace(measured, memory=most_memory()).as_json())


def serve() -> None:
    forking = multiprocessing.get_context("fork")
    for line in sys.stdin:
        receiver, sender = forking.Pipe(duplex=False)
        process = forking.Process(target=work, args=(*json.loads(line), sender))
        process.start()
        sender.close()
        try:
            found = receiver.recv()
        except EOFError:  # it ended without an answer, and said why on standard error
            found = None
        process.join()
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    serve()
