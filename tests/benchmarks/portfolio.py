"""Contracts of any number, a million as well as ten: the same seed gives the same ones, block by block.

They are skewed as real ones are: few suppliers hold most lines, few goods make most of them, most contracts are over.
About a quarter of the lines belong to contracts that are still live.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from contracts.facts import AmendmentFacts, ContractFacts, LineFacts
from tests.benchmarks.world import (
    COUNTRIES,
    SEED,
    TODAY,
    Good,
    Size,
    buyer,
    countries,
    end_user,
    goods,
    organizations,
    supplier,
)

BLOCK = 10_000
"""Contracts drawn together; the last block of a portfolio may be cut short."""
STATES = ("completed", "cancelled", "terminated", "active", "expired", "terminating", "concluded", "negotiated")
SHARES = (0.675, 0.02, 0.025, 0.22, 0.015, 0.01, 0.01, 0.025)
LIVE = ("active", "expired", "terminating", "concluded")
KINDS = ("purchase", "framework", "call_off")
RENEWALS = ("none", "option", "auto", "evergreen", None)
END_USES = ("civil", "military", None)
NEGOTIATIONS = ("draft", "negotiation", "pending_signature")
LINES, OF_LINES = (1, 2, 3, 4, 6, 10), (0.46, 0.26, 0.13, 0.07, 0.05, 0.03)
QUANTITIES = [Decimal(number) for number in (1, 5, 20, 100, 250, 1000, 5000, 20000)]
DELIVERED = (Decimal(0), Decimal("0.5"), Decimal(1), None)
NOTHING = Decimal(0)


class Held(NamedTuple):
    """A contract as somebody holds it: what screening knows of it, the goods of its lines, whose it is (by number)."""

    facts: ContractFacts
    goods: tuple[Good, ...]
    owner: int | None
    department: int | None


def contract(number: int) -> str:
    """The reference: in order of number."""
    return f"C-{number:08d}"


class Portfolio:
    """The contracts of a size, in order of reference."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._goods = goods()
        self._countries = countries(organizations(size), size)

    def __iter__(self) -> Iterator[Held]:
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[Held]]:
        """The contracts, at most BLOCK at a time."""
        for first in range(0, self.size.contracts, BLOCK):
            yield self._block(first, min(BLOCK, self.size.contracts - first))

    def _block(self, first: int, count: int) -> list[Held]:
        chance = np.random.default_rng([SEED, first // BLOCK])
        roots = _Roots(chance, self.size, first)
        counts = _choices(chance, LINES, OF_LINES, BLOCK)
        of_lines = _Lines(chance, sum(counts), self._goods)
        held: list[Held] = []
        line = 0
        for number in range(count):
            past = line + counts[number]
            supplier_number, state = roots.suppliers[number], roots.states[number]
            country = self._countries[supplier_number]
            lines = tuple(of_lines.facts(index, index - line, state, country) for index in range(line, past))
            held.append(
                Held(
                    roots.facts(number, lines),
                    tuple(of_lines.goods[line:past]),
                    roots.owners[number],
                    roots.departments[number],
                )
            )
            line = past
        return held


class _Roots:
    """What is drawn for the contracts of a block, apart from their lines."""

    def __init__(self, chance: np.random.Generator, size: Size, first: int) -> None:
        self.first = first
        self.states = _choices(chance, STATES, SHARES, BLOCK)
        self.suppliers = _few(chance, size.suppliers, 4, BLOCK)
        self.buyers = _few(chance, size.buyers, 2, BLOCK)
        self.end_users = _few(chance, size.end_users, 2, BLOCK)
        self.kinds = _choices(chance, KINDS, (0.8, 0.05, 0.15), BLOCK)
        self.renewals = _choices(chance, RENEWALS, (0.78, 0.07, 0.1, 0.02, 0.03), BLOCK)
        self.end_uses = _choices(chance, END_USES, (0.75, 0.1, 0.15), BLOCK)
        self.chances = chance.random(BLOCK).tolist()
        self.ages = chance.integers(0, 1000, BLOCK).tolist()
        self.terms = chance.integers(30, 1000, BLOCK).tolist()
        owners = _few(chance, size.owners, 1.3, BLOCK)
        self.departments = [None if chance > 0.99 else owner % size.departments for owner, chance in self._with(owners)]
        self.owners = [None if chance > 0.97 else owner for owner, chance in self._with(owners)]

    def _with(self, owners: list[int]) -> Iterator[tuple[int, float]]:
        return zip(owners, self.chances, strict=True)

    def facts(self, number: int, lines: tuple[LineFacts, ...]) -> ContractFacts:
        chance, state = self.chances[number], self.states[number]
        return ContractFacts(
            reference=contract(self.first + number),
            kind=self.kinds[number],
            supplier=supplier(self.suppliers[number]),
            buyer=buyer(self.buyers[number]),
            end_user=None if 0.3 < chance < 0.5 else end_user(self.end_users[number]),
            destination_country=None if 0.5 < chance < 0.55 else "JP" if chance < 0.7 else COUNTRIES[number % 10],
            end_use=self.end_uses[number],
            renewal=self.renewals[number],
            notice_days=None if 0.6 < chance < 0.65 else 60,
            currency="JPY" if chance < 0.6 else "CNY" if chance < 0.8 else "USD",
            amendments=(AmendmentFacts(TODAY - timedelta(days=self.ages[number] // 4), chance < 0.025),)
            if chance < 0.05
            else (),
            lines=lines,
            **self._dates(number, state, chance),
        )

    def _dates(self, number: int, state: str, chance: float) -> dict[str, Any]:
        age, term = self.ages[number], self.terms[number]
        if state == "negotiated":
            return {"negotiation": NEGOTIATIONS[number % 3], "expires_on": _day(term)}
        if state in ("completed", "cancelled", "terminated"):
            signed = -500 - 3 * age
            over = {"terminated_on": _day(signed + term)} if state == "terminated" else {"closed_as": state}
            return {**_conclusion(signed, chance), "expires_on": _day(signed + term), **over}
        if state == "concluded":
            return {**_conclusion(-(age % 60), chance), "effective_on": _day(term % 90), "expires_on": _day(90 + term)}
        if state == "expired":
            return {**_conclusion(-400 - age, chance), "expires_on": _day(-1 - term % 120)}
        dates = {**_conclusion(-age, chance), "expires_on": None if chance > 0.96 else _day(term)}
        if state == "terminating":
            dates |= {"termination_notice_on": _day(-1 - age % 30), "terminated_on": _day(10 + term % 150)}
        return dates


class _Lines:
    """What is drawn for the lines of a block."""

    def __init__(self, chance: np.random.Generator, count: int, catalogue: list[Good]) -> None:
        self.goods = [catalogue[number] for number in _few(chance, len(catalogue), 2.5, count)]
        self.quantities = _choices(chance, QUANTITIES, [1 / len(QUANTITIES)] * len(QUANTITIES), count)
        self.delivered = _choices(chance, DELIVERED, (0.4, 0.35, 0.2, 0.05), count)
        self.chances = chance.random(count).tolist()
        self.days = chance.integers(-30, 400, count).tolist()

    def facts(self, index: int, place: int, state: str, country: str | None) -> LineFacts:
        good, quantity, chance = self.goods[index], self.quantities[index], self.chances[index]
        part = self.delivered[index] if state in LIVE else NOTHING if state == "negotiated" else DELIVERED[2]
        return LineFacts(
            number=10 * (place + 1),
            hs_code=good.hs_code,
            tariff_codes=good.tariff_codes,
            control_codes=good.control_codes,
            elements=good.elements,
            purity=good.purity,
            content=good.content,
            origin_country=None if chance < 0.05 else COUNTRIES[index % 10] if chance < 0.2 else country,
            quantity=None if 0.4 < chance < 0.41 else quantity,
            unit_price=None if 0.5 < chance < 0.53 else good.unit_price,
            delivered=None if part is None else quantity * part,
            cancelled=NOTHING,
            ship_from=_day(self.days[index] - 20) if chance > 0.8 else None,
            ship_until=_day(self.days[index]) if chance > 0.5 else None,
        )


def _conclusion(days: int, chance: float) -> dict[str, Any]:
    """An instant where the system that signed has one, otherwise a day, sometimes one of another zone."""
    if chance < 0.3:
        return {"concluded_at": _NOON + timedelta(days=min(days, -1))}
    return {"concluded_on": _day(min(days, -1)), "concluded_timezone": "Asia/Shanghai" if chance > 0.9 else None}


_NOON = datetime(TODAY.year, TODAY.month, TODAY.day, 3, tzinfo=UTC)
_EPOCH = TODAY - timedelta(days=5_000)
_DAYS = [_EPOCH + timedelta(days=number) for number in range(8_000)]


def _day(offset: int) -> date:
    """The day so many days from today; the same object each time."""
    return _DAYS[offset + 5_000]


def _choices(chance: np.random.Generator, values: Any, weights: Any, count: int) -> list[Any]:
    return [values[index] for index in chance.choice(len(values), count, p=weights).tolist()]


def _few(chance: np.random.Generator, count: int, power: float, draws: int) -> list[int]:
    """Numbers below the count; the higher the power the more are among the first."""
    drawn: list[int] = (count * chance.random(draws) ** power).astype(int).tolist()
    return drawn
