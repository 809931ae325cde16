"""The world in which the benchmark's contracts stand: organizations in four tiers, goods, lists, measures, licences.

Everything is invented, follows from the seed alone, and is skewed as real portfolios are: most codes are few.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from contracts.facts import ContentPart
from contracts.stage import Calendar
from policies.facts import (
    Affiliates,
    CommodityEntry,
    Effect,
    Grandfathering,
    LicenceFacts,
    MeasureFacts,
    MinValueShare,
    Parties,
    PartyListFacts,
    Period,
    Scope,
)
from policies.facts import ListEntry as Entry
from suppliers.facts import OrganizationFacts, Stake

SEED = 2026
NOW = Calendar(datetime(2026, 1, 13, 6, 0, tzinfo=UTC), "Asia/Tokyo", 180)
TODAY = date(2026, 1, 13)
COUNTRIES = ("CN", "JP", "US", "DE", "KR", "TW", "VN", "AU", "CD", "ID")
ELEMENTS = ("Nd", "Pr", "Dy", "Tb", "Ga", "Ge", "Sb", "W", "Co", "Ni", "Sm", "Y")
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Brussels")
EFFECTS: tuple[Effect, ...] = ("ban", "new_contracts_refused", "termination_considered", "licence_required")
CONTROL_CODES = ("CN-DUAL:1C902", "CN-DUAL:1C905.a", "EU-DUAL:1C117.d", "US-CCL:3A001")
LISTS = 5
GOODS = 3_000
TIERS = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is of everything. Below a tenth of a million contracts the rest shrinks with them."""

    contracts: int
    suppliers: int
    measures: int
    owners: int
    buyers: int = 40
    end_users: int = 200
    departments: int = 40

    @property
    def trial(self) -> bool:
        """Too small for figures that mean anything: then everything is done once, to see that it can be done."""
        return self.contracts < 10_000

    @classmethod
    def at(cls, scale: float) -> "Size":
        """The size at a scale, of which 1 is a million contracts."""
        part = min(1.0, 10 * scale)
        return cls(
            contracts=max(round(1_000_000 * scale), 100),
            suppliers=max(round(20_000 * part), 100),
            measures=max(round(500 * part), 20),
            owners=max(round(2_000 * part), 20),
        )


@dataclass(frozen=True, slots=True)
class Good:
    """Something that is traded: what its lines say of it, and what a unit of it costs."""

    description: str
    hs_code: str | None
    tariff_codes: tuple[tuple[str, str], ...]
    control_codes: tuple[str, ...] | None
    elements: tuple[str, ...] | None
    purity: Decimal | None
    content: tuple[ContentPart, ...] | None
    unit_price: Decimal


def goods() -> list[Good]:
    """The catalogue; the first are those most traded."""
    chance = random.Random(SEED)
    return [_good(number, chance) for number in range(GOODS)]


def _good(number: int, chance: random.Random) -> Good:
    code = f"{28 + int(60 * chance.random() ** 2):02d}{1 + int(20 * chance.random()):02d}{10 * chance.randrange(1, 10)}"
    controlled = chance.random()
    return Good(
        description=f"Invented material no. {number} for industrial use, in drums of 25 kg",
        hs_code=None if chance.random() < 0.002 else code[:4] if chance.random() < 0.05 else code,
        tariff_codes=(("CN", f"{code}{chance.randrange(1000, 9999)}"),) if chance.random() < 0.3 else (),
        control_codes=None if controlled < 0.4 else () if controlled < 0.9 else (chance.choice(CONTROL_CODES),),
        elements=None if chance.random() < 0.2 else tuple(sorted(chance.sample(ELEMENTS, chance.choice((0, 1, 1, 2))))),
        purity=None if chance.random() < 0.5 else Decimal(chance.choice(("95", "99", "99.9", "99.99"))),
        content=None if chance.random() < 0.8 else (ContentPart("CN", Decimal(chance.choice(("0", "0.05", "0.4")))),),
        unit_price=Decimal(chance.randrange(100, 100_000)) / 100,
    )


def supplier(number: int) -> str:
    return f"O-{number}"


def buyer(number: int) -> str:
    return f"B-{number}"


def end_user(number: int) -> str:
    return f"U-{number}"


def organizations(size: Size) -> dict[str, OrganizationFacts]:
    """Suppliers in four tiers, each owned, if at all, by organizations of the tier above; buyers and end users."""
    chance = random.Random(SEED + 1)
    tier = max(size.suppliers // TIERS, 1)
    found = {supplier(number): _supplier(number, tier, chance) for number in range(size.suppliers)}
    for name, count in ((buyer, size.buyers), (end_user, size.end_users)):
        for number in range(count):
            reference, country = name(number), "JP" if name is buyer else chance.choice(COUNTRIES)
            found[reference] = OrganizationFacts(reference, country, "company", owners_complete=True)
    return found


def _supplier(number: int, tier: int, chance: random.Random) -> OrganizationFacts:
    owners: tuple[Stake, ...] = ()
    if number >= tier and chance.random() < 0.6:
        above = sorted({number - tier, max(number - tier - chance.randrange(1, 50), 0)})
        controls = chance.choice((True, False, None, None))
        percents = (None, Decimal(20), Decimal(40), Decimal(50))
        owners = tuple(Stake(supplier(owner), chance.choice(percents), controls) for owner in above)
    return OrganizationFacts(
        reference=supplier(number),
        country=chance.choice(COUNTRIES) if chance.random() < 0.97 else None,
        kind="state_body" if number < tier and chance.random() < 0.05 else "company",
        owners=owners,
        owners_complete=chance.choice((True, True, False, None)),
    )


def lists(size: Size) -> dict[str, PartyListFacts]:
    chance = random.Random(SEED + 2)
    return {
        f"LIST-{number}": PartyListFacts(
            f"LIST-{number}",
            "Asia/Shanghai",
            tuple(
                Entry(supplier(listed), TODAY - timedelta(days=400))
                for listed in sorted(chance.sample(range(size.suppliers), 20))
            ),
        )
        for number in range(LISTS)
    }


def measures(size: Size) -> list[MeasureFacts]:
    """Published measures of about six HS prefixes each; three of four are narrowed by end use, control or parties."""
    chance = random.Random(SEED + 3)
    codes = list(dict.fromkeys(good.hs_code for good in goods() if good.hs_code))
    return [_measure(number, codes, chance) for number in range(size.measures)]


def _measure(number: int, codes: list[str], chance: random.Random) -> MeasureFacts:
    begins = TODAY - timedelta(days=chance.randrange(-60, 900))
    timeline = [Period("in_force", begins)]
    if chance.random() < 0.2:
        timeline.append(Period("suspended", begins + timedelta(days=30), TODAY + timedelta(days=200)))
    # From the whole catalogue rather than from what is traded most, but somewhat nearer to that.
    wanted = {codes[int(len(codes) * chance.random() ** 2)] for _ in range(chance.randrange(1, 13))}
    prefixes = {code[: chance.choice((4, 6, 6))] for code in sorted(wanted)}
    narrowing = number % 4
    change = f"CHANGE-{number // 3}"
    return MeasureFacts(
        change=change,
        key=str(number % 3 + 1),
        effect=chance.choice(EFFECTS),
        timezone=ZONES[number // 3 % len(ZONES)],
        timeline=tuple(timeline),
        formality="official",
        status="published",
        scope=Scope(
            commodities=(_entry(number, tuple(sorted(prefixes)), chance),),
            origin_countries=tuple(sorted(chance.sample(COUNTRIES, 3))),
            end_uses=("military",) if narrowing == 1 else (),
            supplier_controlled_by_state="CN" if narrowing == 2 else None,
            parties=_parties(number) if narrowing == 3 else None,
            exempt_concluded_before=Grandfathering(begins) if chance.random() < 0.2 else None,
        ),
    )


def _entry(number: int, prefixes: tuple[str, ...], chance: random.Random) -> CommodityEntry:
    return CommodityEntry(
        hs=prefixes,
        elements=tuple(sorted(chance.sample(ELEMENTS, 3))) if chance.random() < 0.3 else (),
        min_purity=Decimal("99.9") if number % 20 == 0 else None,
        min_value_share=MinValueShare(Decimal("0.01"), "CN") if number % 25 == 0 else None,
    )


def _parties(number: int) -> Parties:
    rule = Affiliates(Decimal(50), "gte", True) if number % 8 == 3 else None
    return Parties(("supplier", "end_user"), lists=(f"LIST-{number % LISTS}",), affiliates=rule)


def draft() -> MeasureFacts:
    """A draft that hits so many contracts that about 220,000 flags open of a million contracts."""
    return MeasureFacts(
        change="DRAFT",
        key="1",
        effect="ban",
        timezone="Asia/Shanghai",
        timeline=(Period("in_force", TODAY - timedelta(days=1)),),
        formality="official",
        status="draft",
        scope=Scope(commodities=(CommodityEntry(hs=DRAFT_CHAPTERS),), origin_countries=DRAFT_ORIGINS),
    )


DRAFT_CHAPTERS = tuple(str(chapter) for chapter in range(28, 67))
DRAFT_ORIGINS = COUNTRIES[:8]


def licences(size: Size, known: list[MeasureFacts]) -> list[LicenceFacts]:
    """A licence or two for each of the measures that require one."""
    chance = random.Random(SEED + 4)
    return [
        LicenceFacts(
            reference=f"LICENCE-{number}",
            exporter=supplier(int(size.suppliers * chance.random() ** 3)),
            measures=(measure.name,),
            commodities=(CommodityEntry(hs=measure.scope.commodities[0].hs),),
            valid_from=TODAY - timedelta(days=300),
            valid_until=TODAY + timedelta(days=chance.randrange(30, 700)),
        )
        for number, measure in enumerate(m for m in known if m.effect == "licence_required")
    ]


def countries(known: Mapping[str, OrganizationFacts], size: Size) -> list[str | None]:
    """The country of each supplier, by number."""
    return [known[supplier(number)].country for number in range(size.suppliers)]
