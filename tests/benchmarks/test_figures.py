"""Ratios and verdicts of the benchmark, and that its portfolio is what it says."""

from dataclasses import replace
from itertools import islice

from contracts.stage import LIVE, stage
from tests.benchmarks.figures import Finding, Measured, median_of
from tests.benchmarks.portfolio import Portfolio
from tests.benchmarks.world import NOW, Size, measures

SLOW = Finding("P1", "publish", 5.0, "limit", 2.0, at_most=2.5)


def test_a_ratio_at_the_target_passes_and_one_above_it_falls_short() -> None:
    assert SLOW.row == "| P1 | publish | 5 s | limit: 2 s | 2.5 | at most 2.5 x | pass |"
    over = replace(SLOW, measured=5.1)
    assert over.row == "| P1 | publish | 5.1 s | limit: 2 s | 2.55 | at most 2.5 x | **falls short** |"


def test_a_naive_way_has_to_be_slower_by_at_least_the_target() -> None:
    naive = Finding("P1", "publish", 0.5, "loop", 30.0, at_least=60)
    assert naive.row == "| P1 | publish | 500 ms | loop: 30 s | 60 | at least 60 x faster | pass |"
    assert not replace(naive, against=29.9).passes


def test_rounds_are_summed_up_by_their_medians_whatever_an_operation_is_compared_with() -> None:
    naive = Finding("P1", "publish", 1.0, "loop", 100.0, at_least=60)
    rounds = [
        Measured([replace(SLOW, measured=1.0, against=2.0), naive], ["first"]),
        Measured([replace(SLOW, measured=9.0, against=3.0)], ["second"]),
        Measured([replace(SLOW, measured=4.0, against=7.0)]),
    ]
    limit, loop = median_of(rounds).findings
    assert (limit.measured, limit.against) == (4.0, 3.0)
    assert (loop.measured, loop.against) == (4.0, 100.0)
    assert median_of(rounds).notes == ["first"]


def test_a_small_portfolio_is_the_beginning_of_a_large_one() -> None:
    small, large = (Portfolio(Size(contracts, 100, 10, 20)) for contracts in (50, 12_000))
    assert list(small) == list(islice(large, 50))


def test_a_quarter_of_the_lines_are_live_and_few_suppliers_hold_most() -> None:
    held = list(Portfolio(Size(10_000, 1_000, 10, 20)))
    lines = sum(len(one.facts.lines) for one in held)
    live = sum(len(one.facts.lines) for one in held if stage(one.facts, NOW) in LIVE)
    first = sum(len(one.facts.lines) for one in held if int(one.facts.supplier[2:]) < 100)
    assert 2.2 < lines / len(held) < 2.3
    assert 0.24 < live / lines < 0.28
    assert first / lines > 0.5


def test_the_measures_are_the_same_ones_every_time() -> None:
    """Whatever the seed of Python's own hashing: a set in the wrong place would give others each time."""
    found = measures(Size.at(1))
    assert len(found) == 500
    assert sum(len(entry.hs) for measure in found for entry in measure.scope.commodities) == 3357
