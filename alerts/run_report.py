"""What a run's manifest and the contracts set aside tell, without a reference that the asker may not see."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import BigIntegerField, F, Func

from alerts.bundle.problems import flattened, pointer
from alerts.models import ScreeningRun, SetAside
from contracts.models import Contract
from contracts.serializers import ContractSerializer, LineSerializer
from people.faults import Path
from people.models import User
from people.strict import Strict, examine, stored_name
from policies.models import PolicyChange

SHOWN = 1_000
"""Contracts of a run's scope that are named; all are counted."""


def scope(run: ScreeningRun, *, seen_by: User) -> list[str] | None:
    """The references of the contracts in scope, in order, at most 1,000; None where every contract was in scope."""
    if run.everything:
        return None
    ids = Func(F("scope"), function="unnest", output_field=BigIntegerField())
    asked = ScreeningRun.objects.filter(pk=run.pk).values_list(ids)
    seen = Contract.objects.visible_to(seen_by).filter(id__in=asked).order_by("reference")
    return list(seen.values_list("reference", flat=True)[:SHOWN])


def policy_changes(run: ScreeningRun) -> list[str]:
    """The references of the policy changes for whose measures alone all contracts beyond the scope were screened."""
    return sorted(PolicyChange.objects.filter(id__in=run.changes).values_list("reference", flat=True))


def errors(run: ScreeningRun, *, seen_by: User) -> list[dict[str, str]]:
    """What failed: of contracts, those that may be seen; and of the run itself."""
    references = [error["contract"] for error in run.errors if "contract" in error]
    visible = Contract.objects.visible_to(seen_by).filter(reference__in=references)
    seen = set(visible.values_list("reference", flat=True))
    return [error for error in run.errors if error.get("contract") in {None, *seen}]


def explained(rows: Sequence[SetAside]) -> list[SetAside]:
    """The rows, each with `faults`: what of the stored facts no import would let pass, by place."""
    found = Contract.objects.prefetch_related("lines").in_bulk([row.contract_id for row in rows])
    for row in rows:
        contract = found.get(row.contract_id)
        row.faults = list(_faults(contract)) if contract else []  # type: ignore[attr-defined]
    return list(rows)


def _faults(contract: Contract) -> Iterator[str]:
    """They are looked for in texts, lists and objects, which are stored as they are sent."""
    yield from _of_row(contract, ContractSerializer(), ())
    for line in contract.lines.all():
        yield from _of_row(line, LineSerializer(), ("lines", line.number))


def _of_row(row: Any, serializer: Strict, path: Path) -> Iterator[str]:
    for name, field in serializer.fields.items():
        value = row.__dict__.get(stored_name(field))
        if isinstance(value, str | list | dict):
            for problem in flattened(examine(field, value)[1] or {}, (*path, name)):
                yield f"{pointer(problem.path)}: {problem.detail}"
