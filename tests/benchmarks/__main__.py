"""`make bench`: the screening core beside the slow, obvious reference, as ratios, written to docs/benchmarks.md."""

import argparse
import platform
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alerts.screening import Policies, Verdict, compile_policies
from alerts.screening.book import Book
from contracts.facts import ContractFacts
from tests.benchmarks.portfolio import NOW, contracts, policies
from tests.screening.reference import Flag
from tests.screening.reference import screen as screen_by_reference

MEASURES = 500
ORGANIZATIONS = 20_000
CONTRACTS = 100_000
BY_REFERENCE, MEASURES_BY_REFERENCE, ORGANIZATIONS_BY_REFERENCE = 100, 10, 100
"""The reference answers for a small world only: it would take days over the large one."""
SEED = 2026
Result = TypeVar("Result")
REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def timed(title: str, work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds and the result, with a word on standard error before and after."""
    print(f"{title} ... ", end="", file=sys.stderr, flush=True)
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    print(f"{seconds:.3f} s", file=sys.stderr)
    return seconds, result


def run(scale: float) -> list[str]:
    """The report's lines."""
    chance = random.Random(SEED)
    known = policies(MEASURES, ORGANIZATIONS, chance)
    size = max(int(CONTRACTS * scale), 100)
    portfolio = list(contracts(size, ORGANIZATIONS, chance))
    small = portfolio[: size // 10]
    world = policies(MEASURES_BY_REFERENCE, ORGANIZATIONS_BY_REFERENCE, random.Random(SEED))
    few = list(contracts(BY_REFERENCE, ORGANIZATIONS_BY_REFERENCE, random.Random(SEED)))

    compiling, _ = timed(
        f"compile {MEASURES} measures, {ORGANIZATIONS} organizations", lambda: compile_policies(known, NOW)
    )
    slow, expected = timed(f"{BY_REFERENCE} contracts by the reference", lambda: screen_by_reference(world, few, NOW))
    fast, found = timed(f"{BY_REFERENCE} contracts by the core, compiling included", lambda: _screen(world, few))
    if [_answer(flag) for flag in expected] != [_answer(verdict) for verdict in found]:
        raise SystemExit("the core and the reference disagree")
    tenth, _ = timed(f"{len(small)} contracts by the core", lambda: _screen(known, small))
    whole, flagged = timed(f"{size} contracts by the core", lambda: _screen(known, portfolio))
    compiled = compile_policies(known, NOW)
    book = Book(portfolio, NOW)
    compiled.hits(book)
    decide, _ = timed("the same again, columns and rows at hand: decide only", lambda: compiled.hits(book))
    return [
        f"{size:,} contracts, {sum(len(c.lines) for c in portfolio):,} lines, {MEASURES} measures,"
        f" {ORGANIZATIONS:,} organizations, seed {SEED}."
        f" {platform.python_implementation()} {platform.python_version()}.",
        "",
        "| what | seconds |",
        "|---|---|",
        f"| compile the policy set | {compiling:.3f} |",
        f"| small world: {BY_REFERENCE} contracts, {MEASURES_BY_REFERENCE} measures, day by day (the reference in"
        f" `tests/screening/`) | {slow:.3f} |",
        f"| small world, core, compiling included | {fast:.3f} |",
        f"| {len(small):,} contracts, core, compiling included | {tenth:.3f} |",
        f"| {size:,} contracts, core, compiling included ({len(flagged):,} flags) | {whole:.3f} |",
        f"| {size:,} contracts, decide only | {decide:.3f} |",
        "",
        f"- In the small world the core is **{slow / fast:,.0f} times** as fast as the reference, with the same flags.",
        f"- Ten times the contracts take **{whole / tenth:.1f} times** as long.",
        f"- Peak memory of the whole run: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB.",
    ]


def _answer(flag: Flag | Verdict) -> tuple[object, ...]:
    return flag.contract, flag.measure, flag.kind, flag.certainty, flag.basis, flag.lines, flag.act_by


def _screen(known: Policies, portfolio: list[ContractFacts]) -> list[Verdict]:
    return compile_policies(known, NOW).screen(portfolio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help=f"of {CONTRACTS:,} contracts; from 1 on the figures are kept in docs/{REPORT.name}",
    )
    options = parser.parse_args()
    lines = run(options.scale)
    print("\n".join(lines))
    if options.scale >= 1:
        REPORT.write_text(
            "# Benchmarks\n\nWritten by `make bench`. Ratios are what counts.\n\n" + "\n".join(lines) + "\n"
        )


if __name__ == "__main__":
    main()
