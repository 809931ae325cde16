"""From events to messages: what nobody was told of yet becomes one message per recipient, run and policy change.

A run is put into messages once, as a whole: one statement gathers its events by who has charge of the contracts, who
that is at present is decided once for each of them, and one statement queues the messages with the numbers of their
events, another what waits for digests. What they say is put into words when they are about to leave, see
alerts/writing.py.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import connection

from alerts.digests.choices import Choices
from alerts.leases import DATABASE_FAULTS, brief_transaction
from alerts.mail.language import language_of
from alerts.models import (
    Cadence,
    Channel,
    Disposition,
    Flag,
    FlagEvent,
    HeldNews,
    Message,
    ScreeningRun,
    Standing,
    State,
)
from alerts.models.flags import TOLD, EventKind
from alerts.recipients import Directory, Recipient, SharedCharge, memberships
from contracts.models import Contract
from people.models import Department, WallClock
from policies.models import Measure, PolicyChange

CHANNEL = Channel.EMAIL
COMPOSING_SECONDS = 30
"""For which the database waits between two statements: to put a large run's messages together takes some of them."""

# A contract that was deleted is in nobody's charge. Of a flag that somebody put aside nobody is told.
_GATHERED = f"""
    SELECT measure.change_id, contract.owner, contract.deputy, contract.department_id,
           event.kind, flag.kind, event.certainty, event.basis, string_agg(event.id::text, ',')
    FROM {FlagEvent._meta.db_table} AS event
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id
    JOIN {Measure._meta.db_table} AS measure ON measure.id = flag.measure_id
    LEFT JOIN {Contract._meta.db_table} AS contract ON contract.id = flag.contract_id
    WHERE event.run_id = %(run)s AND event.kind = ANY(%(told)s)
      AND NOT EXISTS (SELECT FROM {Disposition._meta.db_table} AS disposition
                      WHERE disposition.flag_id = flag.id AND disposition.standing = ANY(%(aside)s))
      AND event.id NOT IN (SELECT unnest(events) FROM {Message._meta.db_table} WHERE run_id = %(run)s
                           UNION ALL SELECT unnest(events) FROM {HeldNews._meta.db_table} WHERE run_id = %(run)s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""  # noqa: S608

_QUEUED = f"""
    INSERT INTO {Message._meta.db_table}
        (recipient, channel, dedup_key, message_id, run_id, policy_change_id, events, capacities, departments, at,
         language, subject, text, html, state, attempts, unanswered, stage, last_answer)
    SELECT recipient, '{CHANNEL}', dedup_key, message_id, %(run)s, policy_change, events, capacities, departments,
           %(at)s, language, '', '', '', '{State.PENDING}', 0, 0, '', ''
    FROM jsonb_to_recordset(%(rows)s) AS row
        (recipient text, dedup_key text, message_id text, policy_change bigint, events bigint[], capacities jsonb,
         departments bigint[], language text)
"""  # noqa: S608

_HELD = f"""
    INSERT INTO {HeldNews._meta.db_table}
        (recipient, channel, run_id, policy_change_id, events, capacities, departments, cadence, due_at)
    SELECT recipient, '{CHANNEL}', %(run)s, policy_change, events, capacities, departments, cadence, due_at
    FROM jsonb_to_recordset(%(rows)s) AS row
        (recipient text, policy_change bigint, events bigint[], capacities jsonb, departments bigint[], cadence text,
         due_at timestamptz)
"""  # noqa: S608

log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """What makes a draft: nothing else is told of it to the address in the same way."""

    address: str
    change: int
    cadence: Cadence = Cadence.AT_ONCE


@dataclass(slots=True)
class Draft:
    """What one recipient is to be told about one policy change; one address may be addressed in several capacities.

    `due_at` is when it is told in a digest; None: at once.
    """

    to: Recipient
    due_at: datetime | None = None
    capacities: dict[tuple[str, str | None], None] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


def compose(*, at: datetime) -> int:
    """Queue a message for every event that has none yet; return how many were queued. Safe to call twice at once."""
    runs = ScreeningRun.objects.uncomposed().order_by("id").values_list("pk", flat=True)
    return sum(_compose_run(run, at) for run in list(runs))


def _compose_run(run: int, at: datetime) -> int:
    """All messages of the run and the mark that it has been told, or none of either and then the next call tries."""
    try:
        with brief_transaction(COMPOSING_SECONDS):
            # Whoever comes second waits, and finds the run marked.
            row = ScreeningRun.objects.select_for_update(no_key=True).get(pk=run)
            if row.composed_at is not None:
                return 0
            queued = _queue(run, at)
            ScreeningRun.objects.filter(pk=run).update(composed_at=WallClock())
            return queued
    except DATABASE_FAULTS:
        raise  # nobody's fault but the database's
    except Exception:  # one run that cannot be told must not keep the others; its events stay untold
        log.exception("run not put into messages", run=run)
        return 0


def _queue(run: int, at: datetime) -> int:
    """Queue what is told of the run, now or in digests; how many messages there are now."""
    drafts = _drafts(run, at)
    told = list(_rows(run, {key: draft for key, draft in drafts.items() if draft.due_at is None}))
    waiting = list(_held({key: draft for key, draft in drafts.items() if draft.due_at is not None}))
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED, {"run": run, "at": at, "rows": json.dumps(told)})
        cursor.execute(_HELD, {"run": run, "rows": json.dumps(waiting, default=str)})
    return len(told)


def _rows(run: int, drafts: Mapping[Key, Draft]) -> Iterator[dict[str, Any]]:
    """The messages of the run as they are queued."""
    changes = dict(PolicyChange.objects.filter(pk__in={key.change for key in drafts}).values_list("pk", "reference"))
    for told in _told(drafts):
        key = dedup_key(run, changes[told["policy_change"]], told["recipient"])
        user = drafts[Key(told["recipient"], told["policy_change"])].to.user
        yield {**told, "dedup_key": key, "message_id": message_id(key), "language": language_of(user)}


def _held(drafts: Mapping[Key, Draft]) -> Iterator[dict[str, Any]]:
    """What of the run waits for digests."""
    for key, told in zip(drafts, _told(drafts), strict=True):
        yield {**told, "cadence": key.cadence, "due_at": drafts[key].due_at}


def _told(drafts: Mapping[Key, Draft]) -> Iterator[dict[str, Any]]:
    """In the order of the drafts."""
    departments = memberships({draft.to.user.pk for draft in drafts.values() if draft.to.user})
    for key, draft in drafts.items():
        yield {
            "recipient": key.address,
            "policy_change": key.change,
            "events": "{" + ",".join(draft.events) + "}",
            "capacities": list(draft.capacities),
            "departments": departments[draft.to.user.pk] if draft.to.user else [],
        }


def _drafts(run: int, at: datetime) -> dict[Key, Draft]:
    """What everybody is to be told of the run, and when."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")  # else the larger joins go by way of the disk
        cursor.execute(_GATHERED, {"run": run, "told": TOLD, "aside": [Standing.DISMISSED, Standing.MITIGATED]})
        gathered = cursor.fetchall()
    departments = Department.objects.in_bulk({row[3] for row in gathered if row[3]})
    charges = [SharedCharge(owner, deputy, departments.get(of)) for _, owner, deputy, of, *_ in gathered]
    directory = Directory(charges, at)
    choices = Choices(directory.users.values(), at)
    drafts: dict[Key, Draft] = {}
    for charge, (change, _, _, _, *graded, events) in zip(charges, gathered, strict=True):
        to = directory.recipient(charge)
        cadence = choices.cadence(to.user, *graded)
        draft = drafts.setdefault(Key(to.address, change, cadence), Draft(to, choices.moment(to.user, cadence)))
        draft.capacities[to.capacity, to.owner] = None
        draft.events.append(events)
        overseer = settings.COMPLIANCE_MAILBOX
        if graded[0] == EventKind.CONCLUDED and to.address != overseer:
            copy = drafts.setdefault(Key(overseer, change), Draft(Recipient(overseer, None, "oversight")))
            copy.capacities["oversight", None] = None
            copy.events.append(events)
    return drafts


def dedup_key(run: int, policy_change: str, address: str) -> str:
    """What makes a message the only one of its kind."""
    return f"{CHANNEL}:run-{run}:{policy_change}:{address}"


def message_id(dedup_key: str) -> str:
    """The same for the same key, so that a second copy of a mail is recognisable as one."""
    host = urlsplit(settings.BASE_URL).hostname or "tocsin.invalid"
    return f"<{sha256(dedup_key.encode()).hexdigest()[:40]}@{host}>"
