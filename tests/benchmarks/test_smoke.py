"""The benchmark runs, and what it compares gives the same flags; no figure is judged here."""

from tests.benchmarks.__main__ import run


def test_the_benchmark_runs_and_reports() -> None:
    report = run(0.001)
    assert report[0].startswith("100 contracts, ")
    assert sum(line.startswith("| ") for line in report) == 7
    assert "with the same flags" in report[-3]
