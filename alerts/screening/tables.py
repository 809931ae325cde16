"""Bit tables: for every value that occurs in contracts, on which slots it certainly holds and may hold.

A slot is a measure (or a commodity entry, or a licence). Rows are packed 64 slots to a word, computed once per
value and kept, so that screening a line is the AND of a few rows whatever the number of measures.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.screening.commodities import FACETS, Marks, Profile, is_stated
from alerts.screening.kleene import Truth
from contracts.columns import Bools, Column, Values
from policies.facts import CommodityEntry

Words = npt.NDArray[np.uint64]
Ids = npt.NDArray[np.int32]

MOST = 200_000
"""Values kept; beyond it they are met anew."""
BLOCK = 4096
"""Values evaluated at once: keeps the unpacked rows of a large portfolio out of memory."""


def words(slots: int) -> int:
    """How many words hold a row."""
    return max(-(-slots // 64), 1)


def pack(bools: Bools) -> Words:
    """Rows of booleans as rows of 64-bit words, the first slot in the lowest bit."""
    rows, slots = bools.shape
    padded = np.zeros((rows, words(slots) * 64), dtype=np.bool_)
    padded[:, :slots] = bools
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint64)


def unpack(packed: Words, slots: int) -> Bools:
    """The booleans of packed rows."""
    return np.unpackbits(packed.view(np.uint8), axis=1, bitorder="little", count=slots).astype(np.bool_)


def bit(packed: Words, rows: npt.NDArray[np.integer[Any]], slots: npt.NDArray[np.integer[Any]]) -> Bools:
    """The bit of each (row, slot) pair."""
    found = packed[rows, slots >> 6] >> (slots & 63).astype(np.uint64)
    bits: Bools = (found & np.uint64(1)).astype(np.bool_)
    return bits


class Table(ABC):
    """Rows of certain and possible bits per distinct value."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._ids: dict[Hashable, int] = {}
        self._unnumbered: list[Hashable] = []
        self._last: tuple[Values, Ids] = (Values(), np.zeros(0, dtype=np.int32))
        self.certain: Words = np.zeros((0, words(slots)), dtype=np.uint64)
        self.possible: Words = self.certain

    @property
    @abstractmethod
    def is_stated(self) -> bool:
        """Whether any slot states the criterion; one that none states holds for everything."""

    @abstractmethod
    def evaluate(self, values: Sequence[Any]) -> tuple[Bools, Bools]:
        """Certain and possible, a row per value and a column per slot."""

    def rows(self, column: Column) -> Ids:
        """The row of each value of a column; values that were looked up last time are not looked up again."""
        if len(self.certain) > MOST:
            self._ids.clear()
            self._unnumbered.clear()
            self.certain = self.possible = self.certain[:0]
            self._last = (Values(), self._last[1][:0])
        values, ids = self._last
        if values is not column.values:
            ids = ids[:0]
        if not len(self.certain):
            self._add(column.values.known)
            ids = np.arange(len(column.values), dtype=np.int32)
        elif len(ids) < len(column.values):
            ids = np.concatenate([ids, self.ids(column.values.known[len(ids) :])])
        self._last = (column.values, ids)
        return ids[column.rows]

    def ids(self, values: Sequence[Hashable]) -> Ids:
        """The row of each value, evaluating those not seen before."""
        self._number()
        self._add([value for value in dict.fromkeys(values) if value not in self._ids])
        self._number()
        return np.fromiter((self._ids[value] for value in values), dtype=np.int32, count=len(values))

    def _add(self, values: Sequence[Hashable]) -> None:
        """A row for each; to number them by hashing is put off, for a table that is asked once needs no numbers."""
        for start in range(0, len(values), BLOCK):
            certain, possible = self.evaluate(values[start : start + BLOCK])
            self.certain = np.concatenate([self.certain, pack(certain)])
            self.possible = np.concatenate([self.possible, pack(possible)])
        self._unnumbered += values

    def _number(self) -> None:
        first = len(self.certain) - len(self._unnumbered)
        self._ids.update((value, row) for row, value in enumerate(self._unnumbered, start=first))
        self._unnumbered.clear()


class ScalarTable(Table):
    """A criterion whose rule compares one stated parameter with values: from a parameter to a question of values."""

    def __init__(
        self,
        stated: Sequence[Hashable],
        rule: Callable[[Any], Callable[[Any], Truth]],
        *,
        unstated: bool = True,
        index: tuple[Marks, Marks] | None = None,
    ) -> None:
        super().__init__(len(stated))
        self.rule = rule
        self.index = index
        by_parameter: defaultdict[Hashable, list[int]] = defaultdict(list)
        self.default = np.zeros(len(stated), dtype=np.bool_)
        for slot, parameter in enumerate(stated):
            if is_stated(parameter):
                by_parameter[parameter].append(slot)
            else:
                self.default[slot] = unstated
        self.parameters = [(parameter, np.array(slots)) for parameter, slots in by_parameter.items()]
        self.by_mark: defaultdict[Hashable, list[int]] = defaultdict(list)
        for number, (parameter, _) in enumerate(self.parameters if index else ()):
            for mark in index[1](parameter) if index else ():
                self.by_mark[mark].append(number)

    @property
    def is_stated(self) -> bool:
        return bool(self.parameters)

    def evaluate(self, values: Sequence[Any]) -> tuple[Bools, Bools]:
        certain = np.repeat(self.default[None, :], len(values), axis=0)
        possible = certain.copy()
        for number, asked in self._asked(values):
            parameter, slots = self.parameters[number]
            truths = list(map(self.rule(parameter), (values[position] for position in asked)))
            cells = np.ix_(np.array(asked, dtype=np.intp), slots)
            certain[cells] = np.array([truth is True for truth in truths])[:, None]
            possible[cells] = np.array([truth is not False for truth in truths])[:, None]
        return certain, possible

    def _asked(self, values: Sequence[Any]) -> Iterator[tuple[int, Sequence[int]]]:
        """Parameters by number, and the positions of the values that each may mean."""
        if self.index is None:
            everything = range(len(values))
            yield from ((number, everything) for number in range(len(self.parameters)))
            return
        marks, _ = self.index
        asked: defaultdict[int, list[int]] = defaultdict(list)
        for position, value in enumerate(values):
            for number in {number for mark in marks(value) for number in self.by_mark.get(mark, ())}:
                asked[number].append(position)
        yield from asked.items()


class CommodityTable(Table):
    """A commodity criterion: the entries of a slot are OR-ed, an entry's facets AND-ed, an exception negated."""

    def __init__(self, stated: Sequence[tuple[CommodityEntry, ...]], *, unstated: bool = True, negate: bool = False):
        super().__init__(len(stated))
        entries = [entry for slot in stated for entry in slot]
        facets = (
            ScalarTable([of.stated(entry) for entry in entries], partial(partial, of.rule), index=of.marks)
            for of in FACETS
        )
        self.facets = [(position, facet) for position, facet in enumerate(facets) if facet.is_stated]
        self.entries = len(entries)
        self.stating = np.array([slot for slot, listed in enumerate(stated) if listed], dtype=np.int64)
        counts = [len(listed) for listed in stated if listed]
        self.starts = np.cumsum([0, *counts[:-1]]) if counts else np.zeros(0, dtype=np.int64)
        self.unstated = unstated
        self.negate = negate

    @property
    def is_stated(self) -> bool:
        return bool(self.stating.size)

    def evaluate(self, values: Sequence[Profile]) -> tuple[Bools, Bools]:
        shape = (len(values), self.slots)
        certain, possible = np.full(shape, self.unstated), np.full(shape, self.unstated)
        if not self.is_stated:
            return certain, possible
        matched, may_match = self._entries(values)
        some = np.logical_or.reduceat(matched, self.starts, axis=1)
        may_some = np.logical_or.reduceat(may_match, self.starts, axis=1)
        certain[:, self.stating] = ~may_some if self.negate else some
        possible[:, self.stating] = ~some if self.negate else may_some
        return certain, possible

    def _entries(self, values: Sequence[Profile]) -> tuple[Bools, Bools]:
        """A row per value and a column per entry."""
        rows = [(facet, facet.ids([value[position] for value in values])) for position, facet in self.facets]
        certain = np.bitwise_and.reduce([facet.certain[row] for facet, row in rows])
        possible = np.bitwise_and.reduce([facet.possible[row] for facet, row in rows])
        return unpack(certain, self.entries), unpack(possible, self.entries)
