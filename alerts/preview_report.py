"""A preview in figures and rows: contracts, owners, departments and money, and flag by flag for whoever may see it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from alerts.bundle.output import exact
from alerts.preview import Preview
from alerts.screening import Money, Verdict
from contracts.models import Contract
from people.models import User

ROWS = 1000


def as_json(preview: Preview, *, seen_by: User | None) -> dict[str, Any]:
    """Figures count every contract; rows, at most 1,000 of each kind, are of those `seen_by` may see (None: all)."""
    visible = None if seen_by is None else _visible(preview, seen_by)
    parts: Mapping[str, Sequence[Verdict]] = {
        "newly_flagged": preview.newly_flagged,
        "no_longer_flagged": preview.no_longer_flagged,
        "changed": preview.changed,
    }
    return {
        "policy_changes": list(preview.changes),
        "at": preview.at.isoformat(),
        "owners_told": preview.owners_told,
        "faults": list(preview.faults),
        "flagged_now": figures(preview.before.values(), preview.contracts),
        "flagged_then": figures(preview.after.values(), preview.contracts),
        **{
            name: {
                **figures(verdicts, preview.contracts),
                "rows": [
                    _row(verdict, preview.contracts[verdict.contract])
                    for verdict in verdicts
                    if visible is None or verdict.contract in visible
                ][:ROWS],
            }
            for name, verdicts in parts.items()
        },
    }


def figures(verdicts: Iterable[Verdict], contracts: Mapping[str, Contract]) -> dict[str, Any]:
    """How many flags, contracts, owners and departments, and the exposure per currency.

    A contract counts once in each currency, with its largest flag; one without any is counted as not established.
    """
    flags = list(verdicts)
    concerned = {verdict.contract: contracts[verdict.contract] for verdict in flags}
    exposures: defaultdict[str, dict[str, Decimal]] = defaultdict(dict)
    for verdict in flags:
        if (money := verdict.exposure) is not None:
            largest = exposures[money.currency]
            largest[verdict.contract] = max(largest.get(verdict.contract, money.amount), money.amount)
    known = {contract for amounts in exposures.values() for contract in amounts}
    return {
        "flags": len(flags),
        "needs_review": sum(verdict.certainty == "needs_review" for verdict in flags),
        "contracts": len(concerned),
        "owners": len({contract.owner for contract in concerned.values() if contract.owner}),
        "departments": len({contract.department_id for contract in concerned.values() if contract.department_id}),
        "exposure": [
            exact(Money(sum(amounts.values(), Decimal(0)), currency)) for currency, amounts in sorted(exposures.items())
        ],
        "exposure_not_established": len(concerned.keys() - known),
    }


def _visible(preview: Preview, user: User) -> set[str]:
    seen = Contract.objects.visible_to(user).filter(reference__in=preview.contracts.keys())
    return set(seen.values_list("reference", flat=True))


def _row(verdict: Verdict, contract: Contract) -> dict[str, Any]:
    return {
        "contract": verdict.contract,
        "measure": verdict.measure,
        "kind": verdict.kind,
        "certainty": verdict.certainty,
        "basis": verdict.basis,
        "lines": list(verdict.lines),
        "act_by": verdict.act_by.isoformat(),
        "exposure": exact(verdict.exposure),
        "owner": contract.owner,
        "department": contract.department.reference if contract.department else None,
    }
