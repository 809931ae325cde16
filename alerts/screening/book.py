"""Contracts as columns: one row per contract and one per line, every value interned once.

Only contracts that can be flagged have rows: those not concluded, live, with a renewal ahead or calling off.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from alerts.screening.commodities import profile
from alerts.screening.grandfathering import conclusion
from alerts.screening.kleene import Truth
from contracts.days import Days, first_day, last_day
from contracts.facts import ContractFacts, LineFacts
from contracts.stage import LIVE, NOT_CONCLUDED, Calendar, act_before_renewal, is_open, renewal_ahead, stage

Ints = npt.NDArray[np.int32]
NO, MAYBE, YES = 0, 1, 2
"""A truth in a column."""
NOTHING_KNOWN = LineFacts(number=0)
"""Stands for the line of a contract without lines."""


def known_lines(contract: ContractFacts) -> tuple[LineFacts, ...]:
    """The contract's lines; a contract without lines counts as one line of which nothing is known."""
    return contract.lines or (NOTHING_KNOWN,)


def code(truth: Truth) -> int:
    return MAYBE if truth is None else YES if truth else NO


@dataclass(frozen=True, slots=True)
class Column:
    """Interned values and, per row, which of them it has."""

    values: list[Hashable]
    rows: Ints


def intern(values: Iterable[Hashable]) -> Column:
    known: dict[Hashable, int] = {}
    rows = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int32)
    return Column(list(known), rows)


@dataclass(frozen=True, slots=True)
class Standing:
    """In which columns of the effect table a contract stands."""

    signing: bool
    live: bool
    renewal: Truth
    calling_off: bool

    @property
    def matters(self) -> bool:
        return self.signing or self.live or self.renewal is not False or self.calling_off


def standing(contract: ContractFacts, now: Calendar) -> Standing:
    at_stage = stage(contract, now)
    return Standing(
        signing=at_stage in NOT_CONCLUDED,
        live=at_stage in LIVE
        and any(is_open(line, framework=contract.kind == "framework") is not False for line in known_lines(contract)),
        renewal=renewal_ahead(contract, now),
        calling_off=contract.kind == "framework" and at_stage in ("concluded", "active"),
    )


class Book:
    """The columns of the contracts that matter; lines are in order of their contracts."""

    def __init__(self, contracts: Iterable[ContractFacts], now: Calendar) -> None:
        all_stands = [(contract, standing(contract, now)) for contract in contracts]
        self.positions = np.flatnonzero([stand.matters for _, stand in all_stands])
        """Of each row, the contract's position among those given."""
        stands = [all_stands[position] for position in self.positions]
        self.now = now
        self.contracts = [contract for contract, _ in stands]
        self.lines = [(row, line) for row, c in enumerate(self.contracts) for line in known_lines(c)]

        self.signing = np.array([stand.signing for _, stand in stands], dtype=np.bool_)
        self.live = np.array([stand.live for _, stand in stands], dtype=np.bool_)
        self.calling_off = np.array([stand.calling_off for _, stand in stands], dtype=np.bool_)
        self.renewal = np.array([code(stand.renewal) for _, stand in stands], dtype=np.int8)
        self.renews_surely = np.array([c.renewal == "auto" for c in self.contracts], dtype=np.bool_)
        """Renewals that take no new signature: an option or an evergreen term may not be a new contract."""
        self.expires = self._days(last_day(c.expires_on) for c in self.contracts)
        self.terminated = self._days(last_day(c.terminated_on) for c in self.contracts)
        self.act_before_renewal = self._days(act_before_renewal(c, now.today).toordinal() for c in self.contracts)

        self.reference = self._by_contract(lambda c: c.reference)
        self.supplier = self._by_contract(lambda c: c.supplier)
        self.buyer = self._by_contract(lambda c: c.buyer)
        self.end_user = self._by_contract(lambda c: c.end_user)
        self.destination = self._by_contract(lambda c: c.destination_country)
        self.end_use = self._by_contract(lambda c: c.end_use)
        self.conclusion = self._by_contract(lambda c: conclusion(c, now))

        self.contract_of = np.array([row for row, _ in self.lines], dtype=np.int32)
        self.origin = intern(line.origin_country for _, line in self.lines)
        self.profile = intern(profile(line) for _, line in self.lines)
        self.ship_from = self._days(first_day(line.ship_from) for _, line in self.lines)
        self.ship_until = self._days(last_day(line.ship_until) for _, line in self.lines)
        self.open = np.array(
            [code(is_open(line, framework=self.contracts[row].kind == "framework")) for row, line in self.lines],
            dtype=np.int8,
        )

    @staticmethod
    def _days(days: Iterable[int]) -> Days:
        return np.array(list(days), dtype=np.int32)

    def _by_contract(self, value: Callable[[ContractFacts], Hashable]) -> Column:
        return intern(value(contract) for contract in self.contracts)


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(int(number))
