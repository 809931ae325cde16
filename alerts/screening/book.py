"""The contracts that can be flagged, as the columns that screening looks values up by.

They are those not concluded, live, with a renewal ahead or calling off; all others have no rows.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from alerts.screening.commodities import profile
from alerts.screening.kleene import Truth
from alerts.screening.standings import MAYBE, NO, YES, Purpose, standing, standing_for
from contracts.columns import NO_LINE, Bools, Codes, Column, Contracts, Rows, together
from contracts.days import Days, acting_before_renewal
from contracts.facts import Amounts, Conclusion, Terms
from contracts.instants import NEVER, Moments, microseconds
from contracts.stage import Calendar, is_open, open_quantity, place_of
from contracts.standing import where_they_stand
from contracts.turning import concluded_from, notice_days

Ints = npt.NDArray[np.int32]
NOTHING = Decimal(0)

_destination_country = attrgetter("destination_country")
_end_use = attrgetter("end_use")
_origin_country = attrgetter("origin_country")


def code(truth: Truth) -> int:
    return MAYBE if truth is None else YES if truth else NO


class Book:
    """The columns of the contracts that matter; lines are in order of their contracts and numbers.

    With a purpose they stand where that step would put them, whatever their stage.
    """

    def __init__(self, contracts: Contracts, now: Calendar, purpose: Purpose | None = None) -> None:
        self.now = now
        lines, terms = contracts.lines, contracts.terms
        openness = lines.amounts.array(np.int8, _openness).reshape(-1, 2)
        is_framework = terms.array(np.bool_, _is_framework)
        all_open = np.where(is_framework[lines.contract], openness[:, 0], openness[:, 1])
        has_open = np.zeros(len(contracts), dtype=np.bool_)
        has_open[lines.contract[all_open != NO]] = True

        stands = _standings(contracts, now, purpose)
        signing, calling_off = stands[:, 0] > 0, stands[:, 3] > 0
        live, renewal = (stands[:, 1] > 0) & has_open, stands[:, 2]
        matters = signing | live | (renewal != NO) | calling_off
        self.positions: Rows = np.flatnonzero(matters)
        """Of each row, the contract's position among those given."""
        rows = self.positions
        chosen = matters[lines.contract]
        numbers = np.cumsum(matters, dtype=np.int32) - 1
        self.contracts, self._lines = contracts, np.flatnonzero(chosen)

        self.ids = contracts.ids[rows]
        self.signing: Bools = signing[rows]
        self.live: Bools = live[rows]
        self.calling_off: Bools = calling_off[rows]
        self.renewal = renewal[rows]
        self.terms = terms.take(rows)
        self.renews_surely: Bools = self.terms.array(np.bool_, _renews_surely)
        """Renewals that take no new signature: an option or an evergreen term may not be a new contract."""
        self.expires, self.terminated = contracts.expires[rows], contracts.terminated[rows]
        self.supplier, self.buyer, self.end_user = (
            column.take(rows) for column in (contracts.supplier, contracts.buyer, contracts.end_user)
        )
        self.conclusion, self.amendments = contracts.conclusion.take(rows), contracts.amendments.take(rows)
        self.destination = self.terms.derived(_destination_country)
        self.end_use = self.terms.derived(_end_use)

        self.contract_of: Codes = numbers[lines.contract[chosen]]
        self.number = lines.number[chosen]
        self.goods, self.amounts = lines.goods.take(chosen), lines.amounts.take(chosen)
        self.profile, self.origin = self.goods.derived(profile), self.goods.derived(_origin_country)
        self.ship_from, self.ship_until = lines.ship_from[chosen], lines.ship_until[chosen]
        self.open = all_open[chosen]

    def serves(self, now: Calendar) -> bool:
        """Whether all of it holds at another instant, too: on the same day, and nothing was concluded in between."""
        if replace(self.now, at=now.at) != now or self.now.today != now.today:
            return False
        first, last = sorted(microseconds(calendar.at) for calendar in (self.now, now))
        return not bool(((first < self._concluded_from) & (self._concluded_from <= last)).any())

    @cached_property
    def _concluded_from(self) -> Moments:
        return np.unique(self.contracts.conclusion.array(np.int64, _concluded_from, self.now.timezone))

    @cached_property
    def act_before_renewal(self) -> Days:
        notice = self.terms.array(np.int64, notice_days)
        return acting_before_renewal(today=self.now.today.toordinal(), expires=self.expires, notice_days=notice)

    @cached_property
    def reference(self) -> Column:
        return Column.of(self.contracts.references(self.ids))

    def worth(self, lines: Rows) -> tuple[npt.NDArray[np.object_], Bools]:
        """Of lines, their open quantity at its price, zero where that is not established; and whether it is."""
        rows = self.amounts.rows[lines]
        return self._worth[0][rows], self._worth[1][rows]

    @cached_property
    def _worth(self) -> tuple[npt.NDArray[np.object_], Bools]:
        known = self.amounts.values.derived(worth)
        established = np.array([amount is not None for amount in known.known], dtype=np.bool_)
        amounts = known.objects()
        amounts[~established] = NOTHING
        return amounts, established

    @cached_property
    def has_lines(self) -> Bools:
        """Of each contract, whether any of its lines is known."""
        known = np.ones(len(self.ids), dtype=np.bool_)
        known[self.contract_of[self.number == NO_LINE]] = False
        return known


def day_of(number: int) -> date:
    """The date of a day number."""
    return date.fromordinal(int(number))


def worth(amounts: Amounts) -> Decimal | None:
    quantity = open_quantity(amounts)
    return None if quantity is None or amounts.unit_price is None else quantity * amounts.unit_price


def _standings(contracts: Contracts, now: Calendar, purpose: Purpose | None) -> npt.NDArray[np.int8]:
    """Per contract: signing, live, renewal (a truth) and calling off."""

    def rule(terms: Terms, place: int) -> tuple[bool, bool, int, bool]:
        return standing_for(purpose, terms, place_of(place)) if purpose else standing(terms, place_of(place))

    found = together(rule, contracts.terms, where_they_stand(contracts, now))
    return found.values.array(np.int8).reshape(-1, 4)[found.rows]


def _concluded_from(conclusion: Conclusion, timezone: str) -> int:
    turn = concluded_from(conclusion, timezone)
    return NEVER if turn is None else microseconds(turn)


def _openness(amounts: Amounts) -> tuple[int, int]:
    """Whether something is open, of a framework and of any other contract."""
    return code(is_open(amounts, framework=True)), code(is_open(amounts, framework=False))


def _is_framework(terms: Terms) -> bool:
    return terms.kind == "framework"


def _renews_surely(terms: Terms) -> bool:
    return terms.renewal == "auto"
