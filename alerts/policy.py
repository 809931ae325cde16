"""The doors through which a policy change comes into effect and out of it."""

from datetime import datetime

import pghistory
import structlog
from django.db import transaction

from alerts import doorbell
from alerts.soundness import refusals
from people.models import User
from policies.models import PolicyChange

log = structlog.get_logger(__name__)
Status = PolicyChange.Status


class NotPublishable(ValueError):  # noqa: N818
    """The change's status does not allow what was asked, or what it says cannot be screened for."""


def publish(change: PolicyChange, *, by: User, at: datetime) -> PolicyChange:
    """From now on the change's measures raise flags; publishing a published change does nothing.

    NotPublishable, with every reason, where a measure cannot be compiled or can never hit.
    """
    return _become(change, Status.PUBLISHED, by, at)


def withdraw(change: PolicyChange, *, by: User, at: datetime) -> PolicyChange:
    """Close the flags of a published change; withdrawing a withdrawn change does nothing.

    NotPublishable for a draft, which raises no flags and has nothing to withdraw.
    """
    return _become(change, Status.WITHDRAWN, by, at)


def _become(change: PolicyChange, status: "PolicyChange.Status", by: User, at: datetime) -> PolicyChange:
    with transaction.atomic(), pghistory.context(user=by.pk, at=at.isoformat(), action=str(status)):
        current = PolicyChange.objects.select_for_update().get(pk=change.pk)
        if status == Status.WITHDRAWN and current.status not in (Status.PUBLISHED, Status.WITHDRAWN):
            raise NotPublishable(f"{current.reference} is not published: there is nothing to withdraw")
        if current.status != status:
            if status == Status.PUBLISHED and (reasons := refusals(current, at=at)):
                raise NotPublishable("; ".join(reasons))
            current.status = status
            current.save(update_fields=["status"])
            current.refresh_from_db(fields=["version"])
            log.info("policy change", change=current.reference, status=str(status), by=by.email)
        doorbell.ring()
    return current
