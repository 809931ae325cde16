"""`make bench`: what Tocsin takes beside the naive way and beside the limit, in one run, as ratios against targets."""

import argparse
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from config.embedded.places import CHECKOUT
from tests.benchmarks import core
from tests.benchmarks.bench import ROUNDS, Bench, NotMeasured, Pieces
from tests.benchmarks.cluster import SETTINGS, Cluster
from tests.benchmarks.figures import HEAD, Measured, shown
from tests.benchmarks.world import SEED, Size

REPORT = CHECKOUT / "docs" / "benchmarks.md"
HEADING = """\
# Benchmarks

Written by `make bench`; `SCALE=0.1` is a quick one. Ratios are what counts. Every round is measured in a fresh copy of
one database and in a process that has done nothing yet, the product and what it is measured against one after the
other; figures are medians of the rounds. A limit is what PostgreSQL alone takes for the same rows; the naive way is
what a first version would do, and has to come to the same flags.

"""
GROWING = ("P1", "P2", "P3", "P9")
"""Operations measured at a tenth of the scale, too."""


class Report:
    """Lines that are printed as they come and kept; `whole` while everything asked for could be measured."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.whole = True

    def add(self, *lines: str) -> None:
        print(*lines, sep="\n", flush=True)
        self.lines += lines


def run(pieces: Sequence[str], scale: float, kept: Path | None, report: Report) -> None:
    """Measure the pieces; what goes wrong within one of the operations is said, and the others are measured."""
    if operations := [piece for piece in ROUNDS if piece in pieces]:
        with (
            _directory(kept) as state,
            Cluster(state).running(keep=kept is not None) as cluster,
            Pieces.of(cluster) as processes,
        ):
            report.add(*_circumstances(scale, cluster.version))
            bench = Bench(cluster, processes, scale)
            report.add("", *HEAD)
            found = {piece: one for piece in operations if (one := _measured(bench, piece, report))}
            notes = [*bench.notes, *(note for one in found.values() for note in one.notes)]
            report.add("", *(f"- {note}" for note in notes))
            if "growth" in pieces:
                report.add("", "## Growth", "", *_growth(Bench(cluster, processes, scale / 10), found, scale))
    if "core" in pieces:
        report.add("", "## The core alone", "", *core.report(scale))


def _measured(bench: Bench, piece: str, report: Report) -> Measured | None:
    """The rows of an operation, or one that says that it could not be measured; why stands on standard error."""
    try:
        measured = bench.measure(piece)
    except NotMeasured:
        report.whole = False
        report.add(f"| {piece} | **could not be measured** | | | | | |")
        return None
    report.add(*(finding.row for finding in measured.findings))
    return measured


def _growth(small: Bench, whole: dict[str, Measured], scale: float) -> Iterator[str]:
    """The same operations at a tenth of the scale beside what was found."""
    yield f"| id | {Size.at(small.scale).contracts:,} contracts | {Size.at(scale).contracts:,} contracts | growth |"
    yield "|---|---|---|---|"
    for piece in (piece for piece in GROWING if piece in whole):
        tenth = small.round(piece, 1)
        (few, *_), (many, *_) = tenth.findings, whole[piece].findings
        times = many.measured / few.measured
        yield (
            f"| {piece} | {shown(few.measured, 's')}, {tenth.memory:,.0f} MiB"
            f" | {shown(many.measured, 's')}, {whole[piece].memory:,.0f} MiB | {times:.3g} x |"
        )


def _circumstances(scale: float, version: str) -> list[str]:
    size = Size.at(scale)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    settings = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    return [
        f"{size.contracts:,} contracts, {size.suppliers:,} suppliers in four tiers, {size.measures} measures,"
        f" {size.owners:,} owners; seed {SEED}.",
        "",
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB; PostgreSQL {version} on the same machine, {settings},"
        f" no fsync, no parallel workers; {platform.python_implementation()} {platform.python_version()},"
        f" NumPy {np.__version__}.",
    ]


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
    else:
        with TemporaryDirectory(prefix="tocsin-bench-") as made:
            yield Path(made)


def main() -> int:
    known = (*ROUNDS, "growth", "core")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help=f"of a million contracts; at 1 the report goes to docs/{REPORT.name}"
    )
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="PIECE", help=" ".join(known))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the databases (15 GB at scale 1)")
    options = parser.parse_args()
    report = Report()
    run(options.only, options.scale, options.keep, report)
    if options.scale == 1 and report.whole and options.only == known:
        REPORT.write_text(HEADING + "\n".join([*report.lines, ""]))
    return 0 if report.whole else 1


if __name__ == "__main__":
    sys.exit(main())
