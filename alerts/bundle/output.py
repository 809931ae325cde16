"""Flags as `screen` prints them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import Any

from alerts.screening import (
    Calendar,
    Clearances,
    Clearing,
    Money,
    Policies,
    Verdict,
    compile_policies,
    reasons,
)
from contracts.facts import ContractFacts


def flags_as_json(
    policies: Policies, contracts: Iterable[ContractFacts], calendar: Calendar, *, clearing: bool = True
) -> list[dict[str, Any]]:
    """The flags of contracts, sorted by contract, measure and kind, with their reasons and what would clear them.

    Without `clearing` the latter is left out: it costs many screenings a flag, and matters only today.
    """
    by_reference = {contract.reference: contract for contract in contracts}
    measures = {measure.name: measure for measure in policies.measures}
    policy_set = compile_policies(policies, calendar)
    flags = [(verdict, by_reference[verdict.contract]) for verdict in policy_set.screen(by_reference.values())]
    clearings = Clearances(policies, policy_set).of_all(flags) if clearing else repeat([])

    def as_json(verdict: Verdict, contract: ContractFacts, cleared: Sequence[Clearing]) -> dict[str, Any]:
        return {
            "contract": verdict.contract,
            "measure": verdict.measure,
            "kind": verdict.kind,
            "certainty": verdict.certainty,
            "basis": verdict.basis,
            "lines": list(verdict.lines),
            "reasons": [asdict(reason) for reason in reasons(verdict, contract, measures[verdict.measure], policies)],
            **({"would_clear_if": [asdict(fact) for fact in cleared]} if clearing else {}),
            "act_by": verdict.act_by.isoformat(),
            "exposure": exact(verdict.exposure),
        }

    return [as_json(*flag, cleared) for flag, cleared in zip(flags, clearings, strict=False)]


def exact(exposure: Money | None) -> dict[str, str] | None:
    """The exact amount, with at least two places."""
    if exposure is None:
        return None
    whole, _, places = f"{exposure.amount:f}".partition(".")
    return {"amount": f"{whole}.{places.rstrip('0').ljust(2, '0')}", "currency": exposure.currency}
