"""Once a business day everybody is reminded of the dates that have reached a stage: one mail each, however many dates.

A round is kept as a whole or not at all, under its lock; one that fails is tried again by the next sweep. What a
reminder was sent for is written down with the date, so that a date that moves is reminded of anew, and a clock that
jumps neither repeats a stage nor goes back to an earlier one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from django.conf import settings
from django.db import connection, transaction

from alerts.leases import DATABASE_FAULTS
from alerts.mail.language import language_of
from alerts.messages import CHANNEL, message_id
from alerts.models import Message, Purpose
from alerts.models.reminders import Meaning, Reminder, ReminderRound, ReminderStages
from alerts.portfolio import calendar
from alerts.recipients import Directory, Recipient, memberships
from alerts.reminders import ahead
from alerts.reminders.ahead import Ahead
from alerts.reminders.stages import DEFAULT, stage
from contracts.columns import Ids
from contracts.critical_dates import REMINDED, CriticalDates
from contracts.models import Contract
from contracts.stage import Calendar
from people.models import WallClock

BATCH = 10_000
TABLE = Reminder._meta.db_table
OWN = [meaning for meaning in Meaning.values if meaning in REMINDED]

_UNTOLD = f"""
    SELECT row.position FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::bigint[], %s::date[], %s::int[])
        AS row (position, contract, meaning, source, day, stage)
    WHERE NOT EXISTS (
        SELECT FROM {TABLE} AS told
        WHERE told.contract_id = row.contract AND told.meaning = row.meaning AND told.source = row.source
          AND told."on" = row.day AND told.stage <= row.stage)
    ORDER BY row.position
"""  # noqa: S608
_KEPT = f"""
    INSERT INTO {TABLE} (contract_id, meaning, source, "on", stage, message_id)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::date[], %s::int[], %s::bigint[])
"""  # noqa: S608

log = structlog.get_logger(__name__)


class Due(NamedTuple):
    """A stage of a date that applies today; the names are those of a reminder."""

    contract: int
    meaning: str
    source: int
    on: date
    stage: int


def remind(*, at: datetime) -> int:
    """Queue the day's reminders, once the hour has come; return how many messages were queued. Safe to repeat."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    finished = ReminderRound.objects.filter(day=local.date(), finished_at__isnull=False)
    if local.hour < settings.REMINDER_HOUR or finished.exists():
        return 0
    ReminderRound.objects.get_or_create(day=local.date(), defaults={"at": at})
    try:
        with transaction.atomic():
            return _round(local.date(), at)
    except DATABASE_FAULTS:
        raise  # nobody's fault but the database's
    except Exception:  # what cannot be reminded of today must not keep screening and delivery
        log.exception("nobody was reminded", day=str(local.date()))
        return 0


def _round(day: date, at: datetime) -> int:
    # Whoever comes second leaves it to the first, and looks again with the next sweep.
    unfinished = ReminderRound.objects.filter(day=day, finished_at__isnull=True)
    if unfinished.select_for_update(skip_locked=True).first() is None:
        return 0
    due = list(_untold(at))
    messages = _queue(due, day, at)
    ReminderRound.objects.filter(day=day).update(at=at, reminders=len(due), messages=messages, finished_at=WallClock())
    log.info("reminded", day=str(day), reminders=len(due), messages=messages)
    return messages


def _untold(at: datetime) -> Iterator[Due]:
    """What has reached a stage today, and of which neither this nor a later stage has been told."""
    now = calendar(at)
    own: dict[int, Sequence[int]] = dict(ReminderStages.objects.values_list("contract_id", "days"))
    furthest = max(chain(DEFAULT, *own.values()))
    for contracts, dates in ahead.of_contracts(None, now, furthest, OWN):
        yield from _not_told(list(_of_contracts(contracts, dates, now, own)))
    others: Iterable[Ahead] = chain(
        ahead.of_measures(None, now, furthest),
        ahead.of_licences(Contract.objects.all(), now, furthest),
        ahead.of_dismissals(None, now, furthest),
    )
    due = (
        Due(one.contract, str(one.meaning), one.source, one.on, applies)
        for one in others
        if (applies := stage(one.on, today=one.today, stages=own.get(one.contract, DEFAULT), since=one.since))
        is not None
    )
    while some := list(islice(due, BATCH)):
        yield from _not_told(some)


def _of_contracts(
    contracts: Ids, dates: CriticalDates, now: Calendar, own: Mapping[int, Sequence[int]]
) -> Iterator[Due]:
    """Many share their day, and few have stages of their own."""
    usual: dict[int, tuple[date, int | None]] = {}
    for day in np.unique(dates.on).tolist():
        on = date.fromordinal(day)
        usual[day] = on, stage(on, today=now.today, stages=DEFAULT)
    for contract, day in zip(contracts.tolist(), dates.on.tolist(), strict=True):
        on, applies = usual[day]
        if contract in own:
            applies = stage(on, today=now.today, stages=own[contract])
        if applies is not None:
            yield Due(contract, dates.meaning, 0, on, applies)


def _not_told(due: Sequence[Due]) -> list[Due]:
    if not due:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_UNTOLD, [list(range(len(due))), *map(list, zip(*due, strict=True))])
        return [due[position] for (position,) in cursor.fetchall()]


def _queue(due: Sequence[Due], day: date, at: datetime) -> int:
    """A message to each recipient, and the reminders it holds."""
    told: defaultdict[str, list[Due]] = defaultdict(list)
    capacities: defaultdict[str, dict[tuple[str, str | None], None]] = defaultdict(dict)
    addresses: dict[str, Recipient] = {}
    recipients = _recipients({one.contract for one in due}, at)
    for one in due:
        if to := recipients.get(one.contract):
            addresses[to.address] = to
            told[to.address].append(one)
            capacities[to.address][to.capacity, to.owner] = None
    departments = memberships({to.user.pk for to in addresses.values() if to.user})
    messages = [_message(to, list(capacities[address]), day, at) for address, to in addresses.items()]
    for message, to in zip(messages, addresses.values(), strict=True):
        message.contracts = sorted({one.contract for one in told[to.address]})
        message.departments = departments[to.user.pk] if to.user else []
    Message.objects.bulk_create(messages, batch_size=1_000)
    ids = {message.recipient: message.pk for message in messages}
    _keep([(*one, ids[address]) for address, some in told.items() for one in some])
    return len(messages)


def _recipients(contracts: set[int], at: datetime) -> Mapping[int, Recipient]:
    """Who is told of each contract; who that is is decided once for all in the same charge."""
    found: dict[int, Recipient] = {}
    ids = sorted(contracts)
    for start in range(0, len(ids), BATCH):
        some = Contract.objects.filter(pk__in=ids[start : start + BATCH]).select_related("department")
        charges = list(some.only("owner", "deputy", "department"))
        directory = Directory(charges, at)
        found.update({contract.pk: directory.recipient(contract) for contract in charges})
    return found


def _message(to: Recipient, capacities: list[tuple[str, str | None]], day: date, at: datetime) -> Message:
    key = f"{CHANNEL}:reminder:{day:%Y-%m-%d}:{to.address}"
    return Message(
        recipient=to.address,
        channel=CHANNEL,
        purpose=Purpose.REMINDER,
        dedup_key=key,
        message_id=message_id(key),
        capacities=capacities,
        at=at,
        language=language_of(to.user),
    )


def _keep(rows: Sequence[tuple[int, str, int, date, int, int]]) -> None:
    for start in range(0, len(rows), BATCH):
        with connection.cursor() as cursor:
            cursor.execute(_KEPT, list(map(list, zip(*rows[start : start + BATCH], strict=True))))
