"""P2: what publishing the draft would do, over all contracts; nothing is written."""

from datetime import timedelta
from statistics import median

from alerts.preview import preview
from tests.benchmarks import limits, world
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=1)
TIMES = 3


def measure(size: Size, first: bool) -> Measured:
    """The first preview of a process and later ones, as somebody sees them who changes a draft and looks again."""
    limits.scan()
    once, found = seconds(_preview)
    if not found:
        raise RuntimeError("the draft would open no flags: something is wrong")
    turns = [(limits.scan(), seconds(_preview)[0]) for _ in range(1 if size.trial else TIMES)]
    limit = median(scan for scan, _ in turns)
    again = median(took for _, took in turns)
    versus, what = "sequential scan count", f"preview of a draft, {found:,} flags"
    return Measured(
        [
            Finding("P2", f"{what}, again in the same process", again, versus, limit, at_most=1),
            Finding("P2", f"{what}, first in a new process", once, versus, limit, at_most=1),
        ]
    )


def _preview() -> int:
    return len(preview([world.draft().change], at=AT).newly_flagged)
