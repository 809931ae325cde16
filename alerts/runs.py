"""Screening runs: decide which contracts to look at, screen them, reconcile their flags, keep a manifest.

A run's record is made first, in a transaction of its own, so that one that is cut short stays visibly incomplete; all
it decides is kept in one further transaction, or not at all, and then the next run does its work.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

import structlog
from django.db import OperationalError
from django.db.models import Exists, OuterRef, QuerySet
from psycopg.errors import SerializationFailure

from alerts.batch import Pin, close_flags_of_deleted, screen_batch
from alerts.changelog import Entry, affected_contracts, one_at_a_time, unscreened
from alerts.models import Cause, Flag, ScreeningRun
from alerts.portfolio import PinnedPolicies
from contracts.models import Contract
from people.models import ChangeEntry, WallClock

BATCH = 5_000
"""Contracts read, screened and reconciled together."""
QUARTER_OF_AN_HOUR = 15 * 60
"""Seconds. In every time zone midnight falls on such a moment, and the rules know days and conclusions, no hours."""
ATTEMPTS = 3

log = structlog.get_logger(__name__)


def screen_pending(*, at: datetime) -> ScreeningRun | None:
    """Screen the contracts that changes since the last run may affect; None where nothing has changed."""
    return _run(Cause.CHANGES, at) if unscreened().entries else None


def sweep(*, at: datetime) -> ScreeningRun | None:
    """Screen everything where time alone may have changed an answer, otherwise what has changed."""
    return _run(Cause.CALENDAR, at) if everything_is_due(at) else screen_pending(at=at)


def everything_is_due(at: datetime, besides: ScreeningRun | None = None) -> bool:
    """Whether since the last complete screening of everything a day may have begun somewhere or a contract was
    concluded, or a screening of everything was cut short (`besides` the one that asks)."""
    runs = ScreeningRun.objects.of_everything()
    last = runs.complete().first()
    if last is None or runs.abandoned().exclude(pk=besides.pk if besides else 0).exists():
        return True
    if last.at.timestamp() // QUARTER_OF_AN_HOUR != at.timestamp() // QUARTER_OF_AN_HOUR:
        return True
    return Contract.objects.filter(concluded_at__gt=last.at, concluded_at__lte=at).exists()


def _run(cause: Cause, at: datetime) -> ScreeningRun:
    run = ScreeningRun.objects.create(cause=cause, at=at)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with one_at_a_time():
                return _screen(run.pk)
        except Exception as error:
            again = isinstance(error, OperationalError) and isinstance(error.__cause__, SerializationFailure)
            if not again or attempt == ATTEMPTS:
                log.exception("screening run failed", run=run.pk)
                shown = [{"error": f"{type(error).__name__}: {error}"[:1000]}]
                ScreeningRun.objects.filter(pk=run.pk).update(errors=shown)
                raise
            log.info("screening run repeated: somebody changed a flag meanwhile", run=run.pk)
    raise AssertionError("the last attempt returns or raises")


def _screen(pk: int) -> ScreeningRun:
    """The run's work, in the transaction of whoever calls."""
    run = ScreeningRun.objects.get(pk=pk)
    reading = unscreened()
    if run.cause == Cause.CALENDAR and not everything_is_due(run.at, besides=run):
        run.cause = Cause.CHANGES  # another run was quicker
    everything = run.cause == Cause.CALENDAR
    contracts = Contract.objects.all() if everything else affected_contracts(reading.entries)
    pinned = PinnedPolicies.at(run.at)
    digest = hashlib.sha256(f"{pinned.version}\n".encode())
    for pins in _batches(contracts):
        screen_batch(pins, pinned, run, digest)
    if gone := _gone(reading.entries, everything):
        close_flags_of_deleted(gone, pinned, run)
    reading.mark_screened()
    run.policy_version, run.digest, run.completed_by = pinned.version, digest.hexdigest(), None
    run.save()
    ScreeningRun.objects.filter(pk=run.pk).update(finished_at=WallClock())
    run.refresh_from_db()
    _complete_abandoned(run)
    return run


def _batches(contracts: QuerySet[Contract]) -> Iterator[list[Pin]]:
    """The contracts in order of reference, with the versions that are screened."""
    pins = [Pin(*row) for row in contracts.order_by("reference").values_list("id", "reference", "version").iterator()]
    for start in range(0, len(pins), BATCH):
        yield pins[start : start + BATCH]


def _gone(entries: tuple[Entry, ...], everything: bool) -> frozenset[int]:
    """Contracts with open flags that no longer exist: among those that changed, or all."""
    open_flags = Flag.objects.open()
    if not everything:
        changed = {entry.object_id for entry in entries if entry.kind == ChangeEntry.Kind.CONTRACT}
        open_flags = open_flags.filter(contract_id__in=changed)
    orphans = open_flags.filter(~Exists(Contract.objects.filter(id=OuterRef("contract_id"))))
    return frozenset(orphans.values_list("contract_id", flat=True))


def _complete_abandoned(run: ScreeningRun) -> None:
    """Whatever earlier runs left undone is done now: a run of everything does it all, another what had changed."""
    abandoned = ScreeningRun.objects.abandoned().filter(pk__lt=run.pk)
    if run.cause != Cause.CALENDAR:
        abandoned = abandoned.filter(cause=Cause.CHANGES)
    abandoned.update(completed_by=run)
