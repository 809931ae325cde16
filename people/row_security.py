"""The second hold on who sees what: PostgreSQL's row-level security, by the departments of whoever asks.

The first is `visible_to` of the querysets. Both say the same, and neither relies on the other. The policies on the
tables read two settings of the transaction: `tocsin.departments`, the ids of the departments whose rows may be seen, 0
among them for rows without one; and `tocsin.user`, the id of the user whose own rows may be. Where the first is empty
nothing is held back: so work those that act on everybody's behalf, workers and commands, and administrators.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.db.migrations import RunSQL

from people.models import Role, User

# ruff: noqa: S608 (tables and columns are named by the models and by migrations, never by input)

MEMBERSHIPS = User.departments.through._meta.db_table
SETTINGS = ("tocsin.departments", "tocsin.user")
WITHOUT_DEPARTMENT = 0
NOBODY = 0

_BEFORE = ", ".join(f"coalesce(current_setting('{name}', true), '')" for name in SETTINGS)
_PUT = ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)
_PUT_OF_USER = f"""
    SELECT {_BEFORE}, set_config('tocsin.departments', (
        SELECT (%s::bigint[] || coalesce(array_agg(department_id), '{{}}'))::text FROM {MEMBERSHIPS} WHERE user_id = %s
    ), true), set_config('tocsin.user', %s, true)
"""

UNRESTRICTED = "(SELECT coalesce(current_setting('tocsin.departments', true), '') = '')"
"""Asked once a statement; every policy begins with it, so that whoever sees everything pays nothing for a row."""
DEPARTMENTS = "(SELECT nullif(current_setting('tocsin.departments', true), ''))::bigint[]"
OWN = "(SELECT nullif(current_setting('tocsin.user', true), ''))::bigint"
ADDRESSES = f"""(SELECT coalesce(array_agg(address), '{{}}') FROM (
    SELECT email AS address FROM people_user WHERE id = {OWN}
    UNION ALL SELECT mailbox FROM people_department WHERE id = ANY({DEPARTMENTS})
) AS own)::text[]"""
"""Those whose mail the user may read: the own one, and the mailboxes of the departments."""


@contextmanager
def seen_by(user: User | AnonymousUser | None) -> Iterator[None]:
    """A transaction, part of the caller's where there is one, in which a user's rows alone are there; None: no rows.

    The settings end with the block, and at the latest with the transaction, whatever connection serves whom next.
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        before = see_as(user)
        yield
        if nested and not connection.needs_rollback:
            _put(*before)


@contextmanager
def unrestricted() -> Iterator[None]:
    """All rows are there inside the block: for what is decided over everything, or hangs on what may be seen."""
    if not connection.in_atomic_block:  # nothing is held back outside of a transaction
        yield
        return
    with transaction.atomic():
        before = _put("", "")
        yield
        if not connection.needs_rollback:
            _put(*before)


def see_as(user: User | AnonymousUser | None) -> tuple[str, str]:
    """From here to the end of the transaction a user's rows alone are there; returns the settings before."""
    if not isinstance(user, User) or not user.is_active:
        return _put("{}", str(NOBODY))
    if user.has_role(Role.ADMINISTRATOR):
        return _put("", "")
    besides = [WITHOUT_DEPARTMENT] if user.has_role(Role.POLICY_EDITOR, Role.POLICY_PUBLISHER) else []
    return _set(_PUT_OF_USER, besides, user.pk, str(user.pk))


def _put(departments: str, user: str) -> tuple[str, str]:
    return _set(f"SELECT {_BEFORE}, {_PUT}", departments, user)


def _set(statement: str, *values: Any) -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        departments, user, *_ = cursor.fetchone() or ("", "")
    return departments, user


def of_departments(column: str = "department_id") -> str:
    """The condition that a row is of one of the departments."""
    return f"coalesce({column}, {WITHOUT_DEPARTMENT}) = ANY({DEPARTMENTS})"


def with_row_of(table: str, column: str, key: str = "id") -> str:
    """The condition that the row of another table may be seen, by that table's own policy; the column that names it is
    written with its table where the other one has a column of that name, too.

    As a scalar: PostgreSQL looks up the one row, and never collects all that may be seen, however many rows it asks of.
    """
    return f"(SELECT true FROM {table} AS whole WHERE whole.{key} = {column} LIMIT 1)"


def restricted(table: str, condition: str) -> RunSQL:
    """Rows for which the condition holds are there for whoever is held back; they can write no others either."""
    return RunSQL(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
        f" CREATE POLICY seen ON {table} USING ({UNRESTRICTED} OR {condition})",
        f"DROP POLICY seen ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    )
