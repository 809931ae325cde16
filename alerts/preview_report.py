"""A preview in figures and rows: contracts, owners, departments and money, and flag by flag for whoever may see it."""

from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import numpy as np

from alerts.bundle.output import exact
from alerts.charges import Charges
from alerts.preview import Preview, Side
from alerts.recipients import SharedCharge
from alerts.screening import Money, Verdict
from alerts.screening.flags import Flags
from contracts.columns import Ids
from contracts.copying import Span
from contracts.models import Contract
from people import row_security
from people.models import User

ROWS = 1000


def as_json(preview: Preview, *, seen_by: User | None) -> dict[str, Any]:
    """Figures count every contract; rows, at most 1,000 of each kind, are of those `seen_by` may see (None: all)."""
    parts = {
        "newly_flagged": preview.newly_flagged,
        "no_longer_flagged": preview.no_longer_flagged,
        "changed": preview.changed,
    }
    return {
        "policy_changes": list(preview.changes),
        "at": preview.at.isoformat(),
        "owners_told": preview.owners_told,
        "faults": list(preview.faults),
        "flagged_now": figures(preview.before.flags, preview.charges),
        "flagged_then": figures(preview.after.flags, preview.charges),
        **{
            name: {**figures(side.flags, preview.charges), "rows": _rows(side, preview.charges, seen_by)}
            for name, side in parts.items()
        },
    }


def figures(flags: Flags, charges: Charges) -> dict[str, Any]:
    """How many flags, contracts, owners and departments, and the exposure per currency.

    A contract counts once in each currency, with its largest flag; one without any is counted as not established.
    """
    contracts = np.unique(flags.contract)
    concerned = charges.of(contracts)
    established = flags.exposure != None  # noqa: E711
    money = [_largest(flags, established, currency) for currency in sorted(set(flags.currency[established].tolist()))]
    return {
        "flags": len(flags),
        "needs_review": int((~flags.matched).sum()),
        "contracts": len(contracts),
        "owners": len({charge.owner for charge in concerned if charge.owner}),
        "departments": len({charge.department.pk for charge in concerned if charge.department}),
        "exposure": [exact(one) for one in money],
        "exposure_not_established": len(np.setdiff1d(contracts, flags.contract[established])),
    }


def _largest(flags: Flags, established: Any, currency: str) -> Money:
    """The sum of each contract's largest flag in the currency."""
    rows = np.flatnonzero(established & (flags.currency == currency))
    rows = rows[np.argsort(flags.contract[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(flags.contract[rows], prepend=-1))
    return Money(sum(np.maximum.reduceat(flags.exposure[rows], starts).tolist(), Decimal(0)), currency)


def _rows(side: Side, charges: Charges, seen_by: User | None) -> list[dict[str, Any]]:
    """The first flags that somebody may see, in order of contract, measure and kind."""
    first = _first_contracts(np.unique(side.flags.contract), seen_by)
    shown = side.take(np.flatnonzero(np.isin(side.flags.contract, first)))
    ids = dict(zip(shown.references(), shown.flags.contract.tolist(), strict=True))
    return [_row(verdict, charges.one(ids[verdict.contract])) for verdict in shown.verdicts()[:ROWS]]


def _first_contracts(contracts: Ids, seen_by: User | None) -> Ids:
    """Of these contracts that somebody may see, as many as there are rows, in order of reference."""
    visible = Contract.objects.all() if seen_by is None else Contract.objects.visible_to(seen_by)
    some = visible.extra(where=[Span(contracts).condition(f"{Contract._meta.db_table}.id")])  # noqa: S610
    first = some.order_by("reference").values_list("id", flat=True)[:ROWS]
    with nullcontext() if seen_by is None else row_security.seen_by(seen_by):
        return np.array(list(first), dtype=np.int64)


def _row(verdict: Verdict, charge: SharedCharge) -> dict[str, Any]:
    return {
        "contract": verdict.contract,
        "measure": verdict.measure,
        "kind": verdict.kind,
        "certainty": verdict.certainty,
        "basis": verdict.basis,
        "lines": list(verdict.lines),
        "act_by": verdict.act_by.isoformat(),
        "exposure": exact(verdict.exposure),
        "owner": charge.owner,
        "department": charge.department.reference if charge.department else None,
    }
