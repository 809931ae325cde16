"""What a run of the driver is asked for."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for."""

    seed: int
    minutes: float
    contracts: int
    gap: float
    pause: float
    bug: str | None
    report: Path | None
    keep: bool


def options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Faults from a seed, and what they did")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--contracts", type=int, default=600)
    parser.add_argument("--gap", type=float, default=1.8, metavar="SECONDS", help="between two faults, on average")
    parser.add_argument("--pause", type=float, default=9, metavar="SECONDS", help="of each who publishes and withdraws")
    parser.add_argument("--bug", help="one of tests/faults/planted.py, put into the processes")
    parser.add_argument("--report", type=Path, help="where to write what was found, as JSON")
    parser.add_argument("--keep", action="store_true", help="leave the directory with its logs, also where all is well")
    return Options(**vars(parser.parse_args()))
