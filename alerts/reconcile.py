"""Make the open flags equal to what screening demands: opens, updates and closes, with an event for each.

Only differences are written, so that the same call twice changes nothing; a flag is never deleted.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from alerts.bulk import update_flags
from alerts.difference import Content, meaning, only_today_moved
from alerts.models import EventKind, Flag, FlagEvent, ScreeningRun
from alerts.models.flags import TOLD, ClosedBecause
from alerts.screening.verdicts import Basis, Certainty, Verdict

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


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked about, and what the flags written are stamped with.

    `contracts` are the id and version of each contract whose flags may be touched, by reference; `gone` are ids of
    contracts that no longer exist. `measures` and `today` are by name: the id, and the latest day that has begun in
    the zones that concern the measure. `because` says why a flag that is no longer demanded closes. Flags of the
    measures in `untouchable` stay as they are.
    """

    contracts: Mapping[str, tuple[int, int]]
    gone: frozenset[int]
    measures: Mapping[str, int]
    today: Mapping[str, date]
    policy_version: str
    because: Callable[[Flag], ClosedBecause]
    untouchable: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """How many flags were opened, updated, closed, and left as they were."""

    opened: int = 0
    updated: int = 0
    closed: int = 0
    unchanged: int = 0


def reconcile(desired: Sequence[Verdict], *, within: Scope, at: datetime, run: ScreeningRun) -> Changes:
    """Make the open flags of the contracts within the scope equal to the desired ones; return what changed."""
    ids = {contract for contract, _ in within.contracts.values()} | within.gone
    present = {
        (flag.contract_id, flag.measure_id, flag.kind): flag
        for flag in Flag.objects.open().filter(contract_id__in=ids).select_for_update().order_by("id")
        if flag.measure_id not in within.untouchable
    }
    opening: list[Flag] = []
    updating: list[Flag] = []
    drifting: defaultdict[date, list[int]] = defaultdict(list)
    events: list[FlagEvent] = []
    for verdict in desired:
        contract, version = within.contracts[verdict.contract]
        measure, new = within.measures[verdict.measure], Content.of(verdict)
        flag = present.pop((contract, measure, verdict.kind), None)
        if flag is None:
            flag = Flag(contract_id=contract, measure_id=measure, kind=verdict.kind, opened_at=at)
            kind, old = EventKind.OPENED, None
            opening.append(flag)
        elif (old := Content.of_flag(flag)) == new:
            continue
        elif only_today_moved(old, new, within.today[verdict.measure]):
            drifting[new.act_by].append(flag.pk)
            continue
        else:
            kind = meaning(old, new, flag.exposure_told, within.today[verdict.measure])
            updating.append(flag)
        _write(flag, new, news=kind in TOLD)
        flag.contract_version, flag.policy_version, flag.updated_at = version, within.policy_version, at
        events.append(_event(kind, flag, old, new, run, at))
    closing = list(present.values())
    for flag in closing:
        flag.closed_at = flag.updated_at = at
        flag.closed_because = within.because(flag)
        content = Content.of_flag(flag)
        events.append(_event(EventKind.CLOSED, flag, content, content, run, at))

    Flag.objects.bulk_create(opening, batch_size=BATCH)
    update_flags(updating, WRITTEN)
    update_flags(closing, ["closed_at", "closed_because", "updated_at"])
    for day, flags in drifting.items():
        Flag.objects.filter(id__in=flags).update(act_by=day)
    FlagEvent.objects.bulk_create(events, batch_size=BATCH)
    return Changes(
        opened=len(opening),
        updated=len(updating),
        closed=len(closing),
        unchanged=len(desired) - len(opening) - len(updating),
    )


def _write(flag: Flag, content: Content, *, news: bool) -> None:
    """Give a flag its content; `news`: people hear of it, and of its exposure."""
    amount = content.exposure.amount if content.exposure else None
    currency = content.exposure.currency if content.exposure else None
    if news or flag.exposure_told is None or currency != flag.exposure_currency:
        flag.exposure_told = amount
    flag.exposure_amount, flag.exposure_currency = amount, currency
    flag.certainty, flag.basis, flag.act_by = content.certainty, content.basis, content.act_by
    flag.lines, flag.unknowns = list(content.lines), list(content.unknowns)


@dataclass(frozen=True, slots=True)
class _Side:
    """A flag's content in the columns of an event; nothing before it opened."""

    certainty: Certainty | None = None
    basis: Basis | None = None
    act_by: date | None = None
    amount: Decimal | None = None
    currency: str | None = None

    @classmethod
    def of(cls, content: Content | None) -> "_Side":
        if content is None:
            return cls()
        side = cls(content.certainty, content.basis, content.act_by)
        return replace(side, amount=money.amount, currency=money.currency) if (money := content.exposure) else side


def _event(
    kind: EventKind, flag: Flag, old: Content | None, new: Content, run: ScreeningRun, at: datetime
) -> FlagEvent:
    before = _Side.of(old)
    return FlagEvent(
        flag=flag,
        run=run,
        kind=kind,
        at=at,
        certainty_before=before.certainty,
        certainty=new.certainty,
        basis_before=before.basis,
        basis=new.basis,
        act_by_before=before.act_by,
        act_by=new.act_by,
        exposure_amount_before=before.amount,
        exposure_amount=new.exposure.amount if new.exposure else None,
        exposure_currency_before=before.currency,
        exposure_currency=new.exposure.currency if new.exposure else None,
    )
