"""What leases rest on: the database's clock, and transactions that a stopped process cannot keep open."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.models import DateTimeField, Expression, ExpressionWrapper, Value
from django.db.models.functions import Now

DATABASE_FAULTS = (OperationalError, InterfaceError, InternalError)
"""The database's fault, or its patience at an end: nothing is wrong with what was being done, and it is tried again."""


@contextmanager
def brief_transaction(seconds: int = 10) -> Iterator[None]:
    """A transaction that the database ends where its process stops for so long in the middle of it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{seconds}s'")
        yield


def in_seconds(seconds: float) -> Expression:
    """So many seconds from now on the database's clock."""
    return ExpressionWrapper(Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField())


def database_now() -> datetime:
    """The database's clock, in UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchall()[0][0]
    return moment.astimezone(UTC)
