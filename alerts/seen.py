"""What a PostgreSQL snapshot saw of the change log, for whoever keeps in memory what was read in it."""

from collections.abc import Collection

from django.db import connection

from people.models import ChangeEntry

# ruff: noqa: S608 (the table is named by its model)

LOG = ChangeEntry._meta.db_table


def database() -> tuple[str, ...]:
    """Which database this is."""
    return tuple(str(connection.settings_dict[name]) for name in ("HOST", "PORT", "NAME"))


def settled_snapshot() -> str | None:
    """What is visible now; None where this very transaction has changed objects, for that may yet be undone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text,"
            f" EXISTS (SELECT FROM {LOG} WHERE xid = pg_current_xact_id_if_assigned()::text::bigint)"
        )
        snapshot, own = cursor.fetchone() or ("", True)
    return None if own else str(snapshot)


def changed_since(snapshot: str, kinds: Collection[str], *, most: int) -> list[int]:
    """The ids of objects of these kinds that changed out of the snapshot's sight, ascending, at most so many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT object_id FROM {LOG} WHERE kind = ANY(%s)"
            " AND xid >= pg_snapshot_xmin(%s::pg_snapshot)::text::bigint"
            " AND NOT pg_visible_in_snapshot(xid::text::xid8, %s::pg_snapshot) ORDER BY object_id LIMIT %s",
            [list(kinds), snapshot, snapshot, most],
        )
        return [id for (id,) in cursor.fetchall()]
