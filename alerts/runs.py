"""Screening runs: decide which contracts to look at, screen them, reconcile their flags, keep a manifest.

A run's record is made first, in a transaction of its own, so that one that is cut short stays visibly incomplete; all
it decides is kept in one further transaction, or not at all, and then the next run does its work. Whatever rang, a run
takes on all that is due: what changed, and what time has brought.
"""

from collections.abc import Collection
from copy import copy
from datetime import datetime

import structlog
from django.db import OperationalError
from django.db.models import Exists, OuterRef
from psycopg.errors import LockNotAvailable, SerializationFailure

from alerts import schedule
from alerts.affected import EVERYTHING, Affected, affected_contracts
from alerts.batch import Narrowed, Screening, close_flags_of_deleted
from alerts.changelog import Reading, end_who_stopped, one_at_a_time, unscreened
from alerts.concluding import note_concluded
from alerts.manifest import FORMAT
from alerts.models import Cause, ContractDue, Disposition, Flag, ScreeningRun, SetAside
from alerts.nearing import note_near
from alerts.pinning import pinning
from alerts.portfolio import LeftOut, PinnedPolicies
from alerts.reopening import tell_of_reopened
from alerts.resident import Piece, resident
from alerts.today import follow_today
from contracts.copying import Reader, spans
from contracts.models import Contract
from people.models import ChangeEntry, WallClock

ATTEMPTS = 3

log = structlog.get_logger(__name__)


def screen_pending(*, at: datetime) -> ScreeningRun | None:
    """Screen the contracts that changes since the last run may affect; None where nothing has changed."""
    return _run(Cause.CHANGES, at) if unscreened().entries else None


def sweep(*, at: datetime) -> ScreeningRun | None:
    """Screen what time may have changed, and what has changed, and tell of what people re-opened; None where nothing is
    due."""
    due = schedule.everything_is_due(at) or schedule.contracts_due(at) or Disposition.objects.to_tell().exists()
    run = _run(Cause.CALENDAR, at) if due else screen_pending(at=at)
    follow_today(at=at)
    return run


def _run(cause: Cause, at: datetime) -> ScreeningRun:
    run = ScreeningRun.objects.create(cause=cause, at=at)
    attempts = ATTEMPTS
    while True:
        try:
            with one_at_a_time():
                return _screen(copy(run))
        except Exception as error:
            if _is_due_to(LockNotAvailable, error):
                if end_who_stopped():
                    log.warning("a run that had stopped was ended: it held up screening", run=run.pk)
                continue
            attempts -= 1
            if not attempts or not _is_due_to(SerializationFailure, error):
                log.exception("screening run failed", run=run.pk)
                shown = [{"error": f"{type(error).__name__}: {error}"[:1000]}]
                ScreeningRun.objects.filter(pk=run.pk).update(errors=shown)
                raise
            log.info("screening run repeated: somebody changed a flag meanwhile", run=run.pk)


def _is_due_to(cause: type[BaseException], error: Exception) -> bool:
    return isinstance(error, OperationalError) and isinstance(error.__cause__, cause)


def _screen(run: ScreeningRun) -> ScreeningRun:
    """The run's work, in the transaction of whoever calls."""
    reading = unscreened()
    everything = schedule.everything_is_due(run.at)
    due = schedule.contracts_due(run.at)
    pinned = pinning.at(run.at, afresh=everything)
    asked = EVERYTHING if everything else _asked(reading, due, pinned)
    screening = Screening(run, pinned, note_concluded(_reported(reading, due), pinned, run))
    named = None if asked.contracts is None else sorted(asked.contracts)
    reader = Reader()
    for span, versions in spans(named):
        screening.screen([Piece.stored(span, versions, reader)])
    if asked.changes:
        narrowed = Narrowed.to(asked.changes, pinned)
        for pieces in resident.pieces(without=named or ()):
            screening.screen(pieces, narrowed)
    tell_of_reopened(run)
    note_near(run, named)
    if asked.everything or asked.deleted:
        _forget(asked)
        close_flags_of_deleted(_flagged_and_gone(asked), pinned, run)
    reading.mark_screened(policies_due_at=pinned.turn)
    run.snapshot, run.policy_version, run.completed_by = reading.snapshot, pinned.version, None
    run.timezone, run.renewal_horizon_days = pinned.calendar.timezone, pinned.calendar.renewal_horizon_days
    run.everything, run.scope, run.changes = asked.everything, named, sorted(asked.changes)
    run.policies_set_aside = _shown(pinned.left_out)
    run.buckets, run.digest = screening.manifest.buckets, screening.manifest.digest(pinned.version)
    run.manifest_format, run.finished_at = FORMAT, WallClock()
    run.save()
    run.refresh_from_db()
    _complete_abandoned(run)
    return run


def _asked(reading: Reading, due: Collection[int], pinned: PinnedPolicies) -> Affected:
    """What is to be screened: all that is due, though another run may have been quicker."""
    set_aside = ScreeningRun.objects.complete().values_list("policies_set_aside", flat=True).first()
    if set_aside is not None and set_aside != _shown(pinned.left_out):
        return EVERYTHING
    return affected_contracts(reading.entries, besides=due)


def _reported(reading: Reading, due: Collection[int]) -> set[int]:
    """The contracts that somebody has changed, or of which time has made something."""
    changed = {entry.object_id for entry in reading.entries if entry.kind == ChangeEntry.Kind.CONTRACT}
    return changed.union(due)


def _shown(left_out: tuple[LeftOut, ...]) -> list[dict[str, str]]:
    return [{"name": one.name, "error": one.error} for one in left_out]


def _flagged_and_gone(asked: Affected) -> list[int]:
    """Contracts with open flags that no longer exist: among those that were deleted, or all."""
    open_flags = Flag.objects.open()
    if not asked.everything:
        open_flags = open_flags.filter(contract_id__in=asked.deleted)
    orphans = open_flags.filter(~Exists(Contract.objects.filter(id=OuterRef("contract_id"))))
    return sorted(set(orphans.values_list("contract_id", flat=True)))


def _forget(asked: Affected) -> None:
    """Contracts that no longer exist are due no more, and no longer set aside."""
    for model in (ContractDue, SetAside):
        rows = model.objects.filter(~Exists(Contract.objects.filter(id=OuterRef("contract_id"))))
        (rows if asked.everything else rows.filter(contract_id__in=asked.deleted)).delete()


def _complete_abandoned(run: ScreeningRun) -> None:
    """Whatever earlier runs left undone is done now, for every run takes on all that is due."""
    ScreeningRun.objects.abandoned().filter(pk__lt=run.pk).update(completed_by=run)
