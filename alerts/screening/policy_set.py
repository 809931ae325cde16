"""The compiled policy set: every measure that can still bite gets a slot; screening is the AND of a few bit rows.

`compile_policies` pins measures, ownership, party lists and licences at one instant. `PolicySet.screen` serves a
single contract and a whole portfolio alike; there is no second implementation of a rule.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.screening.answers import Answers
from alerts.screening.book import Book
from alerts.screening.effects import Candidates, Hits, effects
from alerts.screening.flags import Flags, gathered
from alerts.screening.grandfathering import Exemptions
from alerts.screening.kleene import Truth
from alerts.screening.licences import Coverage
from alerts.screening.slots import Slots
from alerts.screening.standings import Purpose
from alerts.screening.tables import CommodityTable, ScalarTable, Table, Words, bit, pack, unpack
from alerts.screening.verdicts import BIT, KINDS, Kind, Verdict
from contracts.columns import Contracts
from contracts.facts import ContractFacts
from contracts.stage import Calendar
from policies.facts import ROLES, LicenceFacts, MeasureFacts, PartyListFacts
from suppliers.facts import OrganizationFacts

Question = Callable[[Any], Truth]
CHUNK = 65_536
"""Lines screened at once."""


@dataclass(frozen=True, slots=True)
class Policies:
    """All that screening reads besides contracts; organizations and lists by reference."""

    measures: Sequence[MeasureFacts]
    organizations: Mapping[str, OrganizationFacts]
    lists: Mapping[str, PartyListFacts]
    licences: Sequence[LicenceFacts]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion's table and the column of the book it is looked up by."""

    name: str
    table: Table
    column: str


class PolicySet:
    """Measures compiled for one instant."""

    def __init__(self, policies: Policies, now: Calendar, answers: Answers | None = None) -> None:
        self.now = now
        self.purpose: Purpose | None = None
        self.lock = RLock()  # tables grow as values are met: threads that share them take turns
        self.slots = Slots.of(policies.measures, now.at)
        measures = self.slots.measures
        self.everything = self._bits({measure.name for measure in measures})
        answers = answers or Answers(policies.organizations, policies.lists, now)
        todays = self.slots.todays

        def scalar(criterion: str, rule: Any) -> ScalarTable:
            return ScalarTable([getattr(measure.scope, criterion) or None for measure in measures], rule)

        def country_in(countries: tuple[str, ...]) -> Question:
            return lambda organization: one_of(countries, _country(policies.organizations.get(organization)))

        controlled = ScalarTable(
            [
                state and (state, today)
                for state, today in zip((m.scope.supplier_controlled_by_state for m in measures), todays, strict=True)
            ],
            lambda stated: answers.about(answers.state_control(*stated)),
        )
        goods = [measure.scope.commodities for measure in measures]
        excepted = [measure.scope.except_commodities for measure in measures]
        of_contract = (
            Criterion("supplier_countries", scalar("supplier_countries", country_in), "supplier"),
            Criterion("buyer_countries", scalar("buyer_countries", country_in), "buyer"),
            Criterion("destination_countries", scalar("destination_countries", among), "destination"),
            Criterion("end_uses", scalar("end_uses", among), "end_use"),
            Criterion("supplier_controlled_by_state", controlled, "supplier"),
            Criterion("contracts", scalar("contracts", among), "reference"),
        )
        of_line = (
            Criterion("commodities", CommodityTable(goods), "profile"),
            Criterion("except_commodities", CommodityTable(excepted, negate=True), "profile"),
            Criterion("origin_countries", scalar("origin_countries", among), "origin"),
        )
        self.of_contract = tuple(criterion for criterion in of_contract if criterion.table.is_stated)
        self.of_line = tuple(criterion for criterion in of_line if criterion.table.is_stated)
        self.of_role = tuple(
            (
                role,
                ScalarTable(
                    [p and (p, today) for p, today in zip((m.scope.parties for m in measures), todays, strict=True)],
                    answers.in_role(role),
                ),
            )
            for role in ROLES
        )
        self.exemptions = Exemptions(
            [(rule, m.timezone) if (rule := m.scope.exempt_concluded_before) else None for m in measures]
        )
        self.coverage = Coverage(policies.licences, self.slots)

    def at(self, now: Calendar) -> "PolicySet":
        """The same for another instant on which it is the same day in every zone of the policies."""
        other = copy(self)
        other.now = now
        return other

    def asked(self, purpose: Purpose | None) -> "PolicySet":
        """The same as a check asks it: what stands against taking this step; None: what must be flagged."""
        other = copy(self)
        other.purpose = purpose
        return other

    def like(self, other: "PolicySet") -> "PolicySet":
        """The same for the instant of another set of the same days, and as that is asked."""
        same = self.at(other.now)
        same.purpose = other.purpose
        return same

    def screen(self, contracts: Iterable[ContractFacts]) -> list[Verdict]:
        """The flags that must be open, in order of contract, measure and kind."""
        known = list(contracts)
        found = self.flags(self.book(Contracts.of(known)))
        references = [known[position].reference for position in found.contract.tolist()]
        return sorted(found.verdicts(self.slots, references), key=lambda verdict: verdict.key)

    def book(self, contracts: Contracts) -> Book:
        return Book(contracts, self.now, self.purpose)

    def flags(self, book: Book) -> Flags:
        """The same as columns, of any number of contracts."""
        return gathered(self.hits(book), book)

    def met(self, contracts: Sequence[ContractFacts], measures: Collection[str]) -> set[tuple[int, str, Kind]]:
        """Which contracts, by position, fall under which of these measures, and how."""
        book = self.book(Contracts.of(contracts))
        hits = self.hits(book, measures)
        positions = book.positions[book.contract_of[hits.line]].tolist()
        met = zip(positions, hits.slot.tolist(), hits.kind.tolist(), strict=True)
        return {(position, self.slots.measures[slot].name, KINDS[kind]) for position, slot, kind in met}

    def hits(self, book: Book, measures: Collection[str] | None = None) -> Hits:
        """The lines, measures and columns of the effect table that come together; `measures`: of these alone."""
        wanted = self.everything if measures is None else self._bits(measures)
        if not len(book.ids) or not wanted.any():
            return Hits.none()
        with self.lock:
            return self._hits(book, wanted)

    def _bits(self, measures: Collection[str]) -> Words:
        return pack(np.array([[measure.name in measures for measure in self.slots.measures]], dtype=np.bool_))

    def _hits(self, book: Book, wanted: Words) -> Hits:
        by_contract = [(c, c.table, c.table.rows(getattr(book, c.column))) for c in self.of_contract]
        roles = [(table, table.rows(getattr(book, role))) for role, table in self.of_role]
        party_certain: Words = np.bitwise_or.reduce([table.certain[rows] for table, rows in roles])
        party_possible: Words = np.bitwise_or.reduce([table.possible[rows] for table, rows in roles])
        certain, possible = party_certain & wanted, party_possible & wanted
        for _, table, rows in by_contract:
            certain &= table.certain[rows]
            possible &= table.possible[rows]
        by_line = [(c, c.table, c.table.rows(getattr(book, c.column))) for c in self.of_line]

        found: list[Hits] = []
        for start in range(0, len(book.number), CHUNK):
            lines = slice(start, start + CHUNK)
            of = book.contract_of[lines]
            line_certain, line_possible = certain[of], possible[of]
            for _, table, rows in by_line:
                line_certain &= table.certain[rows[lines]]
                line_possible &= table.possible[rows[lines]]
            line, slot = _pairs(line_possible, len(self.slots.measures))
            surely = bit(line_certain, line, slot)
            line += start
            contract = book.contract_of[line]

            unknowns = np.zeros(len(line), dtype=np.int32)
            for criterion, table, rows in by_contract:
                unknowns |= BIT[criterion.name] * ~bit(table.certain, rows[contract], slot)
            for criterion, table, rows in by_line:
                unknowns |= BIT[criterion.name] * ~bit(table.certain, rows[line], slot)
            unknowns |= BIT["parties"] * ~bit(party_certain, contract, slot)

            pairs = Candidates(line, slot, surely, unknowns, self.exemptions.of(book, contract, slot))
            found.append(effects(book, self.slots, self.coverage, pairs))
        return Hits.joined(found)


def compile_policies(policies: Policies, now: Calendar, answers: Answers | None = None) -> PolicySet:
    """Pin the policies at an instant; `answers` are those of an earlier set on the same days with the same
    organizations and lists.
    """
    return PolicySet(policies, now, answers)


def _pairs(possible: Words, slots: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The (row, slot) pairs whose bit is set."""
    rows = np.flatnonzero(possible.any(axis=1))
    found, slot = np.nonzero(unpack(possible[rows], slots))
    return rows[found], slot


def among(wanted: tuple[str, ...]) -> Question:
    return lambda value: one_of(wanted, value)


def one_of(wanted: tuple[str, ...], value: str | None) -> Truth:
    return None if value is None else value in wanted


def _country(facts: OrganizationFacts | None) -> str | None:
    return facts.country if facts else None
