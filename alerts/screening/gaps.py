"""Facts not established on which a flag hangs, and values each may turn out to have.

A fact with few possible values has them all as options; one with many has examples, the smallest first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from alerts.screening.policy_set import Policies
from alerts.screening.reasons import Json
from alerts.screening.verdicts import BIT, Verdict
from contracts.facts import AmendmentFacts, ContentPart, ContractFacts, EndUse, LineFacts, Renewal
from contracts.stage import Calendar, start_of_day
from policies.facts import CommodityEntry, MeasureFacts
from suppliers.facts import OrganizationFacts, OrganizationKind, Stake

COUNTRIES = ("AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB")
"""Examples of countries; the smallest that is not in the measure's list is given."""
CHAPTERS = tuple(f"{chapter:02d}" for chapter in range(1, 98) if chapter != 77)
"""The chapters of the Harmonized System; 77 is reserved."""
SUBDIVISIONS = tuple(f"{number:02d}" for number in (*range(10, 100, 10), *range(11, 100)))
HS_DIGITS = 6
CANDIDATES = 50
"""Organizations tried as the end user."""

GOODS = BIT["commodities"] | BIT["except_commodities"]
OWNERSHIP = BIT["supplier_controlled_by_state"] | BIT["parties"]
COUNTRY = BIT["supplier_countries"] | BIT["buyer_countries"] | BIT["supplier_controlled_by_state"]
LICENSABLE = GOODS | BIT["parties"]
"""What a licence reads, and so may decide although every criterion of the measure is certain: goods and parties."""

Organizations = Mapping[str, OrganizationFacts]


@dataclass(frozen=True, slots=True)
class Option:
    """A value a fact may turn out to have, and the contract and organizations if it does."""

    value: Json
    contract: ContractFacts
    organizations: Organizations


@dataclass(frozen=True, slots=True)
class Gap:
    """A fact not established, by its path; `few` where the options are all there can be."""

    field: str
    few: bool
    options: Iterable[Option]


def gaps(
    verdict: Verdict, contract: ContractFacts, measure: MeasureFacts, policies: Policies, now: Calendar
) -> Iterator[Gap]:
    """The facts not established that a criterion in doubt reads."""
    doubt = 0
    for unknowns in verdict.unknowns:
        doubt |= unknowns
    if verdict.kind == "licence_required":
        doubt |= LICENSABLE
    concerned = _concerned(contract, policies.organizations)
    for field, few, changed in _contract_gaps(doubt, contract, measure, now):
        yield Gap(field, few, [Option(value, other, concerned) for value, other in changed])
    if contract.end_user is None and doubt & BIT["parties"]:
        yield Gap("end_user", False, _end_users(contract, policies.organizations))
    if len(verdict.lines) == 1:
        at = next(position for position, line in enumerate(contract.lines) if line.number == verdict.lines[0])
        line = contract.lines[at]
        for field, values in _line_gaps(doubt, line, contract, measure, policies):
            options = (Option(value, _with_line(contract, at, other), concerned) for value, other in values)
            yield Gap(f"lines/{line.number}/{field}", False, options)
    for facts in concerned.values():
        for field, few, changed_facts in _organization_gaps(doubt, facts):
            options = (Option(value, contract, {**concerned, facts.reference: other}) for value, other in changed_facts)
            yield Gap(f"organizations/{facts.reference}/{field}", few, options)


def _concerned(contract: ContractFacts, organizations: Organizations) -> dict[str, OrganizationFacts]:
    """The contract's organizations and all who own them, through every tier, in order of reference."""
    pending = [contract.supplier, contract.buyer, *filter(None, [contract.end_user])]
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


def _end_users(contract: ContractFacts, organizations: Organizations) -> Iterator[Option]:
    """The buyer itself first, then the other organizations in order of reference."""
    others = sorted(organizations.keys() - {contract.buyer})[:CANDIDATES]
    for reference in (contract.buyer, *others):
        named = replace(contract, end_user=reference)
        yield Option(reference, named, _concerned(named, organizations))


ChangedLine = Iterable[tuple[Json, LineFacts]]


def _with_line(contract: ContractFacts, at: int, line: LineFacts) -> ContractFacts:
    return replace(contract, lines=(*contract.lines[:at], line, *contract.lines[at + 1 :]))


def _line_gaps(
    doubt: int, line: LineFacts, contract: ContractFacts, measure: MeasureFacts, policies: Policies
) -> Iterator[tuple[str, ChangedLine]]:
    if doubt & GOODS:
        yield from _goods_gaps(line, measure, policies)
    if line.origin_country is None and doubt & BIT["origin_countries"]:
        yield "origin_country", [(country, replace(line, origin_country=country)) for country in COUNTRIES]
    if doubt & BIT["open_quantity"]:
        yield from _quantity_gaps(line, contract)


def _goods_gaps(line: LineFacts, measure: MeasureFacts, policies: Policies) -> Iterator[tuple[str, ChangedLine]]:
    """Goods that are not the measure's; and those it excepts or a licence covers."""
    spared = [
        *measure.scope.except_commodities,
        *(entry for licence in policies.licences for entry in licence.commodities),
    ]
    if line.hs_code is None or len(line.hs_code) < HS_DIGITS:
        yield "hs_code", ((code, replace(line, hs_code=code)) for code in _finer(line.hs_code, spared))
    for country in sorted({country for entry in measure.scope.commodities for country, _ in entry.tariff}):
        yield f"tariff_codes/{country}", _tariff_codes(line, country)
    if line.control_codes is None:
        held = sorted({code for entry in spared for code in entry.control_codes})
        yield "control_codes", ((list(codes), replace(line, control_codes=codes)) for codes in _none_or_one(held))
    if line.elements is None:
        symbols = sorted({symbol for entry in spared for symbol in entry.elements})
        yield "elements", ((list(held), replace(line, elements=held)) for held in _none_or_one(symbols))
    if line.purity is None:
        yield "purity", [(str(percent), replace(line, purity=Decimal(percent))) for percent in (0, 100)]
    if line.content is None:
        yield "content", [([], replace(line, content=()))]
    for at, part in enumerate(line.content or ()):
        if part.origin is None:
            yield f"content/{at}/origin", [(c, _composed(line, at, replace(part, origin=c))) for c in COUNTRIES]
        if part.value_share is None:
            yield f"content/{at}/value_share", [("0", _composed(line, at, replace(part, value_share=Decimal(0))))]


def _none_or_one(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    yield ()
    yield from ((value,) for value in values)


def _finer(code: str | None, spared: Iterable[CommodityEntry]) -> tuple[str, ...]:
    """HS codes that a code not established, or too coarse, may turn out to be; those spared first."""
    known = code or ""
    first = sorted({prefix for entry in spared for prefix in entry.hs if prefix != known and prefix.startswith(known)})
    return (*first, *(CHAPTERS if code is None else (code + subdivision for subdivision in SUBDIVISIONS)))


def _tariff_codes(line: LineFacts, country: str) -> Iterator[tuple[Json, LineFacts]]:
    others = tuple(pair for pair in line.tariff_codes if pair[0] != country)
    own = dict(line.tariff_codes).get(country)
    start = own or (line.hs_code or CHAPTERS[0]).ljust(HS_DIGITS, "0")
    for subdivision in ("00", *SUBDIVISIONS):
        code = start + subdivision
        yield code, replace(line, tariff_codes=tuple(sorted((*others, (country, code)))))


def _composed(line: LineFacts, at: int, part: ContentPart) -> LineFacts:
    content = line.content or ()
    return replace(line, content=(*content[:at], part, *content[at + 1 :]))


def _quantity_gaps(line: LineFacts, contract: ContractFacts) -> Iterator[tuple[str, ChangedLine]]:
    """What is delivered, cancelled or ordered so that nothing stays open."""
    delivered, cancelled = line.delivered or Decimal(0), line.cancelled or Decimal(0)
    if line.quantity is None:
        if contract.kind != "framework":
            done = delivered + cancelled
            yield "quantity", [(format(done, "f"), replace(line, quantity=done))]
        return
    if line.delivered is None:
        rest = max(line.quantity - cancelled, Decimal(0))
        yield "delivered", [(format(rest, "f"), replace(line, delivered=rest))]
    if line.cancelled is None:
        rest = max(line.quantity - delivered, Decimal(0))
        yield "cancelled", [(format(rest, "f"), replace(line, cancelled=rest))]


ChangedOrganization = Iterable[tuple[Json, OrganizationFacts]]


def _organization_gaps(doubt: int, facts: OrganizationFacts) -> Iterator[tuple[str, bool, ChangedOrganization]]:
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
        if stake.percent is None:
            yield f"owners/{stake.owner}/percent", False, [("0", _held(facts, at, replace(stake, percent=Decimal(0))))]
        if stake.controls is None:
            known = [(answer, _held(facts, at, replace(stake, controls=answer))) for answer in (False, True)]
            yield f"owners/{stake.owner}/controls", True, known


def _held(facts: OrganizationFacts, at: int, stake: Stake) -> OrganizationFacts:
    return replace(facts, owners=(*facts.owners[:at], stake, *facts.owners[at + 1 :]))
