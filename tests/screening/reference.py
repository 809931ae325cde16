"""The meaning of a flag, written slowly and obviously: sets by naive fixpoint, time by looking at every single day.

It shares nothing with the screening core but the facts it reads. Truth is Kleene's: True, False, or None for unknown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from alerts.screening import Calendar, Policies, Verdict
from contracts.facts import ContractFacts, LineFacts
from policies.facts import Affiliates, CommodityEntry, LicenceFacts, MeasureFacts, MinValueShare, Parties
from suppliers.facts import OrganizationFacts, Stake

Truth = bool | None
ONE_DAY = timedelta(days=1)
HUNDRED = Decimal(100)
NOT_ESTABLISHED = LineFacts(number=0)


@dataclass(frozen=True)
class Flag:
    """What one flag says; the amount of the exposure is in the contract's currency."""

    contract: str
    measure: str
    kind: str
    certainty: str
    basis: str
    lines: tuple[int, ...]
    act_by: date
    exposure: tuple[Decimal, str] | None


def as_flag(verdict: Verdict) -> Flag:
    """What the core says, in the reference's words."""
    money = verdict.exposure
    return Flag(
        verdict.contract,
        verdict.measure,
        verdict.kind,
        verdict.certainty,
        verdict.basis,
        verdict.lines,
        verdict.act_by,
        None if money is None else (money.amount, money.currency),
    )


# Kleene's logic


def all_of(truths: Iterable[Truth]) -> Truth:
    truths = list(truths)
    if any(truth is False for truth in truths):
        return False
    if any(truth is None for truth in truths):
        return None
    return True


def any_of(truths: Iterable[Truth]) -> Truth:
    return negation(all_of(negation(truth) for truth in truths))


def negation(truth: Truth) -> Truth:
    return None if truth is None else not truth


# Days and instants


def day_in(zone: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """When the day begins in the zone, in UTC, for Python compares two times of one zone by the wall clock."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def covers(first: date | None, last: date | None, day: date) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


# Who owns and controls whom


def owners_on(organization: OrganizationFacts, day: date) -> list[Stake]:
    return [stake for stake in organization.owners if covers(stake.from_on, stake.until_on, day)]


def state_control(organizations: Mapping[str, OrganizationFacts], state: str, day: date) -> tuple[set[str], set[str]]:
    """References certainly controlled by the state on the day, and those certainly not."""

    def certainly(organization: OrganizationFacts) -> bool:
        if organization.kind == "state_body" and organization.country == state:
            return True
        state_owners = [stake for stake in owners_on(organization, day) if stake.owner in controlled]
        if any(stake.controls is True for stake in state_owners):
            return True
        return sum((stake.percent for stake in state_owners if stake.percent is not None), Decimal(0)) > 50

    def certainly_not(organization: OrganizationFacts) -> bool:
        if organization.reference in controlled:
            return False
        if organization.kind == "person":
            return True
        if organization.kind == "state_body":
            return organization.country is not None and organization.country != state
        if organization.kind != "company" or organization.owners_complete is not True:
            return False
        may_be = [stake for stake in owners_on(organization, day) if stake.owner not in not_controlled]
        shares = [HUNDRED if stake.percent is None else stake.percent for stake in may_be]
        harmless = all(
            stake.controls is False or (stake.controls is None and share < 20)
            for stake, share in zip(may_be, shares, strict=True)
        )
        return sum(shares, Decimal(0)) <= 50 and harmless

    controlled: set[str] = set()
    grow(controlled, organizations, certainly)
    not_controlled: set[str] = set()
    grow(not_controlled, organizations, certainly_not)
    return controlled, not_controlled


def grow(
    members: set[str],
    organizations: Mapping[str, OrganizationFacts],
    belongs: Callable[[OrganizationFacts], bool],
) -> None:
    """Add to the set until the rule adds nothing more: the smallest set that satisfies it."""
    growing = True
    while growing:
        found = {
            reference
            for reference, organization in organizations.items()
            if reference not in members and belongs(organization)
        }
        members |= found
        growing = bool(found)


def affiliates(
    organizations: Mapping[str, OrganizationFacts], parties: set[str], rule: Affiliates, day: date
) -> tuple[set[str], set[str]]:
    """The parties with their affiliates, and the same where every null percentage is 100."""

    def reaches(percent: Decimal) -> bool:
        return percent >= rule.min_percent if rule.operator == "gte" else percent > rule.min_percent

    def closure(null_percent: Decimal) -> set[str]:
        def held(organization: OrganizationFacts) -> bool:
            holdings = [
                null_percent if stake.percent is None else stake.percent
                for stake in owners_on(organization, day)
                if stake.owner in members
            ]
            if rule.aggregate:
                return bool(holdings) and reaches(sum(holdings, Decimal(0)))
            return any(reaches(percent) for percent in holdings)

        members = set(parties)
        grow(members, organizations, held)
        return members

    return closure(Decimal(0)), closure(HUNDRED)


def listed_or_named(policies: Policies, parties: Parties, at: datetime) -> set[str]:
    found = set(parties.named)
    for reference in parties.lists:
        party_list = policies.lists[reference]
        today = day_in(party_list.timezone, at)
        found |= {entry.organization for entry in party_list.entries if covers(entry.from_on, entry.until_on, today)}
    return found


def parties_hold(policies: Policies, parties: Parties, contract: ContractFacts, at: datetime, today: date) -> Truth:
    listed = listed_or_named(policies, parties, at)
    rule = parties.affiliates or Affiliates(min_percent=Decimal(50), operator="gte", aggregate=True)
    certain, possible = affiliates(policies.organizations, listed, rule, today)

    def is_party(organization: str | None) -> Truth:
        if organization is None:
            return None
        if organization in listed:
            return True
        if parties.affiliates is not None and organization in certain:
            return True
        return None if organization in possible else False

    in_role = {"supplier": contract.supplier, "buyer": contract.buyer, "end_user": contract.end_user}
    return any_of(is_party(in_role[role]) for role in parties.roles)


# Commodities


def hs_matches(codes: Iterable[str], line: LineFacts) -> Truth:
    return any_of(prefix_matches(code, line.hs_code) for code in codes)


def prefix_matches(policy_code: str, line_code: str | None) -> Truth:
    if line_code is None:
        return None
    if line_code.startswith(policy_code):
        return True
    return None if policy_code.startswith(line_code) else False


def tariff_matches(tariff: Iterable[tuple[str, tuple[str, ...]]], line: LineFacts) -> Truth:
    def one(country: str, policy_code: str) -> Truth:
        for line_country, line_code in line.tariff_codes:
            if line_country == country:
                return prefix_matches(policy_code, line_code)
        if line.hs_code is None:
            return None
        international = policy_code[:6]
        disjoint = not line.hs_code.startswith(international) and not international.startswith(line.hs_code)
        return False if disjoint else None

    return any_of(one(country, code) for country, codes in tariff for code in codes)


def control_code_contains(outer: str, inner: str) -> bool:
    if ":" not in outer:
        return inner == outer or inner.startswith(outer + ":")
    return inner == outer or inner.startswith(outer + ".")


def control_codes_match(policy_codes: Iterable[str], line: LineFacts) -> Truth:
    def one(policy_code: str) -> Truth:
        if line.control_codes is None:
            return None
        if not line.control_codes:
            return False
        if any(control_code_contains(policy_code, code) for code in line.control_codes):
            return True
        if any(control_code_contains(code, policy_code) for code in line.control_codes):
            return None
        control_lists = {code.split(":")[0] for code in line.control_codes}
        return False if policy_code.split(":")[0] in control_lists else None

    return any_of(one(code) for code in policy_codes)


def elements_match(elements: Iterable[str], line: LineFacts) -> Truth:
    return None if line.elements is None else bool(set(elements) & set(line.elements))


def purity_reaches(min_purity: Decimal, line: LineFacts) -> Truth:
    return None if line.purity is None else line.purity >= min_purity


def value_share_reaches(minimum: MinValueShare, line: LineFacts) -> Truth:
    if line.content is None:
        return None
    at_least = at_most = Decimal(0)
    for part in line.content:
        if part.origin is not None and part.origin != minimum.origin:
            continue
        at_most += 1 if part.value_share is None else part.value_share
        if part.origin is not None and part.value_share is not None:
            at_least += part.value_share
    if at_least >= minimum.share:
        return True
    return None if at_most >= minimum.share else False


def entry_matches(entry: CommodityEntry, line: LineFacts) -> Truth:
    facets: list[Truth] = []
    if entry.hs:
        facets.append(hs_matches(entry.hs, line))
    if entry.tariff:
        facets.append(tariff_matches(entry.tariff, line))
    if entry.control_codes:
        facets.append(control_codes_match(entry.control_codes, line))
    if entry.elements:
        facets.append(elements_match(entry.elements, line))
    if entry.min_purity is not None:
        facets.append(purity_reaches(entry.min_purity, line))
    if entry.min_value_share is not None:
        facets.append(value_share_reaches(entry.min_value_share, line))
    return all_of(facets)


def commodities_match(entries: Iterable[CommodityEntry], line: LineFacts) -> Truth:
    return any_of(entry_matches(entry, line) for entry in entries)


# The timeline of a measure


def bites(measure: MeasureFacts, day: date) -> bool:
    covering = [period.status for period in measure.timeline if covers(period.from_on, period.until_on, day)]
    return "in_force" in covering and "suspended" not in covering


def confirmed(measure: MeasureFacts, day: date) -> bool:
    """Of a biting day: whether an in-force period that began after every suspension that has ended covers it."""
    ended = [
        period.until_on
        for period in measure.timeline
        if period.status == "suspended" and period.until_on is not None and period.until_on < day
    ]
    return all(
        any(
            period.status == "in_force" and covers(period.from_on, period.until_on, day) and period.from_on > last_day
            for period in measure.timeline
        )
        for last_day in ended
    )


# The contract: its stage, what is open on it, its renewal, its days


def is_concluded(contract: ContractFacts, calendar: Calendar) -> bool:
    if contract.concluded_at is not None:
        return contract.concluded_at.astimezone(UTC) <= calendar.at.astimezone(UTC)
    if contract.concluded_on is not None:
        return midnight(
            contract.concluded_on, contract.concluded_timezone or calendar.timezone
        ) <= calendar.at.astimezone(UTC)
    return False


def stage(contract: ContractFacts, calendar: Calendar) -> str:
    """One of completed, cancelled, terminated, not_concluded, terminating, concluded, expired, active."""
    today = day_in(calendar.timezone, calendar.at)
    if contract.closed_as is not None:
        return contract.closed_as
    if contract.terminated_on is not None and contract.terminated_on <= today:
        return "terminated"
    if not is_concluded(contract, calendar):
        return "not_concluded"
    if contract.termination_notice_on is not None and contract.termination_notice_on <= today:
        return "terminating"
    if contract.effective_on is not None and today < contract.effective_on:
        return "concluded"
    if contract.expires_on is not None and contract.expires_on < today:
        return "active" if contract.renewal in ("auto", "evergreen") else "expired"
    return "active"


def has_open_quantity(contract: ContractFacts, line: LineFacts) -> Truth:
    if line.quantity is None:
        return False if contract.kind == "framework" else None
    at_most_open = line.quantity - (line.delivered or 0) - (line.cancelled or 0)
    if at_most_open <= 0:
        return False
    return None if line.delivered is None or line.cancelled is None else True


def renewal_ahead(contract: ContractFacts, calendar: Calendar) -> Truth:
    if stage(contract, calendar) not in ("active", "concluded"):
        return False
    if contract.terminated_on is not None or contract.renewal == "none":
        return False
    if contract.renewal is None:
        return None
    if contract.renewal == "evergreen":
        return True
    if contract.expires_on is None:
        return None
    today = day_in(calendar.timezone, calendar.at)
    if contract.expires_on < today:  # and still active: it has renewed by itself
        return True
    horizon = timedelta(days=calendar.renewal_horizon_days)
    if contract.expires_on - horizon <= today:  # near the end already, however long the notice
        return True
    if contract.notice_days is None:
        return None
    return contract.expires_on - timedelta(days=contract.notice_days) - horizon <= today


def notice_deadline(contract: ContractFacts) -> date | None:
    if contract.expires_on is None or contract.notice_days is None:
        return None
    return contract.expires_on - timedelta(days=contract.notice_days)


@dataclass(frozen=True)
class Window:
    """The contract's days; last None = without end. Empty where the last day lies before the first."""

    first: date
    last: date | None


def delivering(contract: ContractFacts, line: LineFacts, today: date) -> Window:
    first = today if line.ship_from is None else max(today, line.ship_from)
    end = contract.expires_on if line.ship_until is None else line.ship_until
    if end is not None and end < today:
        end = None
    if end is not None and end < first:
        end = first
    return stopped_by_termination(Window(first, end), contract)


def signing(contract: ContractFacts, today: date) -> Window:
    past = contract.expires_on is not None and contract.expires_on < today
    return Window(today, None if past else contract.expires_on)


def calling_off(contract: ContractFacts, today: date) -> Window:
    return stopped_by_termination(signing(contract, today), contract)


def stopped_by_termination(window: Window, contract: ContractFacts) -> Window:
    if contract.terminated_on is None:
        return window
    last_possible = contract.terminated_on - ONE_DAY
    return Window(window.first, last_possible if window.last is None else min(window.last, last_possible))


# Grandfathering


def exempt(contract: ContractFacts, measure: MeasureFacts, calendar: Calendar) -> Truth:
    """Whether the contract was concluded before the cut-off and has not lost the exemption since."""
    rule = measure.scope.exempt_concluded_before
    assert rule is not None
    cut_off = midnight(rule.date, measure.timezone)
    before: Truth
    if not is_concluded(contract, calendar):
        before = False
    elif contract.concluded_at is not None:
        before = contract.concluded_at.astimezone(UTC) < cut_off
    else:
        assert contract.concluded_on is not None
        zone = contract.concluded_timezone or calendar.timezone
        if midnight(contract.concluded_on + ONE_DAY, zone) <= cut_off:
            before = True
        elif midnight(contract.concluded_on, zone) >= cut_off:
            before = False
        else:
            before = None
    if rule.lost_by_amendment_after is None:
        return before
    lost = any_of(
        all_of(
            [
                None if amendment.made_on is None else amendment.made_on > rule.lost_by_amendment_after,
                amendment.increases_quantity_or_term,
            ]
        )
        for amendment in contract.amendments
    )
    return all_of([before, negation(lost)])


def exemption_criterion(column: str, exemption: Truth, performed_by: date | None, day: date) -> Truth:
    if column != "live":
        return True
    if performed_by is not None and day > performed_by:
        return True
    return negation(exemption)


# Licences


def covered(
    policies: Policies, measure: MeasureFacts, contract: ContractFacts, line: LineFacts, window: Window
) -> bool:
    return any(licence_covers(licence, measure, contract, line, window) for licence in policies.licences)


def licence_covers(
    licence: LicenceFacts, measure: MeasureFacts, contract: ContractFacts, line: LineFacts, window: Window
) -> bool:
    return (
        (measure.change in licence.measures or f"{measure.change}/{measure.key}" in licence.measures)
        and licence.exporter == contract.supplier
        and (licence.consignee is None or licence.consignee == contract.buyer)
        and (licence.end_user is None or licence.end_user == contract.end_user)
        and commodities_match(licence.commodities, line) is True
        and licence.valid_until is not None
        and window.last is not None
        and covers(licence.valid_from, licence.valid_until, window.first)
        and covers(licence.valid_from, licence.valid_until, window.last)
    )


# From criteria to flags


def timeless_criteria(
    policies: Policies, measure: MeasureFacts, contract: ContractFacts, line: LineFacts, at: datetime, today: date
) -> Truth:
    """All stated criteria of the scope but the exemption, which alone depends on the day of the contract."""
    scope = measure.scope

    def one_of(countries: tuple[str, ...], country: str | None) -> Truth:
        return None if country is None else country in countries

    criteria: list[Truth] = []
    if scope.commodities:
        criteria.append(commodities_match(scope.commodities, line))
    if scope.except_commodities:
        criteria.append(negation(commodities_match(scope.except_commodities, line)))
    if scope.origin_countries:
        criteria.append(one_of(scope.origin_countries, line.origin_country))
    if scope.supplier_countries:
        criteria.append(one_of(scope.supplier_countries, policies.organizations[contract.supplier].country))
    if scope.buyer_countries:
        criteria.append(one_of(scope.buyer_countries, policies.organizations[contract.buyer].country))
    if scope.destination_countries:
        criteria.append(one_of(scope.destination_countries, contract.destination_country))
    if scope.end_uses:
        criteria.append(one_of(scope.end_uses, contract.end_use))
    if scope.supplier_controlled_by_state:
        yes, no = state_control(policies.organizations, scope.supplier_controlled_by_state, today)
        criteria.append(True if contract.supplier in yes else False if contract.supplier in no else None)
    if scope.parties is not None:
        criteria.append(parties_hold(policies, scope.parties, contract, at, today))
    if scope.contracts:
        criteria.append(contract.reference in scope.contracts)
    return all_of(criteria)


@dataclass(frozen=True)
class Column:
    """One way in which a measure meets a line: the flag it raises, on which days, and how certainly it applies."""

    name: str
    kind: str
    window: Window
    applies: Truth


NEW = "no_new_contracts"
STOP = "possible_termination"
LICENCE = "licence_required"
KINDS = {
    "ban": {"not_concluded": NEW, "live": STOP, "renewal": NEW, "framework": NEW},
    "new_contracts_refused": {"not_concluded": NEW, "renewal": NEW, "framework": NEW},
    "termination_considered": {"live": STOP},
    "licence_required": {"not_concluded": LICENCE, "live": LICENCE, "framework": LICENCE},
    "watch": {},
}


def columns(
    policies: Policies, measure: MeasureFacts, contract: ContractFacts, line: LineFacts, calendar: Calendar
) -> Iterator[Column]:
    today = day_in(measure.timezone, calendar.at)
    now = stage(contract, calendar)
    kinds = KINDS[measure.effect]
    possible: list[tuple[str, Window, Truth]] = []
    if now == "not_concluded":
        possible.append(("not_concluded", signing(contract, today), True))
    if now in ("concluded", "active", "terminating", "expired"):
        possible.append(("live", delivering(contract, line, today), has_open_quantity(contract, line)))
    ahead = renewal_ahead(contract, calendar)
    if measure.effect == "new_contracts_refused" and contract.renewal in ("option", "evergreen"):
        ahead = all_of([ahead, None])
    possible.append(("renewal", Window(today, None), ahead))
    if contract.kind == "framework" and now in ("concluded", "active"):
        possible.append(("framework", calling_off(contract, today), True))
    for name, window, applies in possible:
        if name not in kinds or applies is False:
            continue
        if measure.effect == "licence_required" and covered(policies, measure, contract, line, window):
            continue
        yield Column(name, kinds[name], window, applies)


def every_day(window: Window, measure: MeasureFacts) -> Iterator[date]:
    """The window's days, one after the other, to beyond every date after which nothing changes any more."""
    mentioned = [window.first]
    for period in measure.timeline:
        mentioned += [day for day in (period.from_on, period.until_on) if day is not None]
    rule = measure.scope.exempt_concluded_before
    if rule is not None and rule.performed_by is not None:
        mentioned.append(rule.performed_by)
    last = max(mentioned) + 3 * ONE_DAY
    if window.last is not None:
        last = min(last, window.last)
    day = window.first
    while day <= last:
        yield day
        day += ONE_DAY


@dataclass(frozen=True)
class Meeting:
    """A line is met: how certainly, on what basis, and by when somebody must act."""

    line: int | None
    certainty: str
    basis: str
    act_by: date


def meeting(
    line_number: int | None,
    column: Column,
    scope: Truth,
    measure: MeasureFacts,
    contract: ContractFacts,
    calendar: Calendar,
) -> Meeting | None:
    today = day_in(measure.timezone, calendar.at)
    rule = measure.scope.exempt_concluded_before
    exemption = exempt(contract, measure, calendar) if rule is not None else False
    performed_by = rule.performed_by if rule is not None else None
    met: list[date] = []
    matched = False
    for day in every_day(column.window, measure):
        if not bites(measure, day):
            continue
        truth = all_of([scope, column.applies, exemption_criterion(column.name, exemption, performed_by, day)])
        if truth is False:
            continue
        met.append(day)
        if truth is True and confirmed(measure, day):
            matched = True
    if not met:
        return None
    if any(confirmed(measure, day) for day in met):
        biting_today = bites(measure, today) and confirmed(measure, today)
        basis = "in_force" if biting_today else "announced"
        if measure.formality in ("reported", "oral"):
            basis = "reported"
    else:
        basis = "resumption_unconfirmed"
    act_by = met[0]
    if column.name == "renewal":
        business_day = day_in(calendar.timezone, calendar.at)
        deadline = notice_deadline(contract)
        act_by = business_day if deadline is None else max(deadline, business_day)
    return Meeting(line_number, "matched" if matched else "needs_review", basis, act_by)


STRONGEST_FIRST = ["in_force", "reported", "announced", "resumption_unconfirmed"]


def exposure(contract: ContractFacts, numbers: tuple[int, ...]) -> tuple[Decimal, str] | None:
    if contract.currency is None or not contract.lines:
        return None
    amount = Decimal(0)
    for line in contract.lines:
        if line.number not in numbers:
            continue
        if line.unit_price is None:
            return None
        if line.quantity is None or line.delivered is None or line.cancelled is None:
            return None
        amount += max(Decimal(0), line.quantity - line.delivered - line.cancelled) * line.unit_price
    return amount, contract.currency


def flags_of(policies: Policies, measure: MeasureFacts, contract: ContractFacts, calendar: Calendar) -> Iterator[Flag]:
    today = day_in(measure.timezone, calendar.at)
    if measure.status != "published":
        return
    if measure.announced_on is not None and today < measure.announced_on:
        return
    lines: list[tuple[int | None, LineFacts]] = [(line.number, line) for line in contract.lines]
    meetings: dict[str, list[Meeting]] = {}
    for number, line in lines or [(None, NOT_ESTABLISHED)]:
        scope = timeless_criteria(policies, measure, contract, line, calendar.at, today)
        for column in columns(policies, measure, contract, line, calendar):
            met = meeting(number, column, scope, measure, contract, calendar)
            if met is not None:
                meetings.setdefault(column.kind, []).append(met)
    for kind, all_met in meetings.items():
        certainty = "matched" if any(met.certainty == "matched" for met in all_met) else "needs_review"
        of_that_certainty = {met.line for met in all_met if met.certainty == certainty}
        chosen = [met for met in all_met if met.line in of_that_certainty]
        numbers = tuple(sorted(line for line in of_that_certainty if line is not None))
        yield Flag(
            contract=contract.reference,
            measure=f"{measure.change}/{measure.key}",
            kind=kind,
            certainty=certainty,
            basis=min((met.basis for met in chosen), key=STRONGEST_FIRST.index),
            lines=numbers,
            act_by=min(met.act_by for met in chosen),
            exposure=exposure(contract, numbers),
        )


def screen(policies: Policies, contracts: Iterable[ContractFacts], calendar: Calendar) -> list[Flag]:
    """Every flag that must be open at the calendar's instant, in order of contract, measure and kind."""
    found = [
        flag
        for contract in contracts
        for measure in policies.measures
        for flag in flags_of(policies, measure, contract, calendar)
    ]
    return sorted(found, key=lambda flag: (flag.contract, flag.measure, flag.kind))
