"""Small dense worlds: few organizations that own one another, few codes, days around one midnight, many nulls.

Everything is drawn from a `random.Random`, so that one generator serves Hypothesis, with shrinking and
without, and plain loops. The simplest choice comes first, for that is where shrinking goes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from alerts.screening import Calendar, Policies
from contracts.facts import AmendmentFacts, ContentPart, ContractFacts, LineFacts
from policies.facts import (
    ROLES,
    Affiliates,
    CommodityEntry,
    Effect,
    Grandfathering,
    LicenceFacts,
    ListEntry,
    MeasureFacts,
    MinValueShare,
    Parties,
    PartyListFacts,
    Period,
    Scope,
)
from suppliers.facts import OrganizationFacts, Stake

T = TypeVar("T")

ZONES = ("Asia/Tokyo", "Asia/Shanghai", "Europe/Brussels", "America/New_York", "Pacific/Kiritimati")
COUNTRIES = ("CN", "JP", "US")
# The day in the middle of a world with the zone that most of it lives in: an ordinary day, both changes of the clock in
# Brussels and in New York, a leap day, the first of March after a short February, a year's end.
BASES = (
    (date(2026, 3, 2), "Asia/Tokyo"),
    (date(2026, 3, 29), "Europe/Brussels"),
    (date(2026, 10, 25), "Europe/Brussels"),
    (date(2026, 3, 8), "America/New_York"),
    (date(2026, 11, 1), "America/New_York"),
    (date(2028, 2, 29), "Asia/Shanghai"),
    (date(2027, 3, 1), "Pacific/Kiritimati"),
    (date(2026, 12, 31), "Asia/Tokyo"),
)
SECONDS = (0, -1, 1, 3600, -3600, 12 * 3600, 5 * 3600, -9 * 3600)
HS = ("280530", "2805", "28", "284690", "2846", "850511", "8505", "85")
TARIFF = ("2805301910", "28053019", "2805301100", "280530", "2846901910", "8505", "8505111000")
CONTROL = (
    "CN-DUAL:1C117",
    "CN-DUAL:1C117.d",
    "CN-DUAL:1C1170",
    "CN-DUAL:1C117.d.1",
    "CN-DUAL",
    "US-CCL:3A001",
    "US-CCL",
    "CN-DUAL2:1C117",
)
ELEMENTS = ("Dy", "Nd", "Ga")
PURITIES = tuple(Decimal(text) for text in ("99.99", "99.9", "50"))
SHARES = tuple(Decimal(text) for text in ("0.001", "0.0006", "0.0004", "0", "1", "0.5"))
PERCENTS = tuple(
    Decimal(text) for text in ("50", "20", "30", "19.99", "50.01", "49.99", "100", "25", "60", "10", "5", "0")
)
QUANTITIES = tuple(Decimal(text) for text in ("100", "60", "40", "0"))

# What a world is about: the criteria its scopes state; None = each with a probability of its own.
THEMES: dict[str, tuple[str, ...] | None] = {
    "days": (),
    "everything": None,
    "control": ("control",),
    "parties": ("parties",),
    "commodities": ("commodities", "except"),
    "exemption": ("exemption",),
    "licence": (),
}


@dataclass(frozen=True)
class World:
    policies: Policies
    contracts: tuple[ContractFacts, ...]
    calendar: Calendar


class Draw:
    """Choices of one world."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.base, self.home = self.one_of(BASES)
        self.theme = self.one_of(tuple(THEMES))
        self.shifts = self.one_of(((0, 1, -1, 2, -2, 3, -3, 4, -4, 5, 7, -7, 9, -12, 12), (0, 1, -1, 2, -2)))

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.random.randrange(len(options))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) >= 100 - percent

    def some(self, options: Sequence[T], most: int = 3) -> tuple[T, ...]:
        """One to `most` different ones."""
        count = 1 + self.random.randrange(most)
        return tuple(dict.fromkeys(self.one_of(options) for _ in range(count)))

    def maybe(self, options: Sequence[T], null: int = 25) -> T | None:
        return None if self.chance(null) else self.one_of(options)

    def day(self) -> date:
        return self.base + timedelta(days=self.one_of(self.shifts))

    def maybe_day(self, null: int = 40) -> date | None:
        return None if self.chance(null) else self.day()

    def span(self, null: int = 40) -> tuple[date | None, date | None]:
        first, last = self.maybe_day(null), self.maybe_day(null)
        return (last, first) if first is not None and last is not None and last < first else (first, last)

    def instant(self) -> datetime:
        midnight = datetime.combine(self.day(), time(), tzinfo=ZoneInfo(self.zone()))
        exact = midnight.astimezone(UTC) + timedelta(seconds=self.one_of(SECONDS))
        return exact.astimezone(ZoneInfo(self.zone()))

    def zone(self) -> str:
        return self.home if self.chance(50) else self.one_of(ZONES)

    def maybe_zone(self) -> str | None:
        return None if self.chance(25) else self.zone()

    # organizations

    def organizations(self) -> dict[str, OrganizationFacts]:
        about_owners = self.theme in ("control", "parties")
        references = tuple(f"O{index}" for index in range((4 if about_owners else 2) + self.random.randrange(4)))
        organizations = [self.organization(reference, references) for reference in references]
        if about_owners:  # the two that sell are companies, and there is a state and a person to own them
            organizations[0] = replace(organizations[0], kind="company")
            organizations[1] = replace(organizations[1], kind="company")
            organizations[2] = replace(organizations[2], kind="state_body", country="CN")
            if self.chance(50):
                organizations[3] = replace(organizations[3], kind="person")
        return {organization.reference: organization for organization in organizations}

    def organization(self, reference: str, references: Sequence[str]) -> OrganizationFacts:
        kind = self.maybe(("company", "company", "company", "state_body", "person"), null=8)
        stakes: list[Stake] = []
        for _ in range(self.random.randrange(6) if kind in ("company", None) or self.chance(10) else 0):
            first, last = (None, None) if self.chance(65) else self.span()
            controls = self.one_of((None, None, True, False, False))
            stake = Stake(self.one_of(references), self.maybe(PERCENTS, null=12), controls, first, last)
            if legal_owners([*stakes, stake]):
                stakes.append(stake)
        complete = self.one_of((True, True, True, True, None, False))
        return OrganizationFacts(reference, self.maybe(COUNTRIES, null=15), kind, tuple(stakes), complete)

    # policies

    def policies(self, organizations: dict[str, OrganizationFacts]) -> Policies:
        references = tuple(organizations)
        lists = {
            reference: PartyListFacts(
                reference,
                self.zone(),
                tuple(
                    ListEntry(self.one_of(references), *((None, None) if self.chance(40) else self.span()))
                    for _ in range(self.random.randrange(3))
                ),
            )
            for reference in ("L1", "L2")
        }
        measures = [
            measure
            for change in range(1 + self.random.randrange(3))
            for measure in self.change(f"P{change}", references)
        ]
        licences = [self.licence(f"X{index}", references, measures) for index in range(self.random.randrange(4))]
        return Policies(measures=measures, organizations=organizations, lists=lists, licences=licences)

    def change(self, reference: str, organizations: Sequence[str]) -> list[MeasureFacts]:
        zone = self.zone()
        formality = self.one_of(("official", "official", "reported", "oral", None))
        status = self.one_of(("published",) * 12 + ("draft", "withdrawn", None))
        announced_on = None if self.chance(70) else self.day()
        return [
            MeasureFacts(
                change=reference,
                key=str(key),
                effect=self.one_of(
                    (
                        "ban",
                        "ban",
                        "new_contracts_refused",
                        "termination_considered",
                        "licence_required",
                        "licence_required",
                        "watch",
                    )
                ),
                timezone=zone,
                timeline=self.timeline(),
                formality=formality,
                status=status,
                announced_on=announced_on,
                scope=self.scope(organizations),
            )
            for key in range(1 + self.random.randrange(2))
        ]

    def effect(self) -> Effect:
        if self.theme == "licence":
            return "licence_required"
        if self.theme == "exemption" and self.chance(70):
            return "termination_considered"
        effects: tuple[Effect, ...] = (
            "ban",
            "ban",
            "new_contracts_refused",
            "new_contracts_refused",
            "termination_considered",
            "licence_required",
            "licence_required",
        )
        return "watch" if self.chance(3) else self.one_of(effects)

    def timeline(self) -> tuple[Period, ...]:
        periods = [self.period("in_force")]
        for _ in range(self.one_of((0, 0, 1, 2, 3))):
            periods.append(self.period(self.one_of(("suspended", "suspended", "in_force"))))
        return tuple(periods)

    def period(self, status: str) -> Period:
        first, last = self.day(), self.maybe_day(60 if status == "in_force" else 15)
        if last is not None and last < first:
            first, last = last, first
        return Period(status, first, last)

    def scope(self, organizations: Sequence[str]) -> Scope:
        stated = THEMES[self.theme]

        def states(criterion: str, percent: int) -> bool:
            return self.chance(percent) if stated is None else criterion in stated

        return Scope(
            commodities=self.entries() if states("commodities", 45) else (),
            except_commodities=self.entries() if states("except", 15) and self.chance(50) else (),
            origin_countries=self.some(COUNTRIES) if states("origin", 15) else (),
            supplier_countries=self.some(COUNTRIES) if states("supplier", 12) else (),
            buyer_countries=self.some(COUNTRIES) if states("buyer", 12) else (),
            destination_countries=self.some(COUNTRIES) if states("destination", 12) else (),
            end_uses=("military",) if states("end_use", 12) else (),
            supplier_controlled_by_state=self.one_of(("CN", "CN", "JP")) if states("control", 35) else None,
            parties=self.parties(organizations) if states("parties", 35) else None,
            contracts=self.some(("C0", "C1", "C2"), 2) if states("contracts", 6) else (),
            exempt_concluded_before=self.grandfathering() if states("exemption", 35) else None,
        )

    def parties(self, organizations: Sequence[str]) -> Parties:
        lists = self.some(("L1", "L2"), 2) if self.chance(60) else ()
        named = self.some(organizations, 2) if not lists or self.chance(30) else ()
        affiliates = None
        if self.chance(70):
            percent = self.one_of(tuple(Decimal(text) for text in ("50", "25", "49.99", "50.01", "100")))
            affiliates = Affiliates(percent, self.one_of(("gte", "gt")), self.chance(50))
        return Parties(self.some(ROLES), lists, named, affiliates)

    def grandfathering(self) -> Grandfathering:
        return Grandfathering(self.day(), self.maybe_day(50), self.maybe_day(40))

    def entries(self) -> tuple[CommodityEntry, ...]:
        return tuple(self.entry() for _ in range(1 + self.random.randrange(2)))

    def entry(self) -> CommodityEntry:
        facets = self.some(("hs", "tariff", "control_codes", "elements", "min_purity", "min_value_share"), 2)
        share = MinValueShare(self.one_of(SHARES), self.one_of(("CN", "JP")))
        tariff = {country: self.some(TARIFF) for country in self.some(("CN", "JP"), 2)} if "tariff" in facets else {}
        return CommodityEntry(
            hs=self.some(HS) if "hs" in facets else (),
            tariff=tuple(sorted(tariff.items())),
            control_codes=self.some(CONTROL) if "control_codes" in facets else (),
            elements=self.some(ELEMENTS) if "elements" in facets else (),
            min_purity=self.one_of(PURITIES) if "min_purity" in facets else None,
            min_value_share=share if "min_value_share" in facets else None,
        )

    def licence(self, reference: str, organizations: Sequence[str], measures: Sequence[MeasureFacts]) -> LicenceFacts:
        measure = self.one_of(measures)
        first, last = self.span(20)
        if first is not None and self.chance(70):
            first -= timedelta(days=7)
        return LicenceFacts(
            reference,
            exporter=self.one_of(organizations[:2]),
            consignee=None if self.chance(75) else self.one_of(organizations),
            end_user=None if self.chance(75) else self.one_of(organizations),
            measures=() if self.chance(5) else (self.one_of((measure.change, measure.name, measure.change + "/9")),),
            commodities=() if self.chance(5) else self.licensed_goods(),
            valid_from=first,
            valid_until=last,
        )

    def licensed_goods(self) -> tuple[CommodityEntry, ...]:
        if self.theme == "licence":  # goods that most lines certainly are
            return (CommodityEntry(hs=("28", "85")), self.entry())
        return self.entries()

    # contracts

    def contract(self, reference: str, organizations: Sequence[str]) -> ContractFacts:
        concluded = self.one_of(("on", "on", "on", "at", "at", "no"))
        earlier = timedelta(days=self.one_of((0, 0, 12, 30)))
        effective_on, expires_on = self.span(35)
        notice_on, terminated_on = self.span(40) if self.chance(30) else (None, None)
        kind = self.one_of(("purchase", "purchase", "framework", "call_off"))
        return ContractFacts(
            reference=reference,
            kind=kind,
            supplier=self.one_of(organizations[:2]),
            buyer=self.one_of(organizations),
            end_user=self.maybe(organizations, null=40),
            destination_country=self.maybe(COUNTRIES),
            end_use=self.maybe(("military", "civil"), null=30),
            negotiation=self.maybe(("negotiation", "draft", "pending_signature")),
            concluded_at=self.instant() - earlier if concluded == "at" else None,
            concluded_on=self.day() - earlier if concluded == "on" else None,
            concluded_timezone=self.maybe_zone() if concluded == "on" else None,
            effective_on=None if self.chance(60) else effective_on,
            expires_on=expires_on,
            termination_notice_on=notice_on,
            terminated_on=terminated_on,
            closed_as=self.one_of(("completed", "cancelled")) if self.chance(4) else None,
            renewal=self.one_of(("none", "auto", "option", "evergreen", None)),
            notice_days=self.maybe((3, 0, 1, 5, 10), null=30),
            currency=self.maybe(("JPY",), null=10),
            amendments=tuple(
                AmendmentFacts(self.maybe_day(25), self.one_of((True, False, None)))
                for _ in range(self.random.randrange(3))
            ),
            lines=tuple(self.line(10 * (index + 1)) for index in range(self.one_of((1, 1, 2, 3, 0)))),
        )

    def line(self, number: int) -> LineFacts:
        ship_from, ship_until = (None, None) if self.chance(40) else self.span()
        return LineFacts(
            number=number,
            hs_code=self.maybe(HS),
            tariff_codes=tuple(sorted({country: self.one_of(TARIFF) for country in self.some(("CN", "JP"), 2)}.items()))
            if self.chance(50)
            else (),
            control_codes=None if self.chance(25) else () if self.chance(20) else self.some(CONTROL, 2),
            elements=None if self.chance(25) else () if self.chance(20) else self.some(ELEMENTS, 2),
            purity=self.maybe((*PURITIES, Decimal("99.8"))),
            content=None if self.chance(25) else self.content(),
            origin_country=self.maybe(COUNTRIES),
            quantity=self.maybe((Decimal(100), *QUANTITIES), null=15),
            unit_price=self.maybe((Decimal("2.5"), Decimal("0.0333"), Decimal(0)), null=20),
            delivered=self.maybe((Decimal(0), Decimal(0), Decimal(0), *QUANTITIES), null=15),
            cancelled=self.maybe((Decimal(0), Decimal(0), Decimal(0), *QUANTITIES), null=15),
            ship_from=ship_from,
            ship_until=ship_until,
        )

    def content(self) -> tuple[ContentPart, ...]:
        return tuple(
            ContentPart(self.maybe(("CN", "JP"), null=20), self.maybe(SHARES, null=20))
            for _ in range(self.random.randrange(4))
        )

    def calendar(self) -> Calendar:
        return Calendar(self.instant(), self.zone(), self.one_of((5, 0, 3, 180)))

    def world(self) -> World:
        organizations = self.organizations()
        policies = self.policies(organizations)
        contracts = tuple(
            self.contract(f"C{index}", tuple(organizations)) for index in range(1 + self.random.randrange(4))
        )
        return World(policies, contracts, self.calendar())


def legal_owners(stakes: Sequence[Stake]) -> bool:
    """One owner at most once on any day, and at most 100 % held on any day."""
    edges = {date.min} | {stake.from_on for stake in stakes if stake.from_on is not None}
    for day in edges:
        held = [
            stake
            for stake in stakes
            if (stake.from_on or date.min) <= day and (stake.until_on is None or day <= stake.until_on)
        ]
        if len({stake.owner for stake in held}) < len(held):
            return False
        if sum((stake.percent for stake in held if stake.percent is not None), Decimal(0)) > 100:
            return False
    return True


# Drawn choice by choice a world shrinks to a small one, but takes six times as long as from a seed.
SHRINKING = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
randoms = st.randoms(use_true_random=not SHRINKING)


def worlds() -> st.SearchStrategy[World]:
    return randoms.map(lambda random: Draw(random).world())
