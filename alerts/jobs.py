"""Bulk jobs: taken in whole, stored piece by piece, each piece and its results in one transaction. What is absent from
a snapshot is found once, when all pieces are stored; it is reported, and nothing is closed.

Whoever stores a piece holds the job's row until the end of the transaction: a worker that dies leaves the piece as it
was, and the next one begins it again.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F

from alerts.absent import absent, may_see
from alerts.bundle.many import Many, Row, dumped, summary
from alerts.bundle.problems import Problem
from alerts.models.jobs import BulkAbsence, BulkJob, BulkPiece
from people.models import User, WallClock

PIECE = 2_000
"""Rows."""

log = structlog.get_logger(__name__)


def take_in(section: str, rows: Sequence[Row], *, by: User, dry_run: bool, source: str | None = None) -> BulkJob:
    """Keep the rows for the workers; with `source` they are a snapshot, all the objects of that account.

    A second row of an object is marked: pieces do not see one another.
    """
    rows = list(_marked(rows))
    with transaction.atomic():
        job = BulkJob.objects.create(by=by, section=section, dry_run=dry_run, source=source, rows=len(rows))
        BulkPiece.objects.bulk_create(
            BulkPiece(job=job, number=number, rows="\n".join(map(_kept, rows[start : start + PIECE])))
            for number, start in enumerate(range(0, len(rows), PIECE))
        )
    return job


def store_some(*, at: datetime) -> bool:
    """Store the next piece of the oldest job that nobody is at; whether there was one."""
    with transaction.atomic():
        job = BulkJob.objects.unfinished().select_for_update(skip_locked=True, of=("self",)).first()
        if job is None:
            return False
        piece = job.pieces.filter(results__isnull=True).first()
        if piece is None:
            missing = None if job.source is None else _keep_absent(job, job.source)
            BulkJob.objects.filter(pk=job.pk).update(finished_at=WallClock(), absent=missing)
            log.info("bulk job finished", job=job.pk, rows=job.rows)
            return True
        results = Many(job.section, [_read(line) for line in piece.rows.split("\n")], by=job.by).keep(
            at=at, dry_run=job.dry_run
        )
        BulkPiece.objects.filter(pk=piece.pk).update(results="\n".join(dumped(results)))
        counts = summary(results)
        BulkJob.objects.filter(pk=job.pk).update(
            done=F("done") + counts.pop("rows"), **{name: F(name) + number for name, number in counts.items()}
        )
    return True


def results(job: BulkJob) -> Iterator[str]:
    """What became of the rows that are stored by now, in order; each a line of JSON."""
    stored = job.pieces.filter(results__isnull=False)
    for number in list(stored.values_list("number", flat=True)):
        # Each read for itself: between two pieces lies all the time that its reader takes.
        yield from str(stored.values_list("results", flat=True).get(number=number)).split("\n")


def absences(job: BulkJob, *, seen_by: User) -> Iterator[Sequence[str]]:
    """References, in order and some at a time, of what was absent from a snapshot, as far as they may still be seen."""
    for number in list(job.absences.values_list("number", flat=True)):
        yield may_see(job.section, job.absences.get(number=number).references, by=seen_by)


def _keep_absent(job: BulkJob, source: str) -> int:
    """How many objects are absent from a snapshot whose rows are all stored. A refused row was sent all the same."""
    sent = {json.loads(line)["reference"] for line in results(job)}
    references = absent(job.section, sent, source=source, seen_by=job.by)
    BulkAbsence.objects.bulk_create(
        BulkAbsence(job=job, number=number, references=references[start : start + PIECE])
        for number, start in enumerate(range(0, len(references), PIECE))
    )
    return len(references)


def _marked(rows: Sequence[Row]) -> Iterator[Row]:
    first: dict[str, int] = {}
    for row in rows:
        reference = row.sent.get("reference") if isinstance(row.sent, dict) else None
        if isinstance(reference, str) and (earlier := first.setdefault(reference, row.number)) != row.number:
            detail = f"{reference} stands in row {earlier} already; one file names an object once"
            yield row._replace(problem=Problem(("reference",), "duplicate_reference", detail))
        else:
            yield row


def _kept(row: Row) -> str:
    problem = row.problem and [row.problem.path, row.problem.code, row.problem.detail]
    return json.dumps([row.number, row.sent, problem])


def _read(line: str) -> Row:
    number, sent, problem = json.loads(line)
    return Row(number, sent, problem and Problem(tuple(problem[0]), problem[1], problem[2]))
