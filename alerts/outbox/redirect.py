"""Who gets a message instead: where it was given up, and where its recipient is away or may no longer have it.

Both leave messages in the transaction of whoever calls, so that no event is ever without a message on its way. Nobody
who stands in the chain of messages behind one is asked again: it ends with the operators, never in a loop.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import structlog
from django.db import connection

from alerts.mail.language import language_of
from alerts.messages import CHANNEL, dedup_key, message_id
from alerts.models import Flag, FlagEvent, Message, Purpose, State
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

_Why = tuple[str, str | None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Share:
    """Events of a message whose contracts are in one charge."""

    charge: SharedCharge
    events: list[int]


@dataclass(frozen=True, slots=True)
class _Move:
    """Events that somebody else is told of, and why."""

    to: Recipient
    why: list[_Why]
    events: list[int]


def escalate(message: Message, *, at: datetime) -> None:
    """Queue a message that was given up for whoever comes next: deputy, department, compliance, operators."""
    asked = tried(message)
    shares = _shares(message)
    directory = Directory([share.charge for share in shares], at)
    if not shares and (to := directory.instead(SharedCharge(None, None, None), asked)):
        _queue_copy(message, to)
        return
    found = [(directory.instead(share.charge, asked), share.events) for share in shares]
    _queue_all(message, [_Move(to, [_because("undelivered", message, to)], events) for to, events in found if to])
    orphaned = sum(len(events) for to, events in found if to is None)
    if orphaned or not shares:
        log.error("nobody is left who could be told", message=message.pk, events=orphaned)


def lost_events(message: Message, *, at: datetime) -> tuple[list[int], list[int]]:
    """The message's events that its recipient is told of, and those that go to others, queued for them.

    It may not have them where the user is no longer active, has left the contract's department since the message was
    queued, or the contract is in somebody else's charge by now. And an owner or deputy who is away by now does not wait
    with them, as long as there is somebody else.
    """
    kept, lost, directory = _parted(message, at)
    away = [share for share in kept if directory.awaits(share.charge, message.recipient)]
    if not lost and not away:
        return _events(kept), []
    asked = tried(message)
    moves: list[_Move] = []
    for share in lost:
        if to := directory.instead(share.charge, asked):
            moves.append(_Move(to, [_because("no_access", message, to)], share.events))
    for share in away:
        if to := directory.stand_in(share.charge, message.recipient, asked):
            kept.remove(share)
            lost.append(share)
            moves.append(_Move(to, _in_place(message, to), share.events))
    _queue_all(message, moves)
    return _events(kept), _events(lost)


def kept_events(message: Message, *, at: datetime) -> list[int]:
    """The message's events that its recipient may have, away or not; nothing is queued for anybody."""
    return _events(_parted(message, at)[0])


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


def _parted(message: Message, at: datetime) -> tuple[list[_Share], list[_Share], Directory]:
    """What the recipient may have, and what it may not have any more."""
    shares = _shares(message)
    left = departments_left(message)
    directory = Directory([share.charge for share in shares], at)
    hangs = all(capacity in IN_CHARGE for capacity, _ in message.capacities)
    kept: list[_Share] = []
    lost: list[_Share] = []
    for share in shares:
        gone = may_no_longer_have(share.charge, message.recipient, left, directory, hangs_on_charge=hangs)
        (lost if gone else kept).append(share)
    return kept, lost, directory


def _events(shares: Iterable[_Share]) -> list[int]:
    return [event for share in shares for event in share.events]


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


def _because(capacity: Capacity, message: Message, to: Recipient) -> _Why:
    return ("owner", None) if to.capacity == "owner" else (capacity, message.recipient)


def _in_place(message: Message, to: Recipient) -> list[_Why]:
    """Of an escalation a deputy hears who has not acknowledged it, as before."""
    if message.purpose == Purpose.ESCALATION and to.capacity == "deputy":
        return [(to.capacity, told) for _, told in message.capacities]
    return [(to.capacity, to.owner)]


def _queue_all(message: Message, moves: Collection[_Move]) -> None:
    """One message for each recipient."""
    by_address: defaultdict[str, list[_Move]] = defaultdict(list)
    for move in moves:
        by_address[move.to.address].append(move)
    for those in by_address.values():
        events = [event for move in those for event in move.events]
        why = dict.fromkeys(pair for move in those for pair in move.why)
        _queue(message, those[0].to, events, list(why))


def _queue(message: Message, to: Recipient, events: list[int], capacities: list[_Why]) -> None:
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
