"""The databases of one scale, and the operations measured in copies of them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from config.embedded.lease import migrations_fingerprint
from config.embedded.places import CHECKOUT
from tests.benchmarks.cluster import Cluster
from tests.benchmarks.figures import Measured, median_of
from tests.benchmarks.world import Size

ROUNDS = {"P1": 3, "P2": 1, "P3": 3, "P4": 1, "P5": 1, "P6": 1, "P7": 1, "P8": 1, "P9": 3, "P10": 1}
"""How often each operation is measured, each time in a fresh copy of the database and a fresh process."""
PRODUCT = ("config", "people", "suppliers", "contracts", "policies", "alerts")
GENERATOR = ("world.py", "portfolio.py", "filling.py")


class NotMeasured(RuntimeError):  # noqa: N818
    """Why stands on standard error."""


class Pieces:
    """A process of tests/benchmarks/piece.py and what it finds."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @classmethod
    @contextmanager
    def of(cls, cluster: Cluster) -> Iterator["Pieces"]:
        command = [sys.executable, "-m", "tests.benchmarks.piece"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(
            command, cwd=CHECKOUT, env=cluster.environment("postgres"), text=True, **pipes
        ) as process:
            yield cls(process)

    def measure(self, piece: str, scale: float, number: int, database: str) -> Measured:
        if self._process.stdin is None or self._process.stdout is None:
            raise NotMeasured("its process has no pipes")
        print(json.dumps([piece, scale, number, database]), file=self._process.stdin, flush=True)
        found = json.loads(self._process.stdout.readline() or "null")
        if found is None:
            raise NotMeasured(f"{piece} at scale {scale:g}")
        return Measured.from_json(found)


class Bench:
    """A database with the portfolio as it is loaded, and one as it is once everything has been screened.

    Each is made where the cluster does not have one that the present code made.
    """

    def __init__(self, cluster: Cluster, pieces: Pieces, scale: float) -> None:
        self.cluster, self.pieces, self.scale = cluster, pieces, scale
        self.notes: list[str] = []
        migrated = self._made(f"migrated_{_short(migrations_fingerprint())}", None)
        generator = _fingerprint(Path(__file__).with_name(name) for name in GENERATOR)
        filled = self._made(f"filled_{scale:g}_{_short(migrated, generator)}", "fill", template=migrated)
        code = _fingerprint(path for part in PRODUCT for path in (CHECKOUT / part).rglob("*.py"))
        self._screened = self._made(f"screened_{scale:g}_{_short(filled, code)}", "screen", template=filled)

    def measure(self, piece: str) -> Measured:
        """The medians of the rounds of one operation; NotMeasured where one cannot be."""
        often = 1 if Size.at(self.scale).trial else ROUNDS[piece]
        return median_of(self.round(piece, number) for number in range(often))

    def round(self, piece: str, number: int) -> Measured:
        """One measurement; those numbered 0 are beside the naive way, too."""
        _say(f"{piece} at scale {self.scale:g}, round {number + 1}")
        with self.cluster.copy_of(self._screened) as database:
            return self.pieces.measure(piece, self.scale, number, database)

    def _made(self, name: str, piece: str | None, template: str = "template1") -> str:
        if name not in self.cluster.databases():
            self._drop_outdated(name)
            _say(f"preparing at scale {self.scale:g}: {piece or 'migrate'}")
            draft = f"draft_of_{name}"
            self.cluster.create(draft, template=template)
            if piece is None:
                self.cluster.run(draft, "manage.py", "migrate", "--verbosity", "0", "--no-input")
            else:
                self.notes += self.pieces.measure(piece, self.scale, 0, draft).notes
            self.cluster.rename(draft, name)
        return name

    def _drop_outdated(self, name: str) -> None:
        """What other code made for the same purpose, and what was left by a run that was cut short."""
        purpose = f"{name.rpartition('_')[0]}_"
        for other in self.cluster.databases():
            if other.startswith((purpose, "draft_of_", "copy_of_")):
                self.cluster.drop(other)


def _short(*parts: str) -> str:
    return sha256(" ".join(parts).encode()).hexdigest()[:16]


def _fingerprint(paths: Iterable[Path]) -> str:
    return _short(*(sha256(path.read_bytes()).hexdigest() for path in sorted(paths)))


def _say(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
