"""The screening core by itself, without a database: its growth with the contracts, and the reference beside it.

`python -m tests.benchmarks.core SCALE CONTRACTS` screens so many in the world of a scale, in a process of its own, and
says what it took, as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import islice

from alerts.screening import Policies, Verdict, compile_policies
from config.embedded.places import CHECKOUT
from contracts.columns import Contracts
from tests.benchmarks import world
from tests.benchmarks.figures import most_memory, seconds, shown
from tests.benchmarks.portfolio import BLOCK, Portfolio
from tests.benchmarks.world import NOW, Size
from tests.screening.reference import Flag
from tests.screening.reference import screen as screen_by_reference

SIZES = (100_000, 1_000_000, 10_000_000)
CHUNK = 5
"""Blocks of the portfolio screened together."""
SMALL = Size(contracts=100, suppliers=100, measures=10, owners=20)
"""The reference answers for a small world only: it would take days over the large one."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What it took to screen so many contracts, in seconds; generating them is not counted.

    `columns`: to make columns of facts; `decided`: to compile the policies and to find the flags.
    """

    contracts: int
    lines: int
    flags: int
    columns: float
    decided: float
    memory: float

    @property
    def row(self) -> str:
        return (
            f"| {self.contracts:,} | {self.lines:,} | {self.flags:,} | {shown(self.columns, 's')}"
            f" | {shown(self.decided, 's')} | {1e6 * self.decided / self.contracts:.3g} µs | {self.memory:,.0f} MiB |"
        )


def report(scale: float) -> list[str]:
    """The report's lines."""
    grown = [_in_a_process(scale, max(round(contracts * scale), 100)) for contracts in SIZES]
    slow, fast = _beside_the_reference()
    return [
        "| contracts | lines | flags | facts to columns | decided | per contract | peak memory |",
        "|---|---|---|---|---|---|---|",
        *(one.row for one in grown),
        "",
        f"In chunks of {CHUNK * BLOCK:,} contracts against {Size.at(scale).measures} measures and"
        f" {Size.at(scale).suppliers:,} suppliers, compiling included. In a small world of {SMALL.contracts} contracts"
        f" and {SMALL.measures} measures the core is **{slow / fast:,.0f} times** as fast as the slow, obvious"
        " reference in `tests/screening/`, with the same flags.",
    ]


def grow(scale: float, contracts: int) -> Growth:
    """Screen the first so many contracts of the portfolio against the policies of the scale."""
    size = replace(Size.at(scale), contracts=contracts)
    known = policies(size)
    decided, policy_set = seconds(lambda: compile_policies(known, NOW))
    columns = 0.0
    lines = flags = 0
    blocks = Portfolio(size).blocks()
    while chunk := [held.facts for block in islice(blocks, CHUNK) for held in block]:
        of_columns, made = seconds(lambda chunk=chunk: Contracts.of(chunk))
        took, found = seconds(lambda made=made: policy_set.flags(policy_set.book(made)))
        columns, decided = columns + of_columns, decided + took
        lines += sum(len(contract.lines) for contract in chunk)
        flags += len(found)
    return Growth(contracts, lines, flags, columns, decided, most_memory())


def policies(size: Size) -> Policies:
    published = world.measures(size)
    return Policies(published, world.organizations(size), world.lists(size), world.licences(size, published))


def _in_a_process(scale: float, contracts: int) -> Growth:
    print(f"  core: {contracts:,} contracts", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "tests.benchmarks.core", str(scale), str(contracts)]
    done = subprocess.run(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True)
    return Growth(**json.loads(done.stdout))


def _beside_the_reference() -> tuple[float, float]:
    """Seconds of the reference and of the core; they have to agree."""
    known, few = policies(SMALL), [held.facts for held in Portfolio(SMALL)]
    screen: Callable[[], list[Verdict]] = lambda: compile_policies(known, NOW).screen(few)  # noqa: E731
    slow, expected = seconds(lambda: screen_by_reference(known, few, NOW))
    fast, found = seconds(screen)
    if [_answer(flag) for flag in expected] != [_answer(verdict) for verdict in found]:
        raise RuntimeError("the core and the reference disagree")
    return slow, fast


def _answer(flag: Flag | Verdict) -> tuple[object, ...]:
    return flag.contract, flag.measure, flag.kind, flag.certainty, flag.basis, flag.lines, flag.act_by


if __name__ == "__main__":
    print(json.dumps(asdict(grow(float(sys.argv[1]), int(sys.argv[2])))))
