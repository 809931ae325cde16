"""Contracts as columns: one row per contract and one per line, every value that repeats kept once.

What is decided about a value is decided once, however many rows have it. Days are day numbers (contracts/days.py).
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from contracts.days import NO_BEGIN, NO_END, Days
from contracts.facts import Amounts, Conclusion, ContractFacts, Goods, LineFacts, Terms

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

NO_LINE = -1
"""The number of the line that stands for those of a contract without lines: nothing is known of it."""
NOT_KNOWN = -1
"""Days of notice that are not established."""
DENSE = 1 << 22
"""Combinations numbered by a table instead of by sorting."""


class Values:
    """Distinct values in the order met. They only ever grow, and so does what is derived from them."""

    def __init__(self) -> None:
        self.known: list[Any] = []
        self._derived: dict[Hashable, Values] = {}

    def __len__(self) -> int:
        return len(self.known)

    def derived(self, rule: Callable[..., Any], *given: Hashable) -> "Values":
        """What the rule makes of each value, under the same numbers; remembered for the rule and what is given."""
        made = self._derived.setdefault((rule, *given), Values())
        made.known += [rule(value, *given) for value in self.known[len(made) :]]
        return made

    def array(self, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """The values as an array, each of them a scalar or all of them tuples of one length."""
        return np.array(self.known, dtype=dtype)

    def objects(self) -> npt.NDArray[np.object_]:
        found = np.empty(len(self.known), dtype=np.object_)
        found[:] = self.known
        return found


@dataclass(frozen=True, slots=True)
class Column:
    """Values and, per row, the number of the one it has."""

    values: Values
    rows: Codes

    @classmethod
    def of(cls, values: Iterable[Hashable]) -> Self:
        known: dict[Hashable, int] = {}
        rows = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int32)
        found = Values()
        found.known = list(known)
        return cls(found, rows)

    def derived(self, rule: Callable[..., Any], *given: Hashable) -> "Column":
        return Column(self.values.derived(rule, *given), self.rows)

    def array(self, dtype: npt.DTypeLike, rule: Callable[..., Any], *given: Hashable) -> npt.NDArray[Any]:
        """What the rule makes of each row's value."""
        if not len(self.values):
            return np.zeros(0, dtype=dtype)
        return self.values.derived(rule, *given).array(dtype)[self.rows]

    def take(self, rows: Rows | Bools) -> "Column":
        return Column(self.values, self.rows[rows])


def together(rule: Callable[..., Any], column: Column, codes: npt.NDArray[Any], *more: Column) -> Column:
    """What the rule makes of each row's combination of a value, a small number and further values."""
    key = column.rows.astype(np.int64)
    sizes = [int(codes.max(initial=0)) + 1, *(len(one.values) for one in more)]
    for size, part in zip(sizes, [codes, *(one.rows for one in more)], strict=True):
        key = key * max(size, 1) + part
    distinct, rows = _numbered(key)
    found = Values()
    for one in distinct.tolist():
        parts: list[Any] = []
        for size, other in zip(reversed(sizes[1:]), reversed(more), strict=True):
            one, code = divmod(one, max(size, 1))
            parts.append(other.values.known[code])
        one, code = divmod(one, sizes[0])
        found.known.append(rule(column.values.known[one], code, *reversed(parts)))
    return Column(found, rows)


def _numbered(keys: Ids) -> tuple[Ids, Codes]:
    """The distinct keys, and per row the position of its own among them."""
    most = int(keys.max(initial=-1)) + 1
    if most > DENSE:
        distinct, rows = np.unique(keys, return_inverse=True)
        return distinct, rows.astype(np.int32)
    seen = np.zeros(most, dtype=np.bool_)
    seen[keys] = True
    distinct = np.flatnonzero(seen)
    numbers = np.zeros(most, dtype=np.int32)
    numbers[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct.astype(np.int64), numbers[keys]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in order of their contracts and numbers; one with NO_LINE stands for those of a contract without any.

    `contract` is the row of each line's contract.
    """

    contract: Codes
    number: Codes
    goods: Column
    amounts: Column
    ship_from: Days
    ship_until: Days


@dataclass(frozen=True)
class Contracts:
    """Contracts and their lines. `ids` are those of the store, or positions among the contracts given.

    `effective`, `expires`, `notice_given` and `terminated` are days, NO_BEGIN or NO_END where there is none.
    """

    ids: Ids
    terms: Column
    conclusion: Column
    amendments: Column
    supplier: Column
    buyer: Column
    end_user: Column
    effective: Days
    expires: Days
    notice_given: Days
    terminated: Days
    lines: Lines
    references: Callable[[Ids], list[str]]
    """The references of contracts by their ids; only a measure that names contracts asks."""

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, contracts: Sequence[ContractFacts]) -> Self:
        """From facts; `ids` are positions."""
        lines = [(row, line) for row, contract in enumerate(contracts) for line in _known_lines(contract)]

        def days(name: str, missing: int) -> Days:
            return _days((getattr(contract, name) for contract in contracts), missing)

        return cls(
            ids=np.arange(len(contracts), dtype=np.int64),
            terms=Column.of(Terms.of(contract) for contract in contracts),
            conclusion=Column.of(Conclusion.of(contract) for contract in contracts),
            amendments=Column.of(contract.amendments for contract in contracts),
            supplier=Column.of(contract.supplier for contract in contracts),
            buyer=Column.of(contract.buyer for contract in contracts),
            end_user=Column.of(contract.end_user for contract in contracts),
            effective=days("effective_on", NO_BEGIN),
            expires=days("expires_on", NO_END),
            notice_given=days("termination_notice_on", NO_END),
            terminated=days("terminated_on", NO_END),
            lines=Lines(
                contract=np.array([row for row, _ in lines], dtype=np.int32),
                number=np.array([line.number for _, line in lines], dtype=np.int32),
                goods=Column.of(Goods.of(line) for _, line in lines),
                amounts=Column.of(Amounts.of(line) for _, line in lines),
                ship_from=_days((line.ship_from for _, line in lines), NO_BEGIN),
                ship_until=_days((line.ship_until for _, line in lines), NO_END),
            ),
            references=lambda ids: [contracts[position].reference for position in ids.tolist()],
        )


@dataclass(frozen=True, slots=True)
class Dated:
    """Contracts as far as their own days go, and their lines that are to be delivered by some day."""

    ids: Ids
    terms: Column
    conclusion: Column
    effective: Days
    expires: Days
    notice_given: Days
    terminated: Days
    line_contract: Codes
    amounts: Column
    ship_until: Days

    @classmethod
    def of(cls, contracts: Sequence[ContractFacts]) -> Self:
        """From facts; `ids` are positions."""
        lines = [(row, line) for row, contract in enumerate(contracts) for line in contract.lines if line.ship_until]
        return cls(
            ids=np.arange(len(contracts), dtype=np.int64),
            terms=Column.of(Terms.of(contract) for contract in contracts),
            conclusion=Column.of(Conclusion.of(contract) for contract in contracts),
            effective=_days((contract.effective_on for contract in contracts), NO_BEGIN),
            expires=_days((contract.expires_on for contract in contracts), NO_END),
            notice_given=_days((contract.termination_notice_on for contract in contracts), NO_END),
            terminated=_days((contract.terminated_on for contract in contracts), NO_END),
            line_contract=np.array([row for row, _ in lines], dtype=np.int32),
            amounts=Column.of(Amounts.of(line) for _, line in lines),
            ship_until=_days((line.ship_until for _, line in lines), NO_END),
        )


NOTHING_KNOWN = LineFacts(number=NO_LINE)


def _known_lines(contract: ContractFacts) -> Sequence[LineFacts]:
    return sorted(contract.lines, key=lambda line: line.number) or (NOTHING_KNOWN,)


def _days(days: Iterable[Any], missing: int) -> Days:
    return np.array([missing if day is None else day.toordinal() for day in days], dtype=np.int32)
