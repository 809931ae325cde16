"""Why a flag closes: what its reader is told about a contract that is no longer flagged."""

from collections.abc import Collection, Mapping

from alerts.models.flags import ClosedBecause
from alerts.portfolio import PinnedPolicies
from contracts.stage import Stage
from policies.models import PolicyChange

ENDED: frozenset[Stage] = frozenset({"completed", "cancelled", "terminated", "expired"})


def closed_because(
    flag: int,
    contract: int,
    measure: int,
    *,
    pinned: PinnedPolicies,
    known: Collection[int],
    ended: Collection[int],
    concluded: Mapping[int, ClosedBecause],
) -> ClosedBecause:
    """What ended a flag of a contract and a measure, all by id.

    `known` are the contracts that exist, of which those in `ended` have ended; `concluded` is by flag, of contracts
    that have been concluded under it (alerts/concluding.py).
    """
    of = pinned.measures.get(measure)
    if of is None or of.retired_at is not None:
        return ClosedBecause.RETIRED
    if of.change.status != PolicyChange.Status.PUBLISHED:
        return ClosedBecause.WITHDRAWN
    if contract not in known:
        return ClosedBecause.CONTRACT_DELETED
    if flag in concluded:
        return concluded[flag]
    return ClosedBecause.CONTRACT_ENDED if contract in ended else ClosedBecause.NOT_HIT
