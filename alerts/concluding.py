"""Conclusions that are reported although a flag says no: facts, kept in the flag's history and told at once.

The guard stops people, not facts. A commitment counts where it was not known when the flag opened and was made after
that, or on a day on which the measure stood against it already; what turns out to be older was legally not new. The
same commitment counts once per flag, however often it is sent again or corrected.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from alerts.history import past_rows
from alerts.models import EventKind, Flag, FlagEvent, ScreeningRun
from alerts.models.flags import ClosedBecause, Kind
from alerts.portfolio import PinnedPolicies
from contracts.facts import Conclusion
from contracts.models import Amendment, Contract
from contracts.stage import Calendar, is_concluded, start_of_day
from policies.facts import MeasureFacts
from policies.timeline import biting_days

Act = Literal["conclusion", "call_off", "amendment", "renewal"]

_SEEN = "(h.pgh_xid IS NULL OR pg_visible_in_snapshot(h.pgh_xid::text::xid8, NULLIF(run.snapshot, '')::pg_snapshot))"

# `before` is what the flag's first run saw of the contract.
_REPORTED = f"""
    SELECT flag.id, flag.measure_id, flag.opened_at, flag.contract_id = subject.id, subject.id, subject.reference,
           subject.concluded_at, subject.concluded_on, subject.concluded_timezone,
           before.concluded_at, before.concluded_on, before.concluded_timezone,
           before.pgh_id IS NOT NULL, before.expires_on, subject.expires_on,
           ARRAY(SELECT made_on FROM {Amendment._meta.db_table}
                 WHERE contract_id = subject.id AND increases_quantity_or_term ORDER BY made_on),
           ARRAY(SELECT DISTINCT h.made_on FROM {past_rows(Amendment).model._meta.db_table} AS h
                 WHERE h.contract_id = subject.id AND h.increases_quantity_or_term AND {_SEEN})
    FROM {Contract._meta.db_table} AS subject
    CROSS JOIN LATERAL (VALUES (subject.id), (subject.framework_id)) AS held (id)
    JOIN {Flag._meta.db_table} AS flag
      ON flag.contract_id = held.id AND flag.closed_at IS NULL AND flag.kind = '{Kind.NO_NEW_CONTRACTS}'
    JOIN {FlagEvent._meta.db_table} AS opened ON opened.flag_id = flag.id AND opened.kind = '{EventKind.OPENED}'
    JOIN {ScreeningRun._meta.db_table} AS run ON run.id = opened.run_id AND run.snapshot <> ''
    LEFT JOIN LATERAL (
        SELECT * FROM {past_rows(Contract).model._meta.db_table} AS h
        WHERE h.pgh_obj_id = subject.id AND {_SEEN}
        ORDER BY h.pgh_id DESC LIMIT 1
    ) AS before ON true
    WHERE subject.id = ANY(%(contracts)s)
      AND (subject.concluded_at <= %(at)s OR subject.concluded_on <= %(at)s::date + 1)
    ORDER BY flag.id, subject.reference
"""  # noqa: S608

_NOTED = f"""
    INSERT INTO {FlagEvent._meta.db_table}
        (flag_id, run_id, kind, at, certainty_before, certainty, basis_before, basis, act_by_before, act_by,
         exposure_amount_before, exposure_amount, exposure_currency_before, exposure_currency, concluded)
    SELECT flag.id, %(run)s, '{EventKind.CONCLUDED}', %(at)s, certainty, certainty, basis, basis, act_by, act_by,
           exposure_amount, exposure_amount, exposure_currency, exposure_currency, noted.concluded
    FROM unnest(%(flags)s::bigint[], %(concluded)s::jsonb[]) AS noted (flag, concluded)
    JOIN {Flag._meta.db_table} AS flag ON flag.id = noted.flag
    ORDER BY flag.id
"""  # noqa: S608

log = structlog.get_logger(__name__)


class _Reported(NamedTuple):
    """A contract, or a call-off of it, beside an open flag: what is stored now, and what was when the flag opened."""

    flag: int
    measure: int
    opened_at: datetime
    own: bool
    id: int
    reference: str
    concluded_at: datetime | None
    concluded_on: date | None
    concluded_timezone: str | None
    was_concluded_at: datetime | None
    was_concluded_on: date | None
    was_concluded_timezone: str | None
    was_stored: bool
    expired_on: date | None
    expires_on: date | None
    amended_on: list[date | None]
    was_amended_on: list[date | None]

    @property
    def now(self) -> Conclusion:
        return Conclusion(self.concluded_at, self.concluded_on, self.concluded_timezone)

    @property
    def before(self) -> Conclusion:
        return Conclusion(self.was_concluded_at, self.was_concluded_on, self.was_concluded_timezone)


@dataclass(frozen=True, slots=True)
class Commitment:
    """What is reported: which contract was concluded or called off when, or that it was amended or runs longer.

    `on` is the day as stated, of an instant the day in the business time zone; None is not established, and of a
    renewal, whose new end it is, no end. `in_force` where the day lies before the flag, but the measure bit already.
    """

    act: Act
    contract: str
    on: date | None
    in_force: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """The same however its day is corrected; amendments and ends are known by their days alone."""
        dated = self.act in ("amendment", "renewal")
        return self.act, self.contract, *([str(self.on)] if dated else [])

    def stored(self) -> dict[str, Any]:
        on = self.on.isoformat() if self.on else None
        return {"act": self.act, "contract": self.contract, "on": on, "in_force": self.in_force}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Commitment":
        on = date.fromisoformat(stored["on"]) if stored["on"] else None
        return cls(stored["act"], stored["contract"], on, stored["in_force"])


def note_concluded(contracts: Collection[int], pinned: PinnedPolicies, run: ScreeningRun) -> dict[int, ClosedBecause]:
    """Note what of these contracts, by id, was concluded under flags; return why the flags of those that were not
    concluded before close, where they do.

    Called in the run's transaction, before its flags are made to agree.
    """
    reported = _reported(contracts, run)
    if not reported:
        return {}
    measures = _measures(pinned)
    because: dict[int, ClosedBecause] = {}
    found: dict[int, list[Commitment]] = {}
    hit = _CallOffs([one for one in reported if not one.own], pinned)
    for one in reported:
        measure = measures.get(one.measure)
        commitments = [replace(made, in_force=early) for made, early in _made(one, measure, pinned.calendar)]
        if one.own and _is_new(one, pinned.calendar):
            concluded = any(made.act == "conclusion" for made in commitments)
            because[one.flag] = ClosedBecause.CONCLUDED if concluded else ClosedBecause.CONCLUDED_BEFORE
        if one.own or hit(one, measure):
            found.setdefault(one.flag, []).extend(commitments)
    _note(_without_told(found), run)
    return because


def _reported(contracts: Collection[int], run: ScreeningRun) -> list[_Reported]:
    with connection.cursor() as cursor:
        cursor.execute(_REPORTED, {"contracts": sorted(contracts), "at": run.at})
        return [_Reported(*row) for row in cursor.fetchall()]


def _measures(pinned: PinnedPolicies) -> dict[int, MeasureFacts]:
    return {pinned.ids[measure.name]: measure for measure in pinned.policies.measures if measure.name in pinned.ids}


def _is_new(one: _Reported, now: Calendar) -> bool:
    """Whether it is concluded, and was not as the flag opened."""
    then = replace(now, at=one.opened_at)
    return is_concluded(one.now, now) and not (one.was_stored and is_concluded(one.before, then))


def _made(one: _Reported, measure: MeasureFacts | None, now: Calendar) -> Iterator[tuple[Commitment, bool]]:
    """What counts against the flag, each with whether it lies before the flag, on a day on which the measure bit."""
    if _is_new(one, now):
        zone = one.concluded_timezone or now.timezone
        on = one.concluded_on or _day(one.concluded_at or now.at, now.timezone)
        after = one.concluded_at > one.opened_at if one.concluded_at else on >= _day(one.opened_at, zone)
        if after or _bit(measure, one.concluded_at or _end(on, zone), on):
            yield Commitment("conclusion" if one.own else "call_off", one.reference, on), not after
        return
    if not one.own or not is_concluded(one.now, now):
        return
    for made_on in dict.fromkeys(day for day in one.amended_on if day not in one.was_amended_on):
        after = made_on is None or made_on >= _day(one.opened_at, now.timezone)
        if after or (made_on is not None and _bit(measure, _end(made_on, now.timezone), made_on)):
            yield Commitment("amendment", one.reference, made_on), not after
    if one.expired_on and (one.expires_on is None or one.expires_on > one.expired_on):
        yield Commitment("renewal", one.reference, one.expires_on), False


def _day(at: datetime, timezone: str) -> date:
    return at.astimezone(ZoneInfo(timezone)).date()


def _end(day: date, timezone: str) -> datetime | None:
    """The last moment of a day in an IANA zone; None at the end of the calendar."""
    try:
        return start_of_day(day + timedelta(days=1), timezone) - timedelta(microseconds=1)
    except OverflowError:
        return None


def _bit(measure: MeasureFacts | None, at: datetime | None, on: date) -> bool:
    """Whether the measure stood against what was concluded at that moment, on the day as stated.

    A contract that its exemption takes for an old one was not new.
    """
    if measure is None:
        return False
    exempt = measure.scope.exempt_concluded_before
    if at is not None and exempt is not None and at < start_of_day(exempt.date, measure.timezone):
        return False
    try:
        day = _day(at, measure.timezone) if at else on
    except OverflowError:
        day = on
    announced = measure.announced_on is None or measure.announced_on <= day
    return announced and any(
        bite.from_on <= day and (bite.until_on is None or day <= bite.until_on)
        for bite in biting_days(measure.timeline)
    )


class _CallOffs:
    """Which call-offs the measures of their frameworks' flags hit by themselves: not every line of a framework is."""

    def __init__(self, reported: Sequence[_Reported], pinned: PinnedPolicies) -> None:
        self.policies = pinned.policy_set.asked("call_off")
        stored = Contract.objects.filter(id__in={one.id for one in reported})
        self.facts = {facts.reference: facts for facts in stored.facts()} if reported else {}
        self.hits: dict[str, set[str] | None] = {}

    def __call__(self, one: _Reported, measure: MeasureFacts | None) -> bool:
        if one.reference not in self.hits:
            self.hits[one.reference] = self._hits(one.reference)
        found = self.hits[one.reference]
        return found is None or measure is None or measure.name in found

    def _hits(self, reference: str) -> set[str] | None:
        """The names of the measures; None where there is no telling."""
        facts = self.facts[reference]
        try:
            verdicts = self.policies.screen([facts, replace(facts, reference=facts.framework or reference)])
        except DatabaseError:
            raise
        except Exception:  # it is set aside by the run, with its error
            return None
        return {verdict.measure for verdict in verdicts if verdict.kind == "no_new_contracts"}


def _without_told(found: Mapping[int, Sequence[Commitment]]) -> dict[int, list[Commitment]]:
    """What the flags' histories do not hold yet."""
    told: dict[int, set[tuple[str, ...]]] = {flag: set() for flag in found}
    events = FlagEvent.objects.filter(flag__in=found, kind=EventKind.CONCLUDED)
    for flag, stored in events.order_by("id").values_list("flag_id", "concluded"):
        told[flag] |= {Commitment.read(one).key for one in stored or ()}
    return {flag: new for flag, made in found.items() if (new := [one for one in made if one.key not in told[flag]])}


def _note(found: Mapping[int, Sequence[Commitment]], run: ScreeningRun) -> None:
    if not found:
        return
    rows = [json.dumps([one.stored() for one in made]) for made in found.values()]
    with connection.cursor() as cursor:
        cursor.execute(_NOTED, {"run": run.pk, "at": run.at, "flags": list(found), "concluded": rows})
    log.warning("concluded under open flags", run=run.pk, flags=len(found))
