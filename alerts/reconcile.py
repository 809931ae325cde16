"""Make the open flags equal to what screening demands: opens, updates and closes, with an event for each.

Only differences are written, so that the same call twice changes nothing; a flag is never deleted.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from alerts.bulk import close_flags, open_flags, update_flags
from alerts.difference import Content, meaning, only_today_moved
from alerts.models import EventKind, Flag, FlagEvent, ScreeningRun
from alerts.models.flags import TOLD, ClosedBecause
from alerts.screening.flags import Flags
from alerts.screening.slots import Slots
from alerts.screening.verdicts import Basis, Certainty, Verdict
from alerts.stored import Stored, paired, same
from contracts.columns import Ids, Rows

BATCH = 500
"""Rows written by one statement."""
WRITTEN = [
    "certainty",
    "basis",
    "lines",
    "unknowns",
    "act_by",
    "exposure_amount",
    "exposure_currency",
    "exposure_told",
    "contract_version",
    "policy_version",
    "updated_at",
]
Because = Callable[[int, int, int], ClosedBecause]


@dataclass(frozen=True, slots=True)
class Desired:
    """What screening demands: flags, the ids of their measures, and what those that are written are stamped with.

    `versions` are of the contracts, by id. `today` is by measure's name: the latest day that has begun in the zones
    that concern it.
    """

    flags: Flags
    measures: Ids
    slots: Slots
    versions: Mapping[int, int]
    today: Mapping[str, date]
    policy_version: str


@dataclass(frozen=True, slots=True)
class Changes:
    """How many flags were opened, updated, closed, and left as they were."""

    opened: int = 0
    updated: int = 0
    closed: int = 0
    unchanged: int = 0


def reconcile(desired: Desired, stored: Stored, *, because: Because, at: datetime, run: ScreeningRun) -> Changes:
    """Make the stored open flags equal to the desired ones; return what changed.

    `because` says why a flag that is no longer demanded closes, from the ids of the flag, its contract and measure.
    """
    wanted, present = paired(desired.flags, desired.measures, stored.flags, stored.measure)
    equal = same(desired.flags.take(wanted), stored.flags.take(present))
    opening = np.setdiff1d(np.arange(len(desired.flags)), wanted)
    closing = np.setdiff1d(np.arange(len(stored.ids)), present)
    differing = wanted[~equal]

    open_flags(desired.flags.take(opening), desired.measures[opening], desired.versions, desired.policy_version, run)
    updated = _update(desired, differing, stored.ids[present[~equal]], at, run)
    closed = close(stored, closing, because=because, run=run)
    return Changes(len(opening), updated, closed, unchanged=len(desired.flags) - len(opening) - updated)


def close(stored: Stored, rows: Rows, *, because: Because, run: ScreeningRun) -> int:
    """Close some of the stored flags, each for its own reason; return how many."""
    reasons: defaultdict[ClosedBecause, list[int]] = defaultdict(list)
    ended = (column[rows].tolist() for column in (stored.ids, stored.flags.contract, stored.measure))
    for flag, contract, measure in zip(*ended, strict=True):
        reasons[because(flag, contract, measure)].append(flag)
    for reason, flags in reasons.items():
        close_flags(flags, reason, run)
    return len(rows)


def _update(desired: Desired, rows: Ids, flags: Ids, at: datetime, run: ScreeningRun) -> int:
    """Write what differs; return how many flags say something else now, a day that is always today apart."""
    updating: list[Flag] = []
    drifting: defaultdict[date, list[int]] = defaultdict(list)
    events: list[FlagEvent] = []
    verdicts = desired.flags.take(rows).verdicts(desired.slots, [""] * len(rows))
    found = Flag.objects.select_for_update().in_bulk(flags.tolist())
    for verdict, id in zip(verdicts, flags.tolist(), strict=True):
        flag, new = found[id], Content.of(verdict)
        old, today = Content.of_flag(flag), desired.today[verdict.measure]
        if only_today_moved(old, new, today):
            drifting[new.act_by].append(flag.pk)
            continue
        kind = meaning(old, new, flag.exposure_told, today)
        _write(flag, verdict, news=kind in TOLD)
        flag.contract_version, flag.policy_version = desired.versions[flag.contract_id], desired.policy_version
        flag.updated_at = at
        updating.append(flag)
        events.append(_event(kind, flag, old, new, run, at))
    update_flags(updating, WRITTEN)
    for day, some in drifting.items():
        Flag.objects.filter(id__in=some).update(act_by=day)
    FlagEvent.objects.bulk_create(events, batch_size=BATCH)
    return len(updating)


def _write(flag: Flag, verdict: Verdict, *, news: bool) -> None:
    """Give a flag its content; `news`: people hear of it, and of its exposure."""
    amount = verdict.exposure.amount if verdict.exposure else None
    currency = verdict.exposure.currency if verdict.exposure else None
    if news or flag.exposure_told is None or currency != flag.exposure_currency:
        flag.exposure_told = amount
    flag.exposure_amount, flag.exposure_currency = amount, currency
    flag.certainty, flag.basis, flag.act_by = verdict.certainty, verdict.basis, verdict.act_by
    flag.lines, flag.unknowns = list(verdict.lines), list(verdict.unknowns)


@dataclass(frozen=True, slots=True)
class _Side:
    """A flag's content in the columns of an event."""

    certainty: Certainty
    basis: Basis
    act_by: date
    amount: Decimal | None = None
    currency: str | None = None

    @classmethod
    def of(cls, content: Content) -> "_Side":
        side = cls(content.certainty, content.basis, content.act_by)
        return replace(side, amount=money.amount, currency=money.currency) if (money := content.exposure) else side


def _event(kind: EventKind, flag: Flag, old: Content, new: Content, run: ScreeningRun, at: datetime) -> FlagEvent:
    before, after = _Side.of(old), _Side.of(new)
    return FlagEvent(
        flag=flag,
        run=run,
        kind=kind,
        at=at,
        certainty_before=before.certainty,
        certainty=after.certainty,
        basis_before=before.basis,
        basis=after.basis,
        act_by_before=before.act_by,
        act_by=after.act_by,
        exposure_amount_before=before.amount,
        exposure_amount=after.amount,
        exposure_currency_before=before.currency,
        exposure_currency=after.currency,
    )
