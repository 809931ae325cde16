"""Why a flag closes: what its reader is told about a contract that is no longer flagged."""

from collections.abc import Mapping

from alerts.models import Flag
from alerts.models.flags import ClosedBecause
from alerts.portfolio import PinnedPolicies
from contracts.facts import ContractFacts
from contracts.stage import Stage, stage
from policies.models import PolicyChange

ENDED: frozenset[Stage] = frozenset({"completed", "cancelled", "terminated", "expired"})


def closed_because(flag: Flag, pinned: PinnedPolicies, contracts: Mapping[int, ContractFacts]) -> ClosedBecause:
    """What ended the flag; a contract (facts by id) that is missing was deleted."""
    measure = pinned.measures.get(flag.measure_id)
    if measure is None or measure.retired_at is not None:
        return ClosedBecause.RETIRED
    if measure.change.status != PolicyChange.Status.PUBLISHED:
        return ClosedBecause.WITHDRAWN
    facts = contracts.get(flag.contract_id)
    if facts is None:
        return ClosedBecause.CONTRACT_DELETED
    return ClosedBecause.CONTRACT_ENDED if stage(facts, pinned.calendar) in ENDED else ClosedBecause.NOT_HIT
