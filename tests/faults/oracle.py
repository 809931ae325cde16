"""What has to be true when the dust has settled: each check says what is wrong, and nothing where nothing is."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from alerts.bundle.parse import parse
from alerts.models import Fate, Flag, Message, MessageAttempt, Stage, State, WebhookDelivery, WebhookEvent
from alerts.models.flags import TOLD
from alerts.screening import Calendar, compile_policies
from tests.alerts.test_always_as_from_nothing import flags_differ_from_nothing
from tests.faults.injecting import Injected
from tests.faults.world import World

TAKE_OVER_SECONDS = 20
SHOWN = 5
AMBIGUOUS_STAGES = (Stage.DATA, Stage.AFTER_DOT)

_TOLD_TWICE = f"""
    SELECT event, recipient, channel, purpose, count(*), array_agg(id)
    FROM {Message._meta.db_table}, unnest(events) AS event
    WHERE state <> 'withheld'
    GROUP BY 1, 2, 3, 4 HAVING count(*) > 1
"""
_UNTOLD = f"""
    SELECT event.id FROM alerts_flagevent AS event
    WHERE event.kind = ANY(%s)
      AND event.id NOT IN (SELECT unnest(events) FROM {Message._meta.db_table} WHERE state = 'sent')
"""


@dataclass(slots=True)
class Findings:
    """What is wrong, and the figures of the run."""

    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def complain(self, what: str, cases: Iterable[object]) -> None:
        found = list(cases)
        if found:
            self.wrong.append(f"{what}: {len(found)}, for example {found[:SHOWN]}")


def check(world: World, injected: Injected, directory: Path, at: datetime) -> Findings:
    """Everything but the time it took, which is seen while it passes."""
    findings = Findings()
    _flags(findings, world, at)
    _writes(findings, world)
    _events(findings)
    _mails(findings, injected, _lines(directory / "sink.jsonl"))
    _webhooks(findings, _lines(directory / "receiver.jsonl"))
    _taken_over(findings, injected)
    return findings


def _flags(findings: Findings, world: World, at: datetime) -> None:
    rows = Flag.objects.open().values_list("contract__reference", "measure__change__reference")
    open_flags = Counter(rows)
    expected = world.expected()
    findings.complain("open twice", (pair for pair, count in open_flags.items() if count > 1))
    findings.complain("in scope without a flag", sorted(expected - open_flags.keys()))
    findings.complain("flag out of scope", sorted(open_flags.keys() - expected))
    findings.complain("differs from a sweep from nothing", flags_differ_from_nothing(at))
    policies, contracts = parse(world.bundle()).facts()
    calendar = Calendar(at, settings.TIME_ZONE, settings.RENEWAL_HORIZON_DAYS)
    by_core = {
        (verdict.contract, verdict.measure.partition("/")[0])
        for verdict in compile_policies(policies, calendar).screen(contracts)
    }
    findings.complain("differs from the core on the driver's own facts", sorted(by_core ^ open_flags.keys()))
    findings.figures |= {"flags open": len(rows), "flags in all": Flag.objects.count()}


def _writes(findings: Findings, world: World) -> None:
    """What was answered is stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.reference, c.owner, l.hs_code, l.delivered FROM contracts_contract c"
            " JOIN contracts_line l ON l.contract_id = c.id"
        )
        stored = {reference: (owner, hs, int(delivered)) for reference, owner, hs, delivered in cursor.fetchall()}
        cursor.execute("SELECT reference FROM policies_policychange WHERE status = 'published'")
        published = {reference for (reference,) in cursor.fetchall()}
    answered = {name: (terms.owner, terms.hs, int(terms.delivered)) for name, terms in world.terms.items()}
    findings.complain("answered and not stored", sorted(dict(answered.items() - stored.items())))
    findings.complain("publication answered and not stored", sorted(published ^ world.published))
    findings.figures["writes answered"] = world.writes_answered


def _events(findings: Findings) -> None:
    """Nobody was to be told a thing twice, and nothing was told nobody."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD_TWICE)
        findings.complain("told twice (event, recipient, channel, purpose, messages)", cursor.fetchall())
        cursor.execute(_UNTOLD, [TOLD])
        untold = {event for (event,) in cursor.fetchall()}
    # What may have arrived twice over and was given up, or was refused by everybody in turn, ends with the dead.
    dead = {
        event
        for events in Message.objects.filter(state=State.DEAD).values_list("events", flat=True)
        for event in events
    }
    findings.complain("events that nobody was told", sorted(untold - dead))


def _mails(findings: Findings, injected: Injected, accepted: list[dict[str, Any]]) -> None:
    """The ledger against the sink's log."""
    copies = Counter(line["id"] for line in accepted)
    states = dict(Message.objects.values_list("message_id", "state"))
    sent: Counter[str] = Counter()
    ambiguous: Counter[str] = Counter()
    for id, fate, stage in MessageAttempt.objects.values_list("message__message_id", "fate", "stage"):
        sent[id] += fate == Fate.SENT
        ambiguous[id] += fate == Fate.UNCLEAR or (fate == Fate.LOST and stage in AMBIGUOUS_STAGES)
    findings.complain("accepted, but not in the ledger", sorted(copies.keys() - states.keys()))
    findings.complain(
        "sent by the ledger, never accepted", (id for id in states if states[id] == State.SENT and not copies[id])
    )
    findings.complain(
        "accepted, but not sent by the ledger",
        (id for id in copies if states.get(id) not in (State.SENT, None) and copies[id] > ambiguous[id]),
    )
    findings.complain(
        "more copies than the ledger explains", (id for id in copies if copies[id] > sent[id] + ambiguous[id])
    )
    findings.complain("recorded as sent twice", (id for id in sent if sent[id] > 1))
    duplicates = sum(count - 1 for count in copies.values())
    untold = sum(not line["told"] for line in accepted)
    allowed = untold + injected.possibly_at_a_send
    if duplicates > allowed:
        findings.wrong.append(f"{duplicates} duplicates, but only {allowed} ambiguities and hits at a send")
    refused = Message.objects.filter(state=State.DEAD).exclude(last_answer__startswith="550").exclude(unanswered__gte=2)
    findings.complain("dead for no reason of its own", refused.values_list("pk", "last_answer"))
    findings.figures |= {
        "messages": len(states),
        "mails accepted": len(accepted),
        "duplicate mails": duplicates,
        "answers withheld by the sink": untold,
        "ambiguous attempts in the ledger": ambiguous.total(),
        "attempts lost with their sender": MessageAttempt.objects.filter(fate=Fate.LOST).count(),
        "dead letters": Message.objects.filter(state=State.DEAD).count(),
    }


def _webhooks(findings: Findings, accepted: list[dict[str, Any]]) -> None:
    got: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in accepted:
        got[line["path"].strip("/")][line["id"]] += 1
    rows = WebhookDelivery.objects.select_related("event", "endpoint").defer("event__body")
    waiting = [
        (one.pk, one.endpoint.reference, one.state, one.attempts, one.last_answer)
        for one in rows
        if one.state not in ("delivered", "withheld")
    ]
    findings.complain("webhooks not delivered", waiting)
    findings.complain(
        "delivered by the ledger, never received",
        (one.pk for one in rows if one.state == "delivered" and not got[one.endpoint.reference][one.event.message_id]),
    )
    findings.complain("events not put out", WebhookEvent.objects.not_put_out().values_list("pk", flat=True))
    known = {(one.endpoint.reference, one.event.message_id) for one in rows}
    received = {(path, id) for path, ids in got.items() for id in ids}
    findings.complain("received, but not in the ledger", sorted(received - known))
    findings.figures |= {"webhooks delivered": len(known), "received": sum(one.total() for one in got.values())}


def _taken_over(findings: Findings, injected: Injected) -> None:
    """Whoever was killed with a message in hand is followed by another within the time, if anybody can."""
    late: list[str] = []
    seconds: list[float] = []
    for struck in injected.struck:
        if not struck.killed or struck.message is None:
            continue
        died = datetime.fromtimestamp(struck.at).astimezone()
        claimed = died + timedelta(seconds=0.1)  # the file system's clock lags a little behind the database's
        lost = MessageAttempt.objects.filter(
            message=struck.message, fate=Fate.LOST, started_at__lte=claimed, ended_at__gt=died
        )
        for attempt in lost:
            assert attempt.ended_at is not None
            took = attempt.ended_at.timestamp() - struck.at
            hindered = sum(_overlaps(injected.hindered, struck.at, struck.at + took))
            seconds.append(took - hindered)
            if took - hindered > TAKE_OVER_SECONDS:
                late.append(f"message {struck.message} after {took:.1f} s, {hindered:.1f} s of them hindered")
    findings.complain(f"not taken over within {TAKE_OVER_SECONDS} s", late)
    findings.figures["leases of the killed taken over"] = len(seconds)
    findings.figures["longest take-over, seconds"] = round(max(seconds, default=0), 1)


def _overlaps(spans: list[tuple[float, float]], start: float, end: float) -> Iterator[float]:
    """How much of the time the spans cover, each moment once."""
    covered = start
    for begins, ends in sorted(spans):
        begins, ends = max(begins, covered), min(ends, end)
        if ends > begins:
            yield ends - begins
            covered = ends


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
