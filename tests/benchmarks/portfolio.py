"""An invented portfolio of any size, skewed as real ones are: few suppliers hold most lines, most codes few."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

from alerts.screening import Calendar, Policies
from contracts.facts import ContractFacts, ContractKind, EndUse, LineFacts, Renewal
from policies.facts import CommodityEntry, Effect, MeasureFacts, Parties, PartyListFacts, Period, Scope
from policies.facts import ListEntry as Entry
from suppliers.facts import OrganizationFacts, Stake

NOW = Calendar(datetime(2026, 1, 13, 0, 0, tzinfo=UTC), "Asia/Tokyo", 180)
TODAY = date(2026, 1, 13)
COUNTRIES = ("CN", "JP", "US", "DE", "KR", "TW", "VN", "AU", "CD", "ID")
ELEMENTS = ("Nd", "Pr", "Dy", "Tb", "Ga", "Ge", "Sb", "W", "Co", "Ni", "Sm", "Y")
LISTS = 5


def organizations(count: int, chance: random.Random) -> dict[str, OrganizationFacts]:
    """Four tiers: each organization may be owned by organizations of the tier above."""
    found: dict[str, OrganizationFacts] = {}
    tier = max(count // 4, 1)
    for number in range(count):
        owners: tuple[Stake, ...] = ()
        if number >= tier and chance.random() < 0.6:
            above = {number - tier, max(number - tier - chance.randrange(1, 50), 0)}
            controls = chance.choice((True, False, None, None))
            percents = (None, Decimal(20), Decimal(40), Decimal(50))
            owners = tuple(Stake(f"O-{owner}", chance.choice(percents), controls) for owner in above)
        found[f"O-{number}"] = OrganizationFacts(
            reference=f"O-{number}",
            country=chance.choice(COUNTRIES) if chance.random() < 0.95 else None,
            kind="state_body" if number < tier and chance.random() < 0.05 else "company",
            owners=owners,
            owners_complete=chance.choice((True, False, None)),
        )
    return found


def policies(measures: int, organization_count: int, chance: random.Random) -> Policies:
    """Measures with about six HS prefixes each, half of them narrowed by end use, control or parties."""
    known = organizations(organization_count, chance)
    lists = {
        f"LIST-{number}": PartyListFacts(
            f"LIST-{number}",
            "Asia/Shanghai",
            tuple(Entry(f"O-{chance.randrange(organization_count)}") for _ in range(20)),
        )
        for number in range(LISTS)
    }
    effects: tuple[Effect, ...] = get_args(Effect)[:4]
    found = []
    for number in range(measures):
        codes = tuple(sorted({_code(chance) for _ in range(chance.randrange(1, 13))}))
        elements = tuple(chance.sample(ELEMENTS, 3)) if chance.random() < 0.3 else ()
        narrowing = chance.randrange(4)
        begins = TODAY - timedelta(days=chance.randrange(-60, 900))
        timeline = [Period("in_force", begins)]
        if chance.random() < 0.2:
            timeline.append(Period("suspended", begins + timedelta(days=30), TODAY + timedelta(days=200)))
        found.append(
            MeasureFacts(
                change=f"CHANGE-{number // 3}",
                key=str(number),
                effect=chance.choice(effects),
                timezone=chance.choice(("Asia/Shanghai", "America/New_York", "Europe/Brussels")),
                timeline=tuple(timeline),
                formality="official",
                status="published",
                scope=Scope(
                    commodities=(CommodityEntry(hs=codes, elements=elements),),
                    origin_countries=(chance.choice(COUNTRIES),),
                    end_uses=("military",) if narrowing == 1 else (),
                    supplier_controlled_by_state="CN" if narrowing == 2 else None,
                    parties=Parties(("buyer", "end_user"), lists=(f"LIST-{number % LISTS}",))
                    if narrowing == 3
                    else None,
                ),
            )
        )
    return Policies(found, known, lists, [])


def contracts(count: int, organization_count: int, chance: random.Random) -> Iterator[ContractFacts]:
    """Two and a quarter lines each; about a quarter of them still live."""
    kinds: tuple[ContractKind, ...] = get_args(ContractKind)
    uses: tuple[EndUse | None, ...] = (*get_args(EndUse), None)
    renewals: tuple[Renewal | None, ...] = (*get_args(Renewal), None)
    for number in range(count):
        signed = TODAY - timedelta(days=chance.randrange(-30, 2500))
        concluded = None if chance.random() < 0.05 else signed
        yield ContractFacts(
            reference=f"C-{number}",
            kind=chance.choices(kinds, (80, 5, 15))[0],
            supplier=f"O-{int(organization_count * chance.random() ** 4)}",
            buyer=f"O-{int(40 * chance.random())}",
            end_user=f"O-{int(200 * chance.random())}" if chance.random() < 0.7 else None,
            destination_country=chance.choice(COUNTRIES),
            end_use=chance.choices(uses, (70, 10, 20))[0],
            negotiation=None if concluded else "negotiation",
            concluded_on=concluded,
            expires_on=signed + timedelta(days=chance.choice((365, 730, 1095))),
            renewal=chance.choices(renewals, (80, 5, 8, 2, 5))[0],
            notice_days=60,
            currency="JPY",
            lines=tuple(_line(10 * (line + 1), chance) for line in range(chance.choice((1, 1, 2, 2, 5)))),
        )


def _code(chance: random.Random) -> str:
    """Most codes few: the square of a uniform draw crowds the first headings."""
    return (
        f"{28 + int(60 * chance.random() ** 3):02d}{int(20 * chance.random() ** 2):02d}{10 * chance.randrange(1, 10)}"
    )


def _line(number: int, chance: random.Random) -> LineFacts:
    code = _code(chance)
    return LineFacts(
        number=number,
        hs_code=None if chance.random() < 0.05 else code[:4] if chance.random() < 0.1 else code,
        elements=None if chance.random() < 0.3 else (chance.choice(ELEMENTS),),
        control_codes=None if chance.random() < 0.4 else (),
        origin_country=chance.choice(COUNTRIES) if chance.random() < 0.9 else None,
        quantity=Decimal(100),
        unit_price=Decimal("12.50"),
        delivered=Decimal(chance.choice((0, 50, 100, 100, 100))),
        cancelled=Decimal(0),
        ship_until=TODAY + timedelta(days=chance.randrange(1, 400)) if chance.random() < 0.5 else None,
    )
