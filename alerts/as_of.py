"""What was flagged at a past moment, with the reasons as they stood; and what is known now about then.

*Then* is what the last complete screening by that moment saw, read again from history. *Now* is what is stored today,
screened for that moment: the two differ where a fact or a policy became known later.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from alerts.bundle.output import flags_as_json
from alerts.history import Past
from alerts.models import ScreeningRun
from alerts.portfolio import LeftOut, PinnedPolicies, calendar, readable_policies
from alerts.screening import Calendar, Policies
from contracts.facts import ContractFacts
from contracts.models import Contract

Known = Literal["then", "now"]
KNOWN: tuple[Known, ...] = ("then", "now")


class NothingKnown(Exception):  # noqa: N818
    """No screening had been completed by that moment, or history does not hold what it saw."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """Flags in the shape of `screen`. `at` is the instant screened for; `run` the one that saw it, None for now."""

    at: datetime
    known: Known
    run: int | None
    flags: list[dict[str, Any]]


def flags_as_of(at: datetime, *, known: Known, within: Collection[int] | None = None) -> AsOf:
    """The flags of all contracts, or of those with the ids, as of an instant."""
    if known == "now":
        contracts = Contract.objects.all() if within is None else Contract.objects.filter(id__in=within)
        return AsOf(at, known, None, _flags(*readable_policies(), contracts.facts(), calendar(at)))
    run = ScreeningRun.objects.complete().filter(at__lte=at).order_by("-at", "-id").first()
    if run is None or not run.snapshot or run.renewal_horizon_days is None:
        raise NothingKnown(f"no screening on record had been completed by {at.isoformat()}")
    past = Past(run.snapshot)
    try:
        policies, unread = past.policies()
        ids = past.contracts.keys() if within is None else past.contracts.keys() & set(within)
        facts = past.contract_facts(ids)
    except KeyError as missing:
        raise NothingKnown(f"history names an object that it does not hold: {missing}") from missing
    now = Calendar(run.at, run.timezone, run.renewal_horizon_days)
    return AsOf(run.at, known, run.pk, _flags(policies, unread, facts, now))


def _flags(
    policies: Policies, unread: list[LeftOut], contracts: list[ContractFacts], now: Calendar
) -> list[dict[str, Any]]:
    """Measures that cannot be compiled are left out, as when a run screens."""
    sound = PinnedPolicies.of(policies, unread, "", now).policies
    return flags_as_json(sound, contracts, now, clearing=False)
