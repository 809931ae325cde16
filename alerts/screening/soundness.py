"""Whether measures can be compiled, each for itself: one that cannot is set aside and takes no other with it."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from alerts.screening.answers import Answers
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from contracts.facts import AmendmentFacts, ContentPart, ContractFacts, LineFacts
from contracts.stage import Calendar
from policies.facts import CommodityEntry, MeasureFacts, Parties

PROBE_LINE = LineFacts(
    number=1,
    hs_code="280530",
    tariff_codes=(("CN", "2805301910"), ("JP", "280530000")),
    control_codes=("CN-DUAL:1C117",),
    elements=("Nd",),
    purity=Decimal("99.9"),
    content=(ContentPart("CN", Decimal("0.5")),),
    origin_country="CN",
    quantity=Decimal(1),
    unit_price=Decimal(1),
    delivered=Decimal(0),
    cancelled=Decimal(0),
)
PROBES = (
    ContractFacts(
        reference="probe",
        kind="purchase",
        supplier="probe",
        buyer="probe",
        end_user="probe",
        concluded_on=date(2020, 1, 1),
        renewal="evergreen",
        amendments=(AmendmentFacts(date(2021, 1, 1), True),),
        lines=(PROBE_LINE,),
    ),
    ContractFacts(reference="probe", kind="framework", supplier="probe", buyer="probe"),
)
"""Contracts that look a value up in every table: what cannot be evaluated fails on them."""


@dataclass(frozen=True, slots=True)
class Unsound:
    """A measure that cannot be compiled, and why."""

    measure: str
    error: str


def compile_sound(
    policies: Policies, now: Calendar, answers: Answers | None = None
) -> tuple[Policies, PolicySet, tuple[Unsound, ...]]:
    """The policies without the measures that cannot be compiled, compiled; and those measures.

    `answers` as for `compile_policies`.
    """
    unsound = {m.name: "; ".join(errors) for m in policies.measures if (errors := list(faults(m, policies.lists)))}
    sound = _without(policies, unsound)
    try:
        return sound, _tested(sound, now, answers), _listed(unsound)
    except Exception:  # whatever it is: find out whose it is
        for measure in sound.measures:
            if error := _failure(replace(sound, measures=[measure]), now, answers):
                unsound[measure.name] = error
    sound = _without(policies, unsound)
    return sound, _tested(sound, now, answers), _listed(unsound)


def faults(measure: MeasureFacts, lists: Container[str]) -> Iterator[str]:
    """Why nobody can say what the measure means: it is not screened for, and its flags stay as they are."""
    try:
        ZoneInfo(measure.timezone)
    except (ValueError, OSError, KeyError):  # malformed, a directory, not there
        yield f"the time zone {measure.timezone} is not known"
    for position, period in enumerate(measure.timeline):
        if period.until_on is not None and period.until_on < period.from_on:
            yield f"timeline/{position} ends on {period.until_on}, before it begins on {period.from_on}"
    scope = measure.scope
    for name, entries in (("commodities", scope.commodities), ("except_commodities", scope.except_commodities)):
        for position, entry in enumerate(entries):
            if entry == CommodityEntry():
                yield f"{name}/{position} states no facet"
    if scope.parties is not None:
        yield from _faults_of_parties(scope.parties, lists)


def contradictions(measure: MeasureFacts) -> Iterator[str]:
    """Why the measure can never hit anything: it does no harm, but nobody would publish it on purpose."""
    if not any(period.status == "in_force" for period in measure.timeline):
        yield "no period of the timeline is in force"
    scope = measure.scope
    if scope.commodities and set(scope.commodities) <= set(scope.except_commodities):
        yield "all its commodities are excepted"
    rule = scope.parties.affiliates if scope.parties else None
    if rule and (rule.min_percent > 100 or (rule.min_percent == 100 and rule.operator == "gt")):
        yield "nobody holds more than 100 percent"


def _faults_of_parties(parties: Parties, lists: Container[str]) -> Iterator[str]:
    if not parties.roles:
        yield "parties has no role"
    if not parties.lists and not parties.named:
        yield "parties has neither a list nor a name"
    for reference in parties.lists:
        if reference not in lists:
            yield f"the party list {reference} is not known"


def _tested(policies: Policies, now: Calendar, answers: Answers | None) -> PolicySet:
    policy_set = compile_policies(policies, now, answers)
    for probe in PROBES:
        policy_set.screen([probe])
    return policy_set


def _failure(policies: Policies, now: Calendar, answers: Answers | None) -> str | None:
    try:
        _tested(policies, now, answers)
    except Exception as error:  # of every kind: it is told, not handled
        return f"{type(error).__name__}: {error}"
    return None


def _without(policies: Policies, unsound: Container[str]) -> Policies:
    return replace(policies, measures=[measure for measure in policies.measures if measure.name not in unsound])


def _listed(unsound: dict[str, str]) -> tuple[Unsound, ...]:
    return tuple(Unsound(measure, error) for measure, error in sorted(unsound.items()))
