"""`make bench`: what Tocsin takes beside the naive way and beside the limit, in one run, as ratios against targets."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from config.embedded.lease import migrations_fingerprint
from config.embedded.places import CHECKOUT
from tests.benchmarks import core
from tests.benchmarks.cluster import SETTINGS, Cluster
from tests.benchmarks.figures import HEAD, Measured, median_of
from tests.benchmarks.world import SEED, Size

REPORT = CHECKOUT / "docs" / "benchmarks.md"
ROUNDS = {"P1": 3, "P2": 1, "P3": 3, "P4": 1, "P7": 1, "P9": 3}
"""How often each operation is measured, each time in a fresh copy of the database and a fresh process."""
PRODUCT = ("config", "people", "suppliers", "contracts", "policies", "alerts")
GENERATOR = ("world.py", "portfolio.py", "filling.py")


class Bench:
    """The databases of one scale: the portfolio as it is loaded, and as it is once everything has been screened."""

    def __init__(self, cluster: Cluster, scale: float) -> None:
        self.cluster, self.scale = cluster, scale
        self.notes: list[str] = []

    def prepare(self) -> None:
        """The database in which everything has been screened by the present code; made where it is not there."""
        code = _fingerprint(path for part in PRODUCT for path in (CHECKOUT / part).rglob("*.py"))
        filled = self._filled()
        self._screened = self._made(f"screened_{_short(filled, code)}", "screen", template=filled)

    def measure(self, piece: str) -> Measured:
        """The medians of the rounds of one operation."""
        rounds = []
        often = 1 if Size.at(self.scale).trial else ROUNDS[piece]
        for number in range(often):
            _say(f"{piece}, round {number + 1} of {often}")
            with self.cluster.copy_of(self._screened) as database:
                rounds.append(self._run(database, piece, number))
        return median_of(rounds)

    def _filled(self) -> str:
        """The database with the portfolio as the present generator writes it into the present tables."""
        code = _fingerprint(Path(__file__).with_name(name) for name in GENERATOR)
        name = f"filled_{_short(str(self.scale), code, migrations_fingerprint())}"
        return self._made(name, "fill")

    def _made(self, name: str, piece: str, template: str | None = None) -> str:
        if not self.cluster.has(name):
            _say(f"preparing: {piece}")
            draft = f"draft_of_{name}"
            self.cluster.create(draft, template=template or "template1")
            if template is None:
                self.cluster.run(draft, "manage.py", "migrate", "--verbosity", "0", "--no-input")
            self.notes += self._run(draft, piece, 0).notes
            self.cluster.rename(draft, name)
        return name

    def _run(self, database: str, piece: str, number: int) -> Measured:
        said = self.cluster.run(database, "-m", "tests.benchmarks.piece", piece, str(self.scale), str(number))
        return Measured.from_json(json.loads(said))


def _short(*parts: str) -> str:
    return sha256(" ".join(parts).encode()).hexdigest()[:16]


def _fingerprint(paths: Iterator[Path]) -> str:
    return _short(*(sha256(path.read_bytes()).hexdigest() for path in sorted(paths)))


def run(pieces: Sequence[str], scale: float, state: Path) -> tuple[list[str], bool]:
    """The report's lines, and whether everything asked for was measured."""
    lines: list[str] = []
    whole = True
    operations = [piece for piece in ROUNDS if piece in pieces]
    if operations:
        with Cluster(state).running() as cluster:
            bench = Bench(cluster, scale)
            bench.prepare()
            rows: list[str] = []
            notes = bench.notes
            for piece in operations:
                try:
                    measured = bench.measure(piece)
                except subprocess.CalledProcessError as error:
                    rows.append(f"| {piece} | **could not be measured**: ended with {error.returncode} | | | | | |")
                    whole = False
                else:
                    rows += [finding.row for finding in measured.findings]
                    notes += measured.notes
            lines += [*_circumstances(scale, cluster.version), "", *HEAD, *rows, "", *(f"- {note}" for note in notes)]
    if "core" in pieces:
        lines += ["", "## The core alone", "", *core.report(scale)]
    return lines, whole


def _circumstances(scale: float, version: str) -> list[str]:
    size = Size.at(scale)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{size.contracts:,} contracts, {size.suppliers:,} suppliers in four tiers, {size.measures} measures,"
        f" {size.owners:,} owners; seed {SEED}.",
        "",
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB; PostgreSQL {version} on the same machine,"
        f" {_settings()}; {platform.python_implementation()} {platform.python_version()}, NumPy {np.__version__}.",
    ]


def _settings() -> str:
    return ", ".join(f"{name} {value}" for name, value in SETTINGS.items()) + ", no fsync, no parallel workers"


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
    else:
        with TemporaryDirectory(prefix="tocsin-bench-") as made:
            yield Path(made)


def main(arguments: Sequence[str] | None = None) -> int:
    known = (*ROUNDS, "core")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help=f"of a million contracts; at 1 the report goes to docs/{REPORT.name}"
    )
    parser.add_argument("--only", nargs="+", choices=known, default=known, metavar="PIECE", help=" ".join(known))
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the databases there and use them again")
    options = parser.parse_args(arguments)
    with _directory(options.keep) as state:
        lines, whole = run(options.only, options.scale, state)
    print("\n".join(lines))
    if options.scale == 1 and whole and options.only == known:
        REPORT.write_text(
            "# Benchmarks\n\nWritten by `make bench`. Ratios are what counts.\n\n" + "\n".join(lines) + "\n"
        )
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
