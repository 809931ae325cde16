"""The doors through which a policy change comes into effect and out of it."""

from datetime import datetime

import pghistory
import structlog
from django.conf import settings
from django.db import transaction

from alerts import doorbell, revisions
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors
from alerts.editors import edited_last
from alerts.preview import most_recipients, preview
from alerts.soundness import refusals
from people.models import User
from policies.models import PolicyChange, PolicyChangeRevision

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


def publish(
    change: PolicyChange, *, by: User, at: datetime, confirm_owners: int | None = None, revision: int | None = None
) -> PolicyChange:
    """From now on the change's measures raise flags; of a published change, its pending revision comes into force.

    Publishing a published change with nothing pending does nothing. NotPublishable for whoever edited it last (unless
    TWO_PERSON_PUBLICATION is off); with every reason, where a measure cannot be compiled or can never hit; where the
    change was altered after its revision was made, or `revision` (a number) is given and another one is pending.
    ConfirmationNeeded where more than BLAST_RADIUS owners would be mailed and `confirm_owners` is not their number.
    """
    with transaction.atomic():
        current = _locked(change)
        waiting = revisions.pending(current)
        if revision is not None and (waiting is None or waiting.pk != revision):
            _check_done(current, revision)
        elif current.status != Status.PUBLISHED:
            _check(current, by, at, confirm_owners)
        elif waiting is not None:
            _publish_revision(current, waiting, by, at, confirm_owners)
        return _become(current, Status.PUBLISHED, by, at)


def revise(change: PolicyChange, bundle: Bundle, *, by: User, at: datetime) -> PolicyChangeRevision | None:
    """Keep an edit of a published change as its pending revision; None where it differs in nothing from what is in
    force. NotPublishable where the change is not published; BundleErrors where the edit contradicts what is stored.
    """
    with transaction.atomic():
        current = _locked(change)
        if current.status != Status.PUBLISHED:
            raise NotPublishable(f"{current.reference} is not published: only what is published is revised")
        return revisions.revise(current, bundle, by=by, at=at)


def discard_revision(change: PolicyChange, *, by: User, at: datetime) -> bool:
    """Take the pending revision away; whether there was one."""
    with transaction.atomic():
        return revisions.end(_locked(change), PolicyChangeRevision.End.DISCARDED, by=by, at=at)


def withdraw(change: PolicyChange, *, by: User, at: datetime) -> PolicyChange:
    """Close the flags of a published change and drop its pending revision; withdrawing a withdrawn one does nothing.

    NotPublishable for a draft, which raises no flags and has nothing to withdraw.
    """
    with transaction.atomic():
        current = _locked(change)
        if current.status not in (Status.PUBLISHED, Status.WITHDRAWN):
            raise NotPublishable(f"{current.reference} is not published: there is nothing to withdraw")
        revisions.end(current, PolicyChangeRevision.End.WITHDRAWN, by=by, at=at)
        return _become(current, Status.WITHDRAWN, by, at)


def needs_another_person(change: PolicyChange, by: User) -> bool:
    """Whether somebody else has to publish what this user edited last: the change, or its pending revision."""
    if not settings.TWO_PERSON_PUBLICATION:
        return False
    waiting = revisions.pending(change) if change.status == Status.PUBLISHED else None
    return edited_last(change, by) if waiting is None else waiting.by_id == by.pk


def _locked(change: PolicyChange) -> PolicyChange:
    return PolicyChange.objects.select_for_update().get(pk=change.pk)


def _check(current: PolicyChange, by: User, at: datetime, confirm_owners: int | None) -> None:
    _check_editor(current, by)
    _check_measures(current, at)
    _check_owners(current, at, confirm_owners)


def _publish_revision(
    current: PolicyChange, revision: PolicyChangeRevision, by: User, at: datetime, confirm_owners: int | None
) -> None:
    _check_editor(current, by)
    if revision.version != current.version:
        raise NotPublishable(
            f"{current.reference} was altered after its revision was made (version {revision.version} then,"
            f" {current.version} now): make the revision again"
        )
    try:
        bundle = revisions.as_bundle(revision)
        _check_owners(current, at, confirm_owners, bundle=bundle, source=revision.by.email)
        revisions.put_in_force(revision, bundle, by=by, at=at)
    except BundleErrors as found:
        raise NotPublishable("; ".join(map(str, found.problems))) from None
    _check_measures(current, at)
    current.refresh_from_db()
    log.info("revision published", change=current.reference, revision=revision.pk, by=by.email)


def _check_done(current: PolicyChange, revision: int) -> None:
    """To publish once more what is published already is no mistake."""
    published = current.revisions.filter(pk=revision, ended_as=PolicyChangeRevision.End.PUBLISHED)
    if current.status != Status.PUBLISHED or not published.exists():
        raise NotPublishable(f"revision {revision} of {current.reference} is not pending any more: look at it again")


def _check_editor(current: PolicyChange, by: User) -> None:
    if needs_another_person(current, by):
        raise NotPublishable(f"you edited {current.reference} last: somebody else has to publish it")


def _check_measures(current: PolicyChange, at: datetime) -> None:
    if reasons := refusals(current, at=at):
        raise NotPublishable("; ".join(reasons))


def _check_owners(
    current: PolicyChange, at: datetime, confirm_owners: int | None, bundle: Bundle | None = None, source: str = ""
) -> None:
    if most_recipients() > settings.BLAST_RADIUS:
        owners = preview([current.reference], at=at, bundle=bundle, source=source).owners_told
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
