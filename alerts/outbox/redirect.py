"""Who gets a message instead: where it was given up, or where its recipient may no longer have what it tells.

Both leave messages in the transaction of whoever calls, so that no event is ever without a message on its way. Nobody
who stands in the chain of messages behind one is asked again: it ends with the operators, never in a loop.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import structlog
from django.db import connection

from alerts.mail.language import language_of
from alerts.messages import CHANNEL, dedup_key, message_id
from alerts.models import Flag, FlagEvent, Message, State
from alerts.recipients import Capacity, Directory, Recipient, SharedCharge, may_no_longer_have
from contracts.models import Contract
from people.models import Department, Role, User

_CHARGES = f"""
    SELECT contract.owner, contract.deputy, contract.department_id, array_agg(event.id ORDER BY event.id)
    FROM {FlagEvent._meta.db_table} AS event
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id
    LEFT JOIN {Contract._meta.db_table} AS contract ON contract.id = flag.contract_id
    WHERE event.id = ANY(%s)
    GROUP BY 1, 2, 3 ORDER BY min(event.id)
"""  # noqa: S608
IN_CHARGE: frozenset[Capacity] = frozenset(("owner", "deputy", "department", "compliance"))
"""Capacities that a contract gives; what is sent to others does not hang on who has charge of it now."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Share:
    """Events of a message whose contracts are in one charge."""

    charge: SharedCharge
    events: list[int]


def escalate(message: Message, *, at: datetime) -> None:
    """Queue a message that was given up for whoever comes next: deputy, department, compliance, operators."""
    asked = tried(message)
    shares = _shares(message)
    directory = Directory([share.charge for share in shares], at)
    if not shares and (to := directory.instead(SharedCharge(None, None, None), asked)):
        _queue_copy(message, to)
        return
    orphaned = _redirect(message, shares, directory, asked, "undelivered")
    if orphaned or not shares:
        log.error("nobody is left who could be told", message=message.pk, events=orphaned)


def lost_events(message: Message, *, at: datetime) -> tuple[list[int], list[int]]:
    """The message's events that its recipient may have, and those it may not have any more, queued for others.

    It may not where the user is no longer active, has left the contract's department since the message was queued, or
    the contract is in somebody else's charge by now.
    """
    kept, lost, directory = _parted(message, at)
    if lost:
        _redirect(message, lost, directory, tried(message), "no_access")
    return kept, [event for share in lost for event in share.events]


def kept_events(message: Message, *, at: datetime) -> list[int]:
    """The message's events that its recipient may have; nothing is queued for anybody."""
    return _parted(message, at)[0]


def queue_rest(message: Message, events: list[int]) -> None:
    """Queue what a withheld message's recipient may still have; its stored text says more than that."""
    user = User.objects.filter(email=message.recipient).first()
    _queue(message, Recipient(message.recipient, user, "owner"), events, [tuple(pair) for pair in message.capacities])


def departments_of(user: User | None) -> list[int]:
    return sorted(user.departments.values_list("pk", flat=True)) if user else []


def departments_left(message: Message) -> set[int]:
    """Departments of which the recipient was a member when the message was queued, and is no longer."""
    if not message.departments:
        return set()
    user = User.objects.filter(email=message.recipient).first()
    if user is not None and user.has_role(Role.ADMINISTRATOR):
        return set()
    return set(message.departments) - set(departments_of(user))


def _parted(message: Message, at: datetime) -> tuple[list[int], list[_Share], Directory]:
    """Events that the recipient may have, and shares that it may not have any more."""
    shares = _shares(message)
    left = departments_left(message)
    directory = Directory([share.charge for share in shares], at)
    hangs = all(capacity in IN_CHARGE for capacity, _ in message.capacities)
    kept: list[int] = []
    lost: list[_Share] = []
    for share in shares:
        if may_no_longer_have(share.charge, message.recipient, left, directory, hangs_on_charge=hangs):
            lost.append(share)
        else:
            kept += share.events
    return kept, lost, directory


def _shares(message: Message) -> list[_Share]:
    if not message.events:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CHARGES, [message.events])
        rows = cursor.fetchall()
    departments = Department.objects.in_bulk({department for _, _, department, _ in rows if department})
    return [_Share(SharedCharge(owner, deputy, departments.get(of)), events) for owner, deputy, of, events in rows]


def tried(message: Message) -> set[str]:
    """The recipients of the message and of all it stands in for, and whoever had been told before an escalation."""
    asked: set[str] = set()
    link: Message | None = message
    while link is not None:
        asked |= {link.recipient, *link.escalations.order_by().values_list("unacknowledged_by", flat=True).distinct()}
        link = link.in_place_of
    return asked


def _redirect(
    message: Message, shares: Collection[_Share], directory: Directory, asked: set[str], because: Capacity
) -> int:
    """Queue each share for whoever comes next; how many events nobody is left for."""
    by_address: defaultdict[str, list[int]] = defaultdict(list)
    to: dict[str, Recipient] = {}
    orphaned = 0
    for share in shares:
        following = directory.instead(share.charge, asked)
        if following is None:
            orphaned += len(share.events)
            continue
        to[following.address] = following
        by_address[following.address] += share.events
    for address, events in by_address.items():
        owns = to[address].capacity == "owner"
        capacity: tuple[str, str | None] = ("owner", None) if owns else (because, message.recipient)
        _queue(message, to[address], events, [capacity])
    return orphaned


def _queue(message: Message, to: Recipient, events: list[int], capacities: list[tuple[str, str | None]]) -> None:
    """Add the events to what waits for the recipient anyway, or queue a message of their own; once, however often."""
    if message.run_id is not None and message.policy_change is not None:
        key = dedup_key(message.run_id, message.policy_change.reference, to.address)
        waiting = Message.objects.filter(dedup_key=key, state=State.PENDING, rendered_at=None).exclude(pk=message.pk)
        if other := waiting.select_for_update(skip_locked=True).first():
            other.events = sorted({*other.events, *events})
            other.capacities += [pair for pair in map(list, capacities) if pair not in other.capacities]
            other.save(update_fields=["events", "capacities"])
            return
    told = sha256(",".join(map(str, sorted(events))).encode()).hexdigest()[:16]
    _create(
        Message(
            recipient=to.address,
            purpose=message.purpose,
            dedup_key=f"{CHANNEL}:instead-of-{message.pk}:{told}:{to.address}",
            run_id=message.run_id,
            policy_change=message.policy_change,
            events=sorted(events),
            capacities=[list(pair) for pair in capacities],
            departments=departments_of(to.user),
            at=message.at,
            language=language_of(to.user),
            in_place_of=message,
        )
    )


def _queue_copy(message: Message, to: Recipient) -> None:
    """Queue the stored text of a message that tells no events."""
    _create(
        Message(
            recipient=to.address,
            purpose=message.purpose,
            dedup_key=f"{CHANNEL}:instead-of-{message.pk}:{to.address}",
            capacities=[["undelivered", message.recipient]],
            language=message.language,
            subject=message.subject,
            text=message.text,
            html=message.html,
            rendered_at=message.rendered_at,
            in_place_of=message,
        )
    )


def _create(message: Message) -> None:
    message.channel, message.message_id = CHANNEL, message_id(message.dedup_key)
    Message.objects.bulk_create([message], ignore_conflicts=True)
