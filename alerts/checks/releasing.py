"""The doors' way to release a stored check: its document is read and decided again first."""

from datetime import date, datetime

from alerts.checks import releases
from alerts.checks.documents import Document, read
from alerts.checks.outcomes import outcomes
from alerts.checks.releases import LONGEST, NotReleasable, Unsuitable
from alerts.models import Check, CheckRelease
from alerts.pinning import pinning
from people.models import User


def release(
    check: Check, *, reason: str, text: str, expires_on: date, by: User, at: datetime, decision: str | None = None
) -> CheckRelease:
    """NotReleasable where nothing stands against it, or `decision` is given and the answer is another one by now."""
    pinned = pinning.at(at)
    today = pinned.calendar.today
    if not today <= expires_on <= today + LONGEST:
        raise Unsuitable("expires_on", "out_of_range", f"a release ends between {today} and {today + LONGEST}")
    document = read(check.document, pinned.calendar, pinned.policies.organizations.__contains__)
    if not isinstance(document, Document):
        raise NotReleasable("; ".join(problem.detail for problem in document.problems))
    (outcome,) = outcomes([document], pinned)
    if decision is not None and decision != outcome.decided.decision:
        raise NotReleasable(f"the answer is {outcome.decided.decision} by now: look at it again")
    return releases.release(
        check,
        document,
        outcome.decided,
        pinned,
        by=by,
        reason=reason,
        text=text,
        expires_on=expires_on,
        at=at,
    )


def take_back(check: Check, *, text: str, by: User, at: datetime) -> None:
    """All releases of the document for the step; where there are none nothing happens."""
    for held in CheckRelease.objects.of(check):
        releases.take_back(held, by=by, text=text, at=at)
