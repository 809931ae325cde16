"""The change log as screening reads it: every entry once, however late its transaction commits.

Entries are written by concurrent transactions, and one with a lower number may become visible after one with a higher.
The cursor therefore never moves to the highest entry seen, but to the oldest transaction still running: below that
nothing can appear any more. Entries visible beyond it are screened at once all the same, and remembered by their ids.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from alerts.models import ScreeningCursor
from people.models import ChangeEntry

TABLE = ScreeningCursor._meta.db_table
STOPPED_SECONDS = 30
"""Whoever screens and has nothing to do with the database for so long has stopped: others go on without it."""

_DEAF = """
    SELECT pg_terminate_backend(activity.pid) FROM pg_stat_activity AS activity JOIN pg_locks AS held USING (pid)
    WHERE held.relation = %s::regclass AND held.mode = 'ShareRowExclusiveLock' AND held.granted
      AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND activity.wait_event = 'ClientWrite' AND activity.query_start < clock_timestamp() - %s * interval '1 second'
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that changed; where it changed several times there are several."""

    id: int
    xid: int
    kind: str
    object_id: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Entries not screened yet, the snapshot they were read in and the oldest transaction that was still running."""

    snapshot: str
    oldest_running: int
    entries: tuple[Entry, ...]
    ahead: frozenset[int]

    def mark_screened(self, *, policies_due_at: datetime | None) -> None:
        """Move the cursor; in the transaction that keeps what was screened."""
        remembered = self.ahead | {entry.id for entry in self.entries}
        still_ahead = ChangeEntry.objects.filter(xid__gte=self.oldest_running, id__among=remembered)
        ahead = sorted(still_ahead.values_list("id", flat=True)) if remembered else []
        place = {"xid": self.oldest_running, "ahead": ahead, "policies_due_at": policies_due_at}
        if not ScreeningCursor.objects.filter(id=1).update(**place):
            ScreeningCursor.objects.create(id=1, **place)


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction in which everything is read as of one moment; part of the caller's where there is one."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A transaction in which nobody else screens, and in which everything is read as of one moment.

    The lock is taken before the first reading, so that the moment lies after the end of whoever screened before. The
    database ends the transaction where its process stops for STOPPED_SECONDS. OperationalError, caused by
    LockNotAvailable, where the turn did not come for a while: see `end_who_stopped`.
    """
    with one_moment(), connection.cursor() as cursor:
        cursor.execute(f"""
            SET LOCAL idle_in_transaction_session_timeout = '{STOPPED_SECONDS}s';
            SET LOCAL lock_timeout = '{STOPPED_SECONDS + 5}s';
            LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE;
            SET LOCAL lock_timeout = 0
        """)
        yield


def end_who_stopped() -> bool:
    """End the transaction of whoever holds up screening without reading what it asked for, whether there is anyone.

    The database's own time limit does not see a process that stopped in the middle of a long answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DEAF, [TABLE, STOPPED_SECONDS])
        return bool(cursor.fetchall())


def unscreened() -> Reading:
    """What the log holds beyond the cursor."""
    with connection.cursor() as cursor:
        # Read first: what ends between this and the next statement is visible there and merely counts as ahead.
        cursor.execute("SELECT s::text, pg_snapshot_xmin(s)::text::bigint FROM pg_current_snapshot() AS s")
        snapshot, oldest_running = cursor.fetchone() or ("", 0)
    place = ScreeningCursor.objects.first() or ScreeningCursor()
    ahead = frozenset(place.ahead)
    rows = ChangeEntry.objects.filter(xid__gte=place.xid).order_by("id").values_list("id", "xid", "kind", "object_id")
    entries = tuple(Entry(*row) for row in rows.iterator() if row[0] not in ahead)
    return Reading(snapshot=snapshot, oldest_running=oldest_running, entries=entries, ahead=ahead)
