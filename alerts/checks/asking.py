"""A call of checks from its body to its answer: read, decided on the pinned policies, kept with receipts, told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any
from uuid import uuid4

from django.conf import settings

from alerts.bundle.problems import Problem
from alerts.checks import report
from alerts.checks.documents import (
    MOST_DOCUMENTS,
    MOST_LINES_OF_ALL,
    Document,
    Faulty,
    lines_of,
    read,
    unknown,
)
from alerts.checks.outcomes import Outcome, outcomes
from alerts.checks.receipts import Keys, digest
from alerts.checks.report import Report, instant
from alerts.models import Check
from alerts.pinning import pinning
from alerts.portfolio import PinnedPolicies
from contracts.models import Contract
from people.models import Department, Role, User
from people.resources import refusal
from people.row_security import seen_by
from people.strict import MOST_FAULTS

KEYS = ("documents", "receipts")


@dataclass(frozen=True, slots=True)
class Call:
    """A well-formed call; its documents are as they were sent."""

    documents: Sequence[Any]
    receipts: bool


def answer(body: Any, *, by: User, at: datetime) -> dict[str, Any]:
    """Refuses a malformed call (ValidationError); whatever is wrong with a document is part of the answer."""
    call = _call(body)
    pinned = pinning.lately(at)
    documents = examined(call.documents, pinned, by)
    asked = [one for one in documents if isinstance(one, Document)]
    found = outcomes(asked, pinned)
    told = iter(_told(asked, found, pinned, by if call.receipts else None))
    return {
        "policy_version": pinned.version,
        "policies_set_aside": [one.name for one in pinned.left_out],
        "checked_at": instant(at),
        "results": [
            next(told) if isinstance(one, Document) else report.of_faulty(one, position)
            for position, one in enumerate(documents)
        ],
    }


def examined(sent: Sequence[Any], pinned: PinnedPolicies, by: User) -> list[Document | Faulty]:
    """The documents, those that name what the user may not see among the faulty."""
    known = pinned.policies.organizations
    documents = [read(one, pinned.calendar, known.__contains__) for one in sent]
    asked = [one for one in documents if isinstance(one, Document)]
    frameworks = _frameworks(asked, by)
    departments = _departments(asked, by)
    return [_checked(one, frameworks, departments) if isinstance(one, Document) else one for one in documents]


@cache
def keys() -> Keys:
    """Those of the settings."""
    return Keys.of_seeds(settings.RECEIPT_KEYS)


def verified(receipt: str, *, by: User, at: datetime) -> dict[str, Any]:
    """Whether a receipt is genuine; of a check that the user may see, what the answer is now."""
    found = keys().verify(receipt)
    if found.claims is None:
        return {"genuine": False, "wrong": found.wrong, "expired": None, "stands": None, "claims": None}
    with seen_by(by):
        check = Check.objects.visible_to(by).filter(uuid=found.claims["jti"]).first()
    return {
        "genuine": True,
        "wrong": None,
        "expired": datetime.fromisoformat(found.claims["valid_until"]) <= at,
        "stands": check.stands if check else None,
        "claims": found.claims,
    }


def _call(body: Any) -> Call:
    if not isinstance(body, dict):
        raise refusal([((), "not_an_object", "the body is an object with the key `documents`")])
    faults = [
        ((key,), "unknown_key", f"unknown key {key[:100]!r}; a call has documents, receipts")
        for key in islice((key for key in body if key not in KEYS), MOST_FAULTS)
    ]
    documents, receipts = body.get("documents"), body.get("receipts", True)
    if not isinstance(documents, list):
        faults.append((("documents",), "not_a_list", "a list of documents belongs here"))
    elif not 1 <= len(documents) <= MOST_DOCUMENTS:
        faults.append(
            (("documents",), "out_of_range", f"a call has 1 to {MOST_DOCUMENTS} documents, not {len(documents)}")
        )
    elif sum(map(lines_of, documents)) > MOST_LINES_OF_ALL:
        faults.append((("documents",), "too_many", f"{MOST_LINES_OF_ALL} lines are the most of one call"))
    if not isinstance(receipts, bool):
        faults.append((("receipts",), "not_a_boolean", "true or false belongs here"))
    if faults:
        raise refusal(faults)
    return Call(documents or [], bool(receipts))


def _frameworks(documents: Sequence[Document], by: User) -> set[str]:
    named = {one.asked.facts.framework for one in documents if one.asked.facts.framework}
    if not named:
        return set()
    seen = Contract.objects.visible_to(by).filter(reference__in=named, kind=Contract.Kind.FRAMEWORK)
    with seen_by(by):
        return set(seen.values_list("reference", flat=True))


def _departments(documents: Sequence[Document], by: User) -> Mapping[str, int]:
    """By reference, the departments among those named that the user may speak for."""
    named = {one.department for one in documents if one.department}
    if not named:
        return {}
    found = Department.objects.all() if by.has_role(Role.ADMINISTRATOR) else by.departments.all()
    return dict(found.filter(reference__in=named).values_list("reference", "pk"))


def _checked(document: Document, frameworks: set[str], departments: Mapping[str, int]) -> Document | Faulty:
    asked = document.asked
    problems: list[Problem] = []
    if asked.facts.framework and asked.facts.framework not in frameworks:
        problems.append(unknown(("framework",), asked.facts.framework, "frameworks that you may see"))
    if document.department and document.department not in departments:
        problems.append(Problem(("department",), "not_your_department", "this has to be one of your departments"))
    if problems:
        return Faulty(asked.facts.reference, asked.purpose, problems)
    return replace(document, department_id=departments[document.department]) if document.department else document


def _told(
    documents: Sequence[Document], found: Sequence[Outcome], pinned: PinnedPolicies, owner: User | None
) -> list[dict[str, Any]]:
    """The answers; with an owner each with its receipt, which is stored before anybody is told."""
    reporting = Report(pinned)
    latest = pinned.calendar.at + timedelta(days=settings.CHECK_VALID_DAYS)
    told = [
        {**reporting.of(document, outcome), "valid_until": instant(outcome.until(pinned, latest))}
        for document, outcome in zip(documents, found, strict=True)
    ]
    if owner is None:
        return told
    rows = [_row(document, outcome, pinned, latest, owner) for document, outcome in zip(documents, found, strict=True)]
    Check.objects.bulk_create(rows)
    return [
        {**one, "id": str(row.uuid), "watched_until": instant(row.watched_until), "receipt": row.receipt}
        for one, row in zip(told, rows, strict=True)
    ]


def _row(
    document: Document,
    outcome: Outcome,
    pinned: PinnedPolicies,
    latest: datetime,
    owner: User,
) -> Check:
    at = pinned.calendar.at
    check = Check(
        uuid=uuid4(),
        owner=owner,
        department_id=document.department_id,
        reference=document.asked.facts.reference,
        purpose=document.asked.purpose,
        document=document.sent,
        parties=document.parties,
        answer=outcome.decided.decision,
        lines=report.by_line(outcome),
        policy_version=pinned.version,
        checked_at=at,
        valid_until=outcome.until(pinned, latest),
        watched_until=at + timedelta(days=settings.CHECK_WATCH_DAYS),
        stands=outcome.decided.decision,
        stands_lines=report.by_line(outcome),
        due_at=outcome.due_at,
    )
    check.receipt = keys().sign(claims(check, outcome))
    return check


def claims(check: Check, outcome: Outcome) -> dict[str, Any]:
    """What the receipt says for good."""
    return {
        "iss": settings.BASE_URL,
        "sub": check.owner.email,
        "jti": str(check.uuid),
        "iat": int(check.checked_at.timestamp()),
        "document": check.reference,
        "document_sha256": digest(check.document),
        "purpose": check.purpose,
        "decision": check.answer,
        "lines": check.lines,
        "measures": report.measures_against(outcome),
        "release": outcome.release.pk if outcome.release else None,
        "policy_version": check.policy_version,
        "checked_at": instant(check.checked_at),
        "valid_until": instant(check.valid_until),
        "watched_until": instant(check.watched_until),
    }
