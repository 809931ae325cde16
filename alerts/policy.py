"""The doors through which a policy change comes into effect and out of it."""

from datetime import datetime

import pghistory
import structlog
from django.conf import settings
from django.db import transaction

from alerts import doorbell
from alerts.editors import edited_last
from alerts.preview import most_recipients, preview
from alerts.soundness import refusals
from people.models import User
from policies.models import PolicyChange

log = structlog.get_logger(__name__)
Status = PolicyChange.Status


class NotPublishable(ValueError):  # noqa: N818
    """The change's status, what it says or who edited it does not allow what was asked."""


class ConfirmationNeeded(NotPublishable):
    """More owners would be mailed than without a confirmation that names their number."""

    def __init__(self, change: PolicyChange, owners: int) -> None:
        self.owners = owners
        super().__init__(
            f"publishing {change.reference} mails {owners} owners, more than {settings.BLAST_RADIUS}: confirm with"
            f' {{"confirm_owners": {owners}}}'
        )


def publish(change: PolicyChange, *, by: User, at: datetime, confirm_owners: int | None = None) -> PolicyChange:
    """From now on the change's measures raise flags; publishing a published change does nothing.

    NotPublishable for whoever edited it last (unless TWO_PERSON_PUBLICATION is off) and, with every reason, where a
    measure cannot be compiled or can never hit; ConfirmationNeeded where more than BLAST_RADIUS owners would be mailed
    and `confirm_owners` is not their number.
    """
    with transaction.atomic():
        current = PolicyChange.objects.select_for_update().get(pk=change.pk)
        if current.status != Status.PUBLISHED:
            _check(current, by, at, confirm_owners)
        return _become(current, Status.PUBLISHED, by, at)


def withdraw(change: PolicyChange, *, by: User, at: datetime) -> PolicyChange:
    """Close the flags of a published change; withdrawing a withdrawn change does nothing.

    NotPublishable for a draft, which raises no flags and has nothing to withdraw.
    """
    with transaction.atomic():
        current = PolicyChange.objects.select_for_update().get(pk=change.pk)
        if current.status not in (Status.PUBLISHED, Status.WITHDRAWN):
            raise NotPublishable(f"{current.reference} is not published: there is nothing to withdraw")
        return _become(current, Status.WITHDRAWN, by, at)


def needs_another_person(change: PolicyChange, by: User) -> bool:
    """Whether somebody else has to publish what this user edited last."""
    return bool(settings.TWO_PERSON_PUBLICATION) and edited_last(change, by)


def _check(current: PolicyChange, by: User, at: datetime, confirm_owners: int | None) -> None:
    if needs_another_person(current, by):
        raise NotPublishable(f"you edited {current.reference} last: somebody else has to publish it")
    if reasons := refusals(current, at=at):
        raise NotPublishable("; ".join(reasons))
    if most_recipients() > settings.BLAST_RADIUS:
        owners = preview([current.reference], at=at).owners_told
        if owners > settings.BLAST_RADIUS and confirm_owners != owners:
            raise ConfirmationNeeded(current, owners)


def _become(current: PolicyChange, status: "PolicyChange.Status", by: User, at: datetime) -> PolicyChange:
    """Within the transaction that has locked the change."""
    with pghistory.context(user=by.pk, at=at.isoformat(), action=str(status)):
        if current.status != status:
            current.status = status
            current.save(update_fields=["status"])
            current.refresh_from_db(fields=["version"])
            log.info("policy change", change=current.reference, status=str(status), by=by.email)
        doorbell.ring()
    return current
