"""What leases rest on: the database's clock, and transactions that a stopped process cannot keep open."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import DateTimeField, Expression, ExpressionWrapper, Value
from django.db.models.functions import Now


@contextmanager
def brief_transaction() -> Iterator[None]:
    """A transaction that the database ends where its process stops for ten seconds in the middle of it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
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
