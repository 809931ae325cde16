"""P9: the events of a publication become one message per owner."""

from datetime import timedelta

from django.db import connection
from django.db.models import F

from alerts.messages import compose
from alerts.models import Flag, FlagEvent, Message
from alerts.models.flags import TOLD
from contracts.models import Contract
from policies.models import Measure
from tests.benchmarks import limits, publishing, world
from tests.benchmarks.figures import Finding, Measured, seconds, shown
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=2)
PART = 10
"""The naive way is timed on every tenth event."""
AGGREGATION = f"""
    SELECT c.owner, m.change_id, count(*), min(e.act_by), sum(e.exposure_amount),
           string_agg(c.reference, ', ' ORDER BY e.act_by, c.reference)
    FROM {FlagEvent._meta.db_table} AS e
    JOIN {Flag._meta.db_table} AS f ON f.id = e.flag_id
    JOIN {Contract._meta.db_table} AS c ON c.id = f.contract_id
    JOIN {Measure._meta.db_table} AS m ON m.id = f.measure_id
    WHERE e.id > %s AND e.kind = ANY(%s)
    GROUP BY c.owner, m.change_id
"""
"""What every owner's message is about: its contracts in order of urgency, their number, the day and the money."""


def measure(size: Size, first: bool) -> Measured:
    """Composing beside the aggregation of the same events; in the first round beside the naive way, too."""
    before = limits.last_ids(Message, FlagEvent)
    events = publishing.publish_the_draft(publishing.owners_to_confirm())
    with limits.as_owner() as owner:
        owner.execute(f"VACUUM (ANALYZE) {Flag._meta.db_table}, {FlagEvent._meta.db_table}")
    limit = _aggregate(before[FlagEvent])
    took, written = seconds(lambda: compose(at=AT))
    if not 0 < written <= events or FlagEvent.objects.untold().exists():
        raise RuntimeError(f"{events} events in {written} messages: some were not told")
    operation = f"{events:,} events to {written:,} messages"
    findings = [Finding("P9", operation, took, "bare SQL aggregation", limit, at_most=3)]
    notes = []
    if first:
        stored = limits.insert_again({Message: before[Message]}, {Message: "id"})
        limits.take_away({Message: before[Message]})
        naive, told = seconds(lambda: _tell_one_by_one(before[FlagEvent]))
        whole = naive * events / told
        notes = [
            f"P9: to insert the same messages takes {shown(stored, 's')} beyond the aggregation. One message per event"
            f" in a loop, from a tenth: {shown(whole, 's')}, {whole / took:,.3g} times as long as the product."
        ]
    return Measured(findings, notes)


def _aggregate(after: int) -> float:
    with connection.cursor() as cursor:
        took, _ = seconds(lambda: cursor.execute(AGGREGATION, [after, [str(kind) for kind in TOLD]]).fetchall())
    return took


def _tell_one_by_one(after: int) -> int:
    """As a first version would: a message for every event. How many."""
    events = FlagEvent.objects.annotate(part=F("id") % PART).filter(part=0, id__gt=after).order_by("id")
    told = 0
    for event in events.select_related("flag__contract", "flag__measure__change", "run").iterator():
        _tell(event)
        told += 1
    return told


def _tell(event: FlagEvent) -> None:
    contract, measure = event.flag.contract, event.flag.measure
    Message.objects.create(
        recipient=contract.owner or "nobody@tocsin.example",
        channel="email",
        dedup_key=f"benchmark-{event.pk}",
        message_id=f"<benchmark-{event.pk}@tocsin.example>",
        run=event.run,
        policy_change=measure.change,
        language="en",
        subject=f"{contract.reference}: {event.flag.kind}",
        text=f"{contract.reference} falls under {measure.change.reference}. Act by {event.act_by}.",
        html=f"<p>{contract.reference} falls under {measure.change.reference}. Act by {event.act_by}.</p>",
    )
