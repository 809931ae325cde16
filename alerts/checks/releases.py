"""A person releases a document that a measure stands against: for a reason, up to a day, on the facts as they are.

A release clears every later check of the same department's same document for the same step, as long as the document,
its parties, their owners, the measures, lists and licences say what they said; a measure that comes to stand against it
ends it, one that falls away does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from alerts.binding import digested, surroundings
from alerts.checks.decisions import Decided, Decision, Finding
from alerts.checks.documents import Document
from alerts.models import Check, CheckRelease, ReleaseTakenBack
from alerts.portfolio import PinnedPolicies
from people.models import Role, User

RELEASERS = (Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)
LONGEST = timedelta(days=366)
NOTHING_AGAINST = (Decision.CLEAR, Decision.CLEARED)

Grounds = Mapping[str, Any]

log = structlog.get_logger(__name__)


class NotReleasable(ValueError):  # noqa: N818
    """There is nothing to release, or it is not what the person saw."""


class Unsuitable(ValueError):  # noqa: N818
    """What was said about the release is wrong; `field` names it."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        self.field, self.code = field, code
        super().__init__(detail)


def grounds(document: Document, findings: Sequence[Finding], pinned: PinnedPolicies) -> dict[str, Any]:
    """All that a release of the document stands on: digests of the facts by path, apart for each finding."""
    facts = document.asked.facts
    named = {f"{role}/named": party for role, party in document.unidentified.items()}
    return {
        "document": digested({**asdict(facts), **named}.items()),
        "findings": {
            f"{finding.verdict.measure} {finding.verdict.kind}": digested(
                [*_said(finding), *surroundings(facts, finding.measure, pinned.policies)]
            )
            for finding in findings
        },
    }


def release(
    check: Check,
    document: Document,
    decided: Decided,
    pinned: PinnedPolicies,
    *,
    by: User,
    reason: str,
    text: str,
    expires_on: date,
    at: datetime,
) -> CheckRelease:
    """Release what stands against the document now; what it stands on has been looked at a moment ago by the caller."""
    if decided.decision in NOTHING_AGAINST:
        raise NotReleasable(f"the answer is {decided.decision}: there is nothing to release")
    if pinned.untouchable:
        raise NotReleasable("a measure cannot be read at present: nobody knows what would be released")
    made = CheckRelease(parent=check, by=by, at=at, reason=reason, text=text, expires_on=expires_on)
    made.grounds = grounds(document, decided.findings, pinned)
    with transaction.atomic():
        made.save()
        _look_again(check)
    log.info("check released", check=str(check.uuid), release=made.pk, by=by.email)
    return made


def take_back(held: CheckRelease, *, by: User, text: str, at: datetime) -> None:
    """Once and for all; doing it twice changes nothing."""
    with transaction.atomic():
        ReleaseTakenBack.objects.get_or_create(release=held, defaults={"by": by, "at": at, "text": text})
        _look_again(held.parent)


def held_by(
    documents: Sequence[Document], decided: Sequence[Decided], pinned: PinnedPolicies
) -> list[CheckRelease | None]:
    """Of each document, the release that holds for all that stands against it."""
    asking = [(one, found) for one, found in zip(documents, decided, strict=True) if found.findings]
    if not asking:
        return [None] * len(documents)
    stored = CheckRelease.objects.filter(
        parent__reference__in={one.asked.facts.reference for one, _ in asking},
        expires_on__gte=pinned.calendar.today,
        taken_back__isnull=True,
    )
    known = list(stored.select_related("parent", "by").order_by("-id"))
    return [_holding(known, one, found, pinned) for one, found in zip(documents, decided, strict=True)]


def cleared(decided: Decided) -> Decided:
    """The same where somebody released all that stands against it."""
    lines = {
        number: Decision.CLEAR if line == Decision.CLEAR else Decision.CLEARED for number, line in decided.lines.items()
    }
    return replace(decided, decision=Decision.CLEARED, lines=lines)


def _holding(
    known: Sequence[CheckRelease], document: Document, decided: Decided, pinned: PinnedPolicies
) -> CheckRelease | None:
    asked = document.asked
    same = (asked.facts.reference, asked.purpose, document.department)
    mine = [one for one in known if (one.parent.reference, one.parent.purpose, _department(one.parent)) == same]
    if not mine or not decided.findings:
        return None
    now = grounds(document, decided.findings, pinned)
    return next((one for one in mine if _holds(one.grounds, now)), None)


def _department(check: Check) -> str | None:
    """As it was sent."""
    named: str | None = check.document.get("department")
    return named


def _holds(then: Grounds, now: Grounds) -> bool:
    same: bool = then["document"] == now["document"]
    return same and all(then["findings"].get(name) == found for name, found in now["findings"].items())


def _said(finding: Finding) -> list[tuple[str, object]]:
    verdict = finding.verdict
    return [(f"finding/{name}", getattr(verdict, name)) for name in ("certainty", "basis", "lines", "unknowns")]


def _look_again(check: Check) -> None:
    """The next round decides every check of the document anew."""
    Check.objects.filter(reference=check.reference, purpose=check.purpose).update(settled_at=None)
