"""Checks are decided again when something may have turned their answer: their owners hear of each turn once.

A round runs while no other does, sees everything as of one moment, and keeps all it found or nothing. It looks at every
check that no round has looked at yet (it may have been decided a moment before a policy was published), at those whose
time has come, and at those of organizations that changed; at all of them when policies, lists or licences did.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import OperationalError, connection
from django.db.models import Q
from psycopg.errors import SerializationFailure

from alerts.affected import reached
from alerts.changelog import one_moment
from alerts.checks.documents import Document, read
from alerts.checks.outcomes import Outcome, outcomes
from alerts.checks.report import by_line, measures_against
from alerts.models import Answer, Check, CheckTurn, CheckWatch
from alerts.pinning import pinning
from alerts.portfolio import PinnedPolicies
from alerts.schedule import CLOCK_SET_BACK
from alerts.seen import changed_since
from people.models import ChangeEntry, WallClock
from suppliers.models import Organization

BATCH = 500
"""Checks decided together."""
MOST = 20_000
"""With more changed organizations than these, all checks are looked at."""
ATTEMPTS = 3
TABLE = CheckWatch._meta.db_table
POLICIES = [ChangeEntry.Kind.POLICY_CHANGE, ChangeEntry.Kind.PARTY_LIST, ChangeEntry.Kind.LICENCE]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stand:
    """What the answer of a check is now."""

    answer: str
    lines: dict[str, str]
    measures: list[str]
    due_at: datetime | None


def look_again(*, at: datetime) -> int:
    """Decide again what may have turned; return how many answers did."""
    if not Check.objects.exists() or not _something_is_due(at):
        return 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with one_moment(), connection.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE")
                return _round(at)
        except OperationalError as error:  # somebody released one of the checks meanwhile
            if not isinstance(error.__cause__, SerializationFailure) or attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _something_is_due(at: datetime) -> bool:
    watch = CheckWatch.objects.first()
    waiting = Q(settled_at__isnull=True) | Q(due_at__lte=at)
    return (
        watch is None
        or _everything(watch, at)
        or bool(changed_since(watch.snapshot, [ChangeEntry.Kind.ORGANIZATION], most=1))
        or Check.objects.filter(waiting, watched_until__gt=at).exists()
    )


def _everything(watch: CheckWatch, at: datetime) -> bool:
    """Whether any answer may be another one."""
    if (watch.timezone, watch.renewal_horizon_days) != (settings.TIME_ZONE, settings.RENEWAL_HORIZON_DAYS):
        return True
    turned = watch.policies_due_at is not None and watch.policies_due_at <= at
    return turned or watch.at - at > CLOCK_SET_BACK or bool(changed_since(watch.snapshot, POLICIES, most=1))


def _round(at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        (snapshot,) = cursor.fetchone() or ("",)
    pinned = pinning.at(at)
    turns = sum(_look_at(batch, pinned) for batch in _batches(_concerned(at), at))
    CheckWatch.objects.update_or_create(
        id=1,
        defaults={
            "snapshot": snapshot,
            "at": at,
            "timezone": settings.TIME_ZONE,
            "renewal_horizon_days": settings.RENEWAL_HORIZON_DAYS,
            "policies_due_at": pinned.turn,
            "finished_at": WallClock(),
        },
    )
    return turns


def _concerned(at: datetime) -> Q:
    watch = CheckWatch.objects.first()
    if watch is None or _everything(watch, at):
        return Q()
    concerned = Q(settled_at__isnull=True) | Q(due_at__lte=at)
    changed = changed_since(watch.snapshot, [ChangeEntry.Kind.ORGANIZATION], most=MOST + 1)
    if len(changed) > MOST:
        return Q()
    if changed:
        named = Organization.objects.filter(pk__in=reached(changed)).values_list("reference", flat=True)
        concerned |= Q(pk__among=_naming(list(named)))
    return concerned


def _naming(organizations: list[str]) -> list[int]:
    """The ids of checks that name one of them. By a function: under row-level security no index serves the question."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT alerts_checks_naming(%s)", [organizations])
        return [id for (id,) in cursor.fetchall()]


def _batches(concerned: Q, at: datetime) -> Iterator[Sequence[Check]]:
    """Watched checks in order of their ids."""
    last = 0
    while rows := list(Check.objects.filter(concerned, watched_until__gt=at, pk__gt=last).order_by("pk")[:BATCH]):
        yield rows
        last = rows[-1].pk


def _look_at(checks: Sequence[Check], pinned: PinnedPolicies) -> int:
    turns: list[CheckTurn] = []
    changed: list[Check] = []
    for check, now in zip(checks, _stands(checks, pinned), strict=True):
        turned = (check.stands, check.stands_lines) != (now.answer, now.lines)
        if turned:
            turns.append(_turn(check, now, pinned))
            check.turned += 1
        if turned or check.settled_at is None or check.due_at != now.due_at:
            check.stands, check.stands_lines, check.due_at = now.answer, now.lines, now.due_at
            check.settled_at = pinned.calendar.at
            changed.append(check)
    CheckTurn.objects.bulk_create(turns)
    Check.objects.bulk_update(changed, ["stands", "stands_lines", "turned", "due_at", "settled_at"])
    return len(turns)


def _turn(check: Check, now: Stand, pinned: PinnedPolicies) -> CheckTurn:
    log.info("answer turned", check=str(check.uuid), before=check.stands, after=now.answer)
    return CheckTurn(
        parent=check,
        number=check.turned + 1,
        at=pinned.calendar.at,
        before=check.stands,
        after=now.answer,
        lines_before=check.stands_lines,
        lines_after=now.lines,
        measures=now.measures,
        policy_version=pinned.version,
    )


def _stands(checks: Sequence[Check], pinned: PinnedPolicies) -> list[Stand]:
    """Of each check; one that cannot be decided is decided apart, and then not at all: a person has to look."""
    try:
        return _decided(checks, pinned)
    except DatabaseError:
        raise
    except Exception:
        if len(checks) > 1:
            return [stand for check in checks for stand in _stands([check], pinned)]
        log.exception("check cannot be decided", check=str(checks[0].uuid))
        return [_undecided(checks[0])]


def _decided(checks: Sequence[Check], pinned: PinnedPolicies) -> list[Stand]:
    known = pinned.policies.organizations
    documents = [read(check.document, pinned.calendar, known.__contains__) for check in checks]
    found = iter(outcomes([one for one in documents if isinstance(one, Document)], pinned))
    return [
        _stand(next(found)) if isinstance(document, Document) else _undecided(check)
        for check, document in zip(checks, documents, strict=True)
    ]


def _stand(outcome: Outcome) -> Stand:
    return Stand(str(outcome.decided.decision), by_line(outcome), measures_against(outcome), outcome.due_at)


def _undecided(check: Check) -> Stand:
    """What can no longer be asked, for time has passed or an organization is gone, is nobody's to commit unseen."""
    return Stand(Answer.REVIEW, dict.fromkeys(check.stands_lines, Answer.REVIEW), [], None)
