"""Facts not established on which a flag hangs, and values each may turn out to have.

A fact with few possible values has them all as options; one with many has examples, the smallest first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from zoneinfo import ZoneInfo

from alerts.screening.line_gaps import COUNTRIES, ChangedLine, goods_gaps, origin_gaps, quantity_gaps, spared_goods
from alerts.screening.policy_set import Policies
from alerts.screening.reasons import Json
from alerts.screening.verdicts import BIT, Verdict
from contracts.facts import AmendmentFacts, ContractFacts, EndUse, LineFacts, Renewal
from contracts.stage import Calendar, start_of_day
from policies.facts import MeasureFacts
from suppliers.facts import OrganizationFacts, OrganizationKind, Stake

CANDIDATES = 50
"""Organizations tried as the end user besides the buyer, the first in order of reference."""

GOODS = BIT["commodities"] | BIT["except_commodities"]
OWNERSHIP = BIT["supplier_controlled_by_state"] | BIT["parties"]
COUNTRY = BIT["supplier_countries"] | BIT["buyer_countries"] | BIT["supplier_controlled_by_state"]
LICENSABLE = GOODS | BIT["parties"]
"""What a licence reads, and so may decide although every criterion of the measure is certain: goods and parties."""

Organizations = Mapping[str, OrganizationFacts]


@dataclass(frozen=True, slots=True)
class Option:
    """A value a fact may turn out to have, and the contract and organizations if it does (None: those known)."""

    value: Json
    contract: ContractFacts
    organizations: Organizations | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact not established, by its path; `few` where the options are all there can be."""

    field: str
    few: bool
    options: list[Option]


def gaps(
    verdict: Verdict,
    contract: ContractFacts,
    measure: MeasureFacts,
    policies: Policies,
    now: Calendar,
    candidates: Iterable[str] = (),
) -> Iterator[Gap]:
    """The facts not established that a criterion in doubt reads; `candidates` for the end user besides the buyer."""
    doubt = 0
    for unknowns in verdict.unknowns:
        doubt |= unknowns
    if verdict.kind == "licence_required":
        doubt |= LICENSABLE
    for field, few, changed in _contract_gaps(doubt, contract, measure, now):
        yield Gap(field, few, [Option(value, other) for value, other in changed])
    if contract.end_user is None and doubt & BIT["parties"]:
        others = islice((one for one in candidates if one != contract.buyer), CANDIDATES)
        named = [contract.buyer, *others]
        yield Gap("end_user", False, [Option(ref, replace(contract, end_user=ref)) for ref in named])
    if len(verdict.lines) == 1:
        at = next(position for position, line in enumerate(contract.lines) if line.number == verdict.lines[0])
        line = contract.lines[at]
        for field, values in _line_gaps(doubt, line, contract, measure, policies):
            options = [Option(value, _with_line(contract, at, other)) for value, other in values]
            yield Gap(f"lines/{line.number}/{field}", False, options)
    today = now.at.astimezone(ZoneInfo(measure.timezone)).date()
    concerned = with_owners(parties(contract), policies.organizations)
    for facts in concerned.values():
        for field, few, changed_facts in _organization_gaps(doubt, facts, today):
            options = [Option(value, contract, {**concerned, facts.reference: other}) for value, other in changed_facts]
            yield Gap(f"organizations/{facts.reference}/{field}", few, options)


def parties(contract: ContractFacts) -> list[str]:
    return [contract.supplier, contract.buyer, *filter(None, [contract.end_user])]


def with_owners(references: Iterable[str], organizations: Organizations) -> dict[str, OrganizationFacts]:
    """The organizations and all who own them, through every tier, in order of reference."""
    pending = list(references)
    found: dict[str, OrganizationFacts] = {}
    while pending:
        reference = pending.pop()
        if reference not in found and reference in organizations:
            found[reference] = organizations[reference]
            pending.extend(stake.owner for stake in found[reference].owners)
    return dict(sorted(found.items()))


Changed = Iterable[tuple[Json, ContractFacts]]


def _contract_gaps(
    doubt: int, contract: ContractFacts, measure: MeasureFacts, now: Calendar
) -> Iterator[tuple[str, bool, Changed]]:
    if contract.destination_country is None and doubt & BIT["destination_countries"]:
        yield "destination_country", False, ((c, replace(contract, destination_country=c)) for c in COUNTRIES)
    if contract.end_use is None and doubt & BIT["end_uses"]:
        uses: tuple[EndUse, ...] = ("civil", "military")
        yield "end_use", True, [(use, replace(contract, end_use=use)) for use in uses]
    if doubt & BIT["renewal"]:
        yield from _renewal_gaps(contract, now)
    if doubt & BIT["exempt_concluded_before"]:
        yield from _exemption_gaps(contract, measure, now)


def _renewal_gaps(contract: ContractFacts, now: Calendar) -> Iterator[tuple[str, bool, Changed]]:
    if contract.renewal is None:
        kinds: tuple[Renewal, ...] = ("none", "option", "auto", "evergreen")
        yield "renewal", True, [(kind, replace(contract, renewal=kind)) for kind in kinds]
    if contract.renewal in ("option", "auto"):
        if contract.notice_days is None:
            yield "notice_days", False, [(0, replace(contract, notice_days=0))]
        if contract.expires_on is None:
            beyond = now.today + timedelta(days=now.renewal_horizon_days + (contract.notice_days or 0) + 1)
            yield "expires_on", False, [(beyond.isoformat(), replace(contract, expires_on=beyond))]


def _exemption_gaps(
    contract: ContractFacts, measure: MeasureFacts, now: Calendar
) -> Iterator[tuple[str, bool, Changed]]:
    if contract.concluded_on is not None:
        earliest = start_of_day(contract.concluded_on, contract.concluded_timezone or now.timezone)
        known = replace(contract, concluded_on=None, concluded_timezone=None, concluded_at=earliest)
        yield "concluded_at", False, [(earliest.isoformat(), known)]
    exemption = measure.scope.exempt_concluded_before
    for at, amendment in enumerate(contract.amendments):
        if amendment.increases_quantity_or_term is None:
            harmless = _amended(contract, at, replace(amendment, increases_quantity_or_term=False))
            harmful = _amended(contract, at, replace(amendment, increases_quantity_or_term=True))
            yield f"amendments/{at}/increases_quantity_or_term", True, [(False, harmless), (True, harmful)]
        if amendment.made_on is None and exemption and exemption.lost_by_amendment_after:
            day = exemption.lost_by_amendment_after
            in_time = _amended(contract, at, replace(amendment, made_on=day))
            yield f"amendments/{at}/made_on", False, [(day.isoformat(), in_time)]


def _amended(contract: ContractFacts, at: int, amendment: AmendmentFacts) -> ContractFacts:
    return replace(contract, amendments=(*contract.amendments[:at], amendment, *contract.amendments[at + 1 :]))


def _with_line(contract: ContractFacts, at: int, line: LineFacts) -> ContractFacts:
    return replace(contract, lines=(*contract.lines[:at], line, *contract.lines[at + 1 :]))


def _line_gaps(
    doubt: int, line: LineFacts, contract: ContractFacts, measure: MeasureFacts, policies: Policies
) -> Iterator[tuple[str, ChangedLine]]:
    if doubt & GOODS:
        yield from goods_gaps(line, measure, spared_goods(measure, policies.licences))
    if doubt & BIT["origin_countries"]:
        yield from origin_gaps(line)
    if doubt & BIT["open_quantity"]:
        yield from quantity_gaps(line, contract)


ChangedOrganization = Iterable[tuple[Json, OrganizationFacts]]


def _organization_gaps(
    doubt: int, facts: OrganizationFacts, today: date
) -> Iterator[tuple[str, bool, ChangedOrganization]]:
    """What would tell who controls the organization; of its owners those of the day, each of whom is one."""
    if facts.country is None and doubt & COUNTRY:
        yield "country", False, [(country, replace(facts, country=country)) for country in COUNTRIES]
    if not doubt & OWNERSHIP:
        return
    if facts.kind is None:
        kinds: tuple[OrganizationKind, ...] = ("company", "state_body", "person")
        yield "kind", True, [(kind, replace(facts, kind=kind)) for kind in kinds]
    if facts.owners_complete is not True:
        yield "owners_complete", True, [(True, replace(facts, owners_complete=True))]
    for at, stake in enumerate(facts.owners):
        if not stake.covers(today):
            continue
        if stake.percent is None:
            yield f"owners/{stake.owner}/percent", False, [("0", _held(facts, at, replace(stake, percent=Decimal(0))))]
        if stake.controls is None:
            known = [(answer, _held(facts, at, replace(stake, controls=answer))) for answer in (False, True)]
            yield f"owners/{stake.owner}/controls", True, known


def _held(facts: OrganizationFacts, at: int, stake: Stake) -> OrganizationFacts:
    return replace(facts, owners=(*facts.owners[:at], stake, *facts.owners[at + 1 :]))
