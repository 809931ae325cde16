"""From events to messages: what nobody was told of yet becomes one message per recipient, run and policy change.

A run is put into messages once, as a whole: one statement gathers its events by who has charge of the contracts, who
that is at present is decided once for each of them, and one statement queues the messages with the numbers of their
events. What they say is put into words when they are about to leave, see alerts/writing.py.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from alerts.leases import brief_transaction
from alerts.mail.language import language_of
from alerts.models import Channel, Disposition, Flag, FlagEvent, Message, ScreeningRun, Standing, State
from alerts.models.flags import TOLD
from alerts.recipients import Directory, Recipient, SharedCharge
from contracts.models import Contract
from people.models import Department, User, WallClock
from policies.models import Measure, PolicyChange

CHANNEL = Channel.EMAIL

# A contract that was deleted is in nobody's charge. Of a flag that somebody put aside nobody is told.
_GATHERED = f"""
    SELECT measure.change_id, contract.owner, contract.deputy, contract.department_id,
           string_agg(event.id::text, ',')
    FROM {FlagEvent._meta.db_table} AS event
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id
    JOIN {Measure._meta.db_table} AS measure ON measure.id = flag.measure_id
    LEFT JOIN {Contract._meta.db_table} AS contract ON contract.id = flag.contract_id
    WHERE event.run_id = %(run)s AND event.kind = ANY(%(told)s)
      AND NOT EXISTS (SELECT FROM {Disposition._meta.db_table} AS disposition
                      WHERE disposition.flag_id = flag.id AND disposition.standing = ANY(%(aside)s))
      AND event.id NOT IN (SELECT unnest(events) FROM {Message._meta.db_table} WHERE run_id = %(run)s)
    GROUP BY 1, 2, 3, 4
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

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Draft:
    """What one recipient is to be told about one policy change; one address may be addressed in several capacities."""

    to: Recipient
    capacities: dict[tuple[str, str | None], None] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


def compose(*, at: datetime) -> int:
    """Queue a message for every event that has none yet; return how many were queued. Safe to call twice at once."""
    runs = ScreeningRun.objects.uncomposed().order_by("id").values_list("pk", flat=True)
    return sum(_compose_run(run, at) for run in list(runs))


def _compose_run(run: int, at: datetime) -> int:
    """All messages of the run and the mark that it has been told, or none of either and then the next call tries."""
    try:
        with brief_transaction():
            # Whoever comes second waits, and finds the run marked.
            row = ScreeningRun.objects.select_for_update(no_key=True).get(pk=run)
            if row.composed_at is not None:
                return 0
            rows = list(_rows(run, at))
            with connection.cursor() as cursor:
                cursor.execute(_QUEUED, {"run": run, "at": at, "rows": json.dumps(rows)})
            ScreeningRun.objects.filter(pk=run).update(composed_at=WallClock())
            return len(rows)
    except (OperationalError, InterfaceError):
        raise  # nobody's fault but the database's
    except Exception:  # one run that cannot be told must not keep the others; its events stay untold
        log.exception("run not put into messages", run=run)
        return 0


def _rows(run: int, at: datetime) -> Iterator[dict[str, Any]]:
    """The messages of the run as they are queued."""
    drafts = _drafts(run, at)
    changes = dict(PolicyChange.objects.filter(pk__in={change for _, change in drafts}).values_list("pk", "reference"))
    memberships = _memberships({draft.to.user.pk for draft in drafts.values() if draft.to.user})
    for (address, change), draft in drafts.items():
        key = dedup_key(run, changes[change], address)
        yield {
            "recipient": address,
            "dedup_key": key,
            "message_id": message_id(key),
            "policy_change": change,
            "events": "{" + ",".join(draft.events) + "}",
            "capacities": list(draft.capacities),
            "departments": memberships[draft.to.user.pk] if draft.to.user else [],
            "language": language_of(draft.to.user),
        }


def _memberships(users: set[int]) -> defaultdict[int, list[int]]:
    """The departments of each user."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    rows = User.departments.through.objects.filter(user__in=users).order_by("department_id")
    for user, department in rows.values_list("user_id", "department_id"):
        found[user].append(department)
    return found


def _drafts(run: int, at: datetime) -> dict[tuple[str, int], Draft]:
    """By address and policy change."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")  # else the larger joins go by way of the disk
        cursor.execute(_GATHERED, {"run": run, "told": TOLD, "aside": [Standing.DISMISSED, Standing.MITIGATED]})
        gathered = cursor.fetchall()
    departments = Department.objects.in_bulk({department for *_, department, _ in gathered if department})
    charges = [SharedCharge(owner, deputy, departments.get(of)) for _, owner, deputy, of, _ in gathered]
    directory = Directory(charges, at)
    drafts: dict[tuple[str, int], Draft] = {}
    for charge, (change, *_, events) in zip(charges, gathered, strict=True):
        to = directory.recipient(charge)
        draft = drafts.setdefault((to.address, change), Draft(to))
        draft.capacities[to.capacity, to.owner] = None
        draft.events.append(events)
    return drafts


def dedup_key(run: int, policy_change: str, address: str) -> str:
    """What makes a message the only one of its kind."""
    return f"{CHANNEL}:run-{run}:{policy_change}:{address}"


def message_id(dedup_key: str) -> str:
    """The same for the same key, so that a second copy of a mail is recognisable as one."""
    host = urlsplit(settings.BASE_URL).hostname or "tocsin.invalid"
    return f"<{sha256(dedup_key.encode()).hexdigest()[:40]}@{host}>"
