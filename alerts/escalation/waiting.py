"""What still waits to be acknowledged of the flags that timers are for, read as it stands at the moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from alerts.escalation.steps import RANKS
from alerts.models import (
    Act,
    Disposition,
    EscalationStep,
    EscalationTimer,
    EventKind,
    Flag,
    FlagAction,
    FlagEvent,
    Message,
    Standing,
    Step,
)
from alerts.recipients import SharedCharge, address_of
from alerts.severity import of_event
from contracts.models import Contract
from people.models import Department, User

Charge = tuple[str | None, str | None, int | None]
"""Owner, deputy and department of a contract."""

# Steps of before the flag was put aside and opened again are another story. A step that was taken by the message whose
# timer it is, or by one that it stands in for, says how far the flag had come with it. What another message tells in
# its place waits there.
_UNACKNOWLEDGED = f"""
    WITH RECURSIVE chain (message, link, recipient) AS (
        SELECT message.id, message.id, message.recipient
        FROM {EscalationTimer._meta.db_table} AS timer
        JOIN {Message._meta.db_table} AS message ON message.id = timer.message_id
        WHERE timer.id = ANY(%(timers)s)
        UNION
        SELECT chain.message, before.id, before.recipient
        FROM chain
        JOIN {Message._meta.db_table} AS after ON after.id = chain.link
        JOIN {Message._meta.db_table} AS before ON before.id = after.in_place_of_id
    ), tried AS (
        SELECT message, array_agg(link) AS links, array_agg(recipient) AS recipients FROM chain GROUP BY message
    )
    SELECT timer.severity, message.recipient, tried.links, tried.recipients, event.id, flag.id, event.kind,
           flag.kind, event.certainty, event.basis, contract.owner, contract.deputy, contract.department_id,
           assignee.email, reopened.id, taken.steps
    FROM {EscalationTimer._meta.db_table} AS timer
    JOIN {Message._meta.db_table} AS message ON message.id = timer.message_id
    JOIN tried ON tried.message = message.id
    CROSS JOIN LATERAL unnest(message.events) AS told(event)
    JOIN {FlagEvent._meta.db_table} AS event ON event.id = told.event AND event.kind <> '{EventKind.CLOSED}'
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id AND flag.closed_at IS NULL
    LEFT JOIN {Contract._meta.db_table} AS contract ON contract.id = flag.contract_id
    LEFT JOIN {Disposition._meta.db_table} AS disposition ON disposition.flag_id = flag.id
    LEFT JOIN {User._meta.db_table} AS assignee ON assignee.id = disposition.assignee_id
    LEFT JOIN LATERAL (
        SELECT max(id) AS id FROM {FlagAction._meta.db_table} WHERE flag_id = flag.id AND act = '{Act.REOPENED}'
    ) AS reopened ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(ARRAY[step, recipient, unacknowledged_by, message_id::text]) AS steps
        FROM {EscalationStep._meta.db_table}
        WHERE flag_id = flag.id AND reopening_id IS NOT DISTINCT FROM reopened.id
    ) AS taken ON true
    WHERE timer.id = ANY(%(timers)s) AND coalesce(disposition.standing, '{Standing.OPEN}') = '{Standing.OPEN}'
      AND NOT EXISTS (SELECT FROM {Message._meta.db_table} AS other
                      WHERE other.in_place_of_id = message.id AND event.id = ANY(other.events))
      AND (%(flag)s::bigint IS NULL OR flag.id = %(flag)s)
    ORDER BY flag.id, event.id
"""  # noqa: S608


@dataclass(slots=True)
class Unacknowledged:
    """A flag that nobody has acknowledged in time: in whose charge it is, and how far it has come."""

    flag: int
    event: int
    charge: Charge
    assignee: str | None
    reopening: int | None
    recipient: str
    told: set[str] = field(default_factory=set)
    rank: int = 0
    taken: int = 0


def unacknowledged(timers: Sequence[int], *, flag: int | None = None) -> list[Unacknowledged]:
    """What the timers are for and still waits; a flag once, however many messages told of it; or of one flag alone."""
    found: dict[int, Unacknowledged] = {}
    with connection.cursor() as cursor:
        cursor.execute(_UNACKNOWLEDGED, {"timers": list(timers), "flag": flag})
        for row in cursor:
            of, recipient, links, recipients, event, pk, *graded, owner, deputy, department = row[:-3]
            assignee, reopening, taken = row[-3:]
            if of_event(*graded) != of:
                continue
            charge = owner, deputy, department
            one = found.setdefault(pk, Unacknowledged(pk, event, charge, assignee, reopening, recipient))
            one.event, one.recipient = event, recipient
            one.told |= {address_of(address) for address in recipients}
            for step, to, instead_of, by in taken or ():
                one.told |= {address_of(to), address_of(instead_of)}
                one.taken = max(one.taken, RANKS[Step(step)])
                if int(by) in links:
                    one.rank = max(one.rank, RANKS[Step(step)])
    return [one for one in found.values() if _waits(one)]


def _waits(one: Unacknowledged) -> bool:
    """Not where it has moved on already, by a timer of another message, nor where somebody else has been given it."""
    return one.taken == one.rank and (one.assignee is None or one.assignee in one.told)


def charges_of(waiting: Iterable[Unacknowledged]) -> dict[Charge, SharedCharge]:
    """The charges they are in, with their departments."""
    found = {one.charge for one in waiting}
    departments = Department.objects.in_bulk({department for *_, department in found if department})
    return {
        (owner, deputy, of): SharedCharge(owner, deputy, departments.get(of) if of else None)
        for owner, deputy, of in found
    }
