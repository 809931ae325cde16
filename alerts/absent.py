"""What a source had sent and a declared snapshot of it no longer holds: reported, and closed only on a further word."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from alerts.bundle.kinds import KINDS
from alerts.bundle.many import Many, Result, Row
from alerts.bundle.problems import Problem
from contracts.models import Contract
from people import row_security
from people.models import User


def absent(section: str, sent: Collection[str], *, source: str, seen_by: User) -> list[str]:
    """References, in order, of stored objects of which the source states facts and that it did not send; of contracts
    those that are not closed and that one may see."""
    known: Any = KINDS[section].model._default_manager.filter(provenance__has_key=source)
    if section == "contracts":
        known = known.visible_to(seen_by).filter(closed_as__isnull=True)
    references = known.order_by("reference").values_list("reference", flat=True)
    with row_security.seen_by(seen_by):
        return [reference for reference in references.iterator() if reference not in sent]


def may_see(section: str, references: Sequence[str], *, by: User) -> list[str]:
    """Those of the references that somebody may see by now; of organizations all."""
    if section != "contracts":
        return list(references)
    theirs = Contract.objects.visible_to(by).filter(reference__among=references)
    with row_security.seen_by(by):
        seen = set(theirs.values_list("reference", flat=True))
    return [reference for reference in references if reference in seen]


def close(references: Sequence[str], *, as_: str, source: str, by: User, at: datetime) -> list[Result]:
    """Close contracts that the source stands behind; any other is refused."""
    theirs = Contract.objects.visible_to(by).filter(reference__in=references, provenance__has_key=source)
    with row_security.seen_by(by):
        known = set(theirs.values_list("reference", flat=True))
    stranger = Problem((), "not_of_this_source", f"there is no such contract of {source}")
    rows = [
        Row(number, {"reference": reference, "closed_as": as_}, None if reference in known else stranger)
        for number, reference in enumerate(references)
    ]
    return Many("contracts", rows, by=by, partial=True).keep(at=at)
