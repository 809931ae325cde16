"""Who last edited a policy change, from the history that triggers keep: whoever it was does not publish it alone."""

from typing import Any

from django.db.models import Q

from alerts.history import past_rows
from people.models import User
from policies.models import Evidence, Measure, PolicyChange

EDITS = Q(pgh_context__isnull=True) | Q(pgh_context__metadata__action__isnull=True)
"""What is not one of the steps, publishing and withdrawing, that change the status and no more."""


def edited_last(change: PolicyChange, user: User) -> bool:
    """Whether the latest edit of the change, its measures or evidence was the user's.

    An edit by no user, such as `manage.py load`, is nobody's. Edits of one transaction are equally late.
    """
    rows = [
        _latest(past_rows(PolicyChange).filter(pgh_obj_id=change.pk)),
        _latest(past_rows(Measure).filter(change_id=change.pk)),
        _latest(past_rows(Evidence).filter(change_id=change.pk)),
    ]
    found = [row for row in rows if row is not None]
    moment = max((row["pgh_created_at"] for row in found), default=None)
    return any(_is(user, row["pgh_context__metadata"] or {}) for row in found if row["pgh_created_at"] == moment)


def _latest(rows: Any) -> dict[str, Any] | None:
    edits = rows.filter(EDITS).order_by("-pgh_id")
    latest: dict[str, Any] | None = edits.values("pgh_created_at", "pgh_context__metadata").first()
    return latest


def _is(user: User, context: dict[str, Any]) -> bool:
    return context.get("source") == user.email or context.get("user") == user.pk
