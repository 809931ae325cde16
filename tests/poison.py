"""Contracts that cannot be screened, by facts that no door would have let in."""

from alerts.models import ScreeningRun
from alerts.runs import screen_pending
from contracts.models import Contract, Line
from people import clock

POISON = [{"origin": "CN", "value_share": "a lot"}]
FAULT = "/lines/10/content/0/value_share: "


def poisoned(*references: str) -> ScreeningRun:
    """The run that set these contracts aside, and screened one more: MAG-2025-DY-27."""
    Line.objects.filter(contract__reference__in=references, number=10).update(content=POISON)
    Contract.objects.filter(reference="MAG-2025-DY-27").update(title="Changed")
    run = screen_pending(at=clock.now())
    assert run is not None
    assert (run.everything, run.set_aside, run.screened) == (False, len(references), 1)
    return run
