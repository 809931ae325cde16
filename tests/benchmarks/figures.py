"""What was measured, beside what it is measured against, and whether that meets the target."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from time import perf_counter
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finding:
    """Two figures of one operation and the target for their ratio.

    `at_most`: measured / against may be no more. Without it, `at_least`: against / measured may be no less, for the
    naive way. Seconds, or MiB.
    """

    id: str
    operation: str
    measured: float
    versus: str
    against: float
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float:
        return self.measured / self.against if self.at_least is None else self.against / self.measured

    @property
    def passes(self) -> bool:
        return self.ratio <= self.at_most if self.at_most is not None else self.ratio >= (self.at_least or 0)

    @property
    def row(self) -> str:
        """Its row of the table."""
        target = f"at most {self.at_most:g} x" if self.at_most is not None else f"at least {self.at_least:g} x faster"
        cells = (
            self.id,
            self.operation,
            shown(self.measured, self.unit),
            f"{self.versus}: {shown(self.against, self.unit)}",
            f"{self.ratio:.3g}" if self.ratio < 100 else f"{self.ratio:,.0f}",
            target,
            "pass" if self.passes else "**falls short**",
        )
        return f"| {' | '.join(cells)} |"


HEAD = ("| id | operation | measured | against | ratio | target | verdict |", "|---|---|---|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a piece of the benchmark found, and what else is worth knowing, a sentence each.

    `memory`: the most that one of its processes held, in MiB.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    memory: float = 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        return cls([Finding(**one) for one in values["findings"]], values["notes"], values["memory"])


def median_of(rounds: Iterable[Measured]) -> Measured:
    """The findings of several rounds as one: the medians of their figures, the notes of the first.

    An operation that is measured against several things has one figure of its own.
    """
    notes: list[str] = []
    memory = 0.0
    measured: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    of_all: defaultdict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for one in rounds:
        notes, memory = notes or one.notes, max(memory, one.memory)
        for finding in one.findings:
            of_all[finding.id, finding.operation, finding.versus].append(finding)
        for operation, figure in {(f.id, f.operation): f.measured for f in one.findings}.items():
            measured[operation].append(figure)
    return Measured(
        [
            replace(found[0], measured=median(measured[id, operation]), against=median(f.against for f in found))
            for (id, operation, _), found in of_all.items()
        ],
        notes,
        memory,
    )


def most_memory() -> float:
    """The most that this process or one it started has held so far, in MiB."""
    return max(getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) / 1024


def seconds(work: Callable[[], Result]) -> tuple[float, Result]:
    """How long it takes, and what it gives."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def shown(figure: float, unit: str) -> str:
    """Three digits, and milliseconds where seconds are too coarse."""
    if unit == "s" and figure < 1:
        figure, unit = 1000 * figure, "ms"
    return f"{figure:,.0f} {unit}" if figure >= 100 else f"{figure:.3g} {unit}"
