"""Flags as `screen` prints them."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from alerts.screening import (
    Calendar,
    Clearances,
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
    verdicts = compile_policies(policies, calendar).screen(by_reference.values())

    clearances = Clearances(policies, calendar)

    def as_json(verdict: Verdict) -> dict[str, Any]:
        contract = by_reference[verdict.contract]
        cleared = clearances.of(verdict, contract) if clearing else []
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

    return [as_json(verdict) for verdict in sorted(verdicts, key=lambda v: (v.contract, v.measure, v.kind))]


def exact(exposure: Money | None) -> dict[str, str] | None:
    """The exact amount, with at least two places."""
    if exposure is None:
        return None
    whole, _, places = f"{exposure.amount:f}".partition(".")
    return {"amount": f"{whole}.{places.rstrip('0').ljust(2, '0')}", "currency": exposure.currency}
