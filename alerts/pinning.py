"""The compiled policies of the last run, kept for the next one in the same process while nothing about them changes.

Reading and compiling a large policy set takes seconds; saving one contract and screening it must not. What is kept is
used again only where no policy, organization, list or licence has a newer entry in the change log than it saw, no day
has begun anywhere, and the settings are the same.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from alerts.portfolio import PinnedPolicies, calendar
from people.models import ChangeEntry

LOG = ChangeEntry._meta.db_table
ABOUT_POLICIES = f"FROM {LOG} WHERE kind <> '{ChangeEntry.Kind.CONTRACT}'"


@dataclass(frozen=True, slots=True)
class _Kept:
    """Policies as a PostgreSQL snapshot saw them, of one database."""

    database: Any
    snapshot: str
    pinned: PinnedPolicies


class Pinning:
    """What this process keeps."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def at(self, at: datetime, *, afresh: bool = False) -> PinnedPolicies:
        """The stored policies compiled for an instant; `afresh`: read whatever is kept. In a repeatable-read
        transaction, so that what is read is what the snapshot saw."""
        kept = None if afresh else self._kept
        if kept and kept.database == _database() and _unchanged_since(kept.snapshot):
            again = kept.pinned.again(calendar(at))
            if again is not None:
                return again
        pinned = PinnedPolicies.at(at)
        snapshot = _settled_snapshot()
        self._kept = _Kept(_database(), snapshot, pinned) if snapshot else None
        return pinned

    def forget(self) -> None:
        self._kept = None


pinning = Pinning()


def _database() -> Any:
    return tuple(str(connection.settings_dict[name]) for name in ("HOST", "PORT", "NAME"))


def _unchanged_since(snapshot: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT {ABOUT_POLICIES} AND xid >= pg_snapshot_xmin(%s::pg_snapshot)::text::bigint"
            " AND NOT pg_visible_in_snapshot(xid::text::xid8, %s::pg_snapshot))",
            [snapshot, snapshot],
        )
        (changed,) = cursor.fetchone() or (True,)
    return not changed


def _settled_snapshot() -> str | None:
    """What is visible now; None where this very transaction has changed policies, for it may yet be undone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text,"
            f" EXISTS (SELECT {ABOUT_POLICIES} AND xid = pg_current_xact_id_if_assigned()::text::bigint)"
        )
        snapshot, own = cursor.fetchone() or ("", True)
    return None if own else snapshot
