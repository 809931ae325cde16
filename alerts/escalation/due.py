"""Until when a flag is to be acknowledged: working hours by severity, on the calendar of whoever was told."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from alerts.models import EscalationTimer, EventKind, Flag, FlagEvent, Message, Severity
from alerts.severity import of_event
from alerts.working_time import working_calendar
from contracts.models import Contract
from people.models import Department, User

BATCH = 500
"""Messages whose timers are set in one transaction."""

_TOLD = f"""
    SELECT DISTINCT message.id, event.kind, flag.kind, event.certainty, event.basis, department.country
    FROM {Message._meta.db_table} AS message
    CROSS JOIN LATERAL unnest(message.events) AS told(event)
    JOIN {FlagEvent._meta.db_table} AS event ON event.id = told.event AND event.kind <> '{EventKind.CLOSED}'
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id
    LEFT JOIN {Contract._meta.db_table} AS contract ON contract.id = flag.contract_id
    LEFT JOIN {Department._meta.db_table} AS department ON department.id = contract.department_id
    WHERE message.id = ANY(%(messages)s)
"""  # noqa: S608


def set_timers() -> int:
    """Set the timers of messages that have none yet and have reached their recipient, or failed to; return how many.

    Whoever calls at the same time sets those of others.
    """
    number = 0
    while done := _set_batch():
        number += done
    return number


def _set_batch() -> int:
    with transaction.atomic():
        untimed = Message.objects.untimed().defer("text", "html").select_for_update(skip_locked=True, no_key=True)
        messages = {message.pk: message for message in untimed.order_by("id")[:BATCH]}
        if not messages:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_TOLD, {"messages": list(messages)})
            told = cursor.fetchall()
        users = User.objects.in_bulk({message.recipient for message in messages.values()}, field_name="email")
        countries: dict[tuple[int, Severity], set[str | None]] = {}
        for pk, *graded, country in told:
            if (of := of_event(*graded)) is not None:
                countries.setdefault((pk, of), set()).add(country)
        EscalationTimer.objects.bulk_create(
            EscalationTimer(
                message=messages[pk],
                severity=of,
                due_at=due(of, told_at(messages[pk]), users.get(messages[pk].recipient), among),
            )
            for (pk, of), among in countries.items()
        )
        Message.objects.filter(pk__in=messages).update(timed=True)
        return len(messages)


def told_at(message: Message) -> datetime:
    """When the recipient had it, or could first be seen not to get it, on the application's clock.

    The ledger's own moments are on the database's clock: what counts of them is how long the message took.
    """
    first = message
    while first.in_place_of is not None:  # it speaks of the instant of the one it stands in for
        first = first.in_place_of
    arrived = message.sent_at or message.deferred_since or message.created_at
    return (message.at or message.created_at) + max(arrived - first.created_at, timedelta())


def due(of: Severity, told: datetime, user: User | None, countries: Iterable[str | None]) -> datetime:
    """When the working hours of the severity have passed since somebody was told.

    The country is the user's own, otherwise that of the departments whose contracts they are: where these are several,
    the earliest moment counts. The zone is the user's own, otherwise the business time zone.
    """
    among = {user.country} if user and user.country else set(countries)
    hours: dict[str, Any] = settings.ACKNOWLEDGE_WITHIN
    working = timedelta(hours=hours[of])
    return min(working_calendar(user, country).after(told, working) for country in among)
