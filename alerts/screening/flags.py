"""Hits gathered into flags, one per contract, measure and kind; as columns, for there may be hundreds of thousands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.screening.book import Book, Ints, day_of
from alerts.screening.effects import Hits
from alerts.screening.slots import Slots
from alerts.screening.verdicts import BASES, KINDS, Money, Verdict
from contracts.columns import NO_LINE, Bools, Ids, Rows
from contracts.days import Days

PER_FLAG = ("contract", "slot", "kind", "matched", "basis", "act_by", "exposure", "currency")
PER_LINE = ("line", "unknowns")
CENT = Decimal("0.01")
"""An amount shows its cents, and more places only where it has them."""
_currency = attrgetter("currency")


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags in order of contract, slot and kind.

    `contract` is a contract's id, `kind` and `basis` positions in KINDS and BASES, `act_by` a day number, `exposure` a
    Decimal or None. The lines of flag i and the bits of CRITERIA unknown on them stand from `starts[i]` up to the next
    flag's; a contract without lines has one, NO_LINE.
    """

    contract: Ids
    slot: Rows
    kind: npt.NDArray[np.int8]
    matched: Bools
    basis: npt.NDArray[np.int8]
    act_by: Days
    exposure: npt.NDArray[np.object_]
    currency: npt.NDArray[np.object_]
    starts: Rows
    line: Ints
    unknowns: Ints

    @classmethod
    def joined(cls, parts: Sequence["Flags"]) -> "Flags":
        """The flags of several screenings under the same slots."""
        lengths = np.cumsum([0, *(len(part.line) for part in parts)])
        starts = [part.starts + length for part, length in zip(parts, lengths, strict=False)]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in (*PER_FLAG, *PER_LINE)}
        return cls(**columns, starts=np.concatenate(starts))

    def __len__(self) -> int:
        return len(self.contract)

    @property
    def counts(self) -> Rows:
        """How many lines each flag has, the one for none included."""
        return np.diff(np.append(self.starts, len(self.line)))

    def take(self, rows: Rows) -> "Flags":
        """Some of the flags, in the order given."""
        counts = self.counts[rows]
        starts = np.cumsum(counts) - counts
        flat = np.repeat(self.starts[rows] - starts, counts) + np.arange(counts.sum())
        columns = {name: getattr(self, name)[rows] for name in PER_FLAG}
        return Flags(**columns, starts=starts, line=self.line[flat], unknowns=self.unknowns[flat])

    def within(self, contracts: Ids) -> "Flags":
        """Those of some contracts, by their ids."""
        concerned = np.isin(self.contract, contracts)
        return self if concerned.all() else self.take(np.flatnonzero(concerned))

    def verdicts(self, slots: Slots, references: list[str]) -> Iterator[Verdict]:
        """The flags one by one; `references` are those of their contracts."""
        ends = np.append(self.starts, len(self.line)).tolist()
        lines, unknowns = self.line.tolist(), self.unknowns.tolist()
        columns = (self.slot, self.kind, self.matched, self.basis, self.act_by, self.exposure, self.currency)
        rows = zip(references, *(column.tolist() for column in columns), strict=True)
        for position, (reference, slot, kind, matched, basis, act_by, amount, currency) in enumerate(rows):
            its = slice(ends[position], ends[position + 1])
            yield Verdict(
                contract=reference,
                measure=slots.measures[slot].name,
                kind=KINDS[kind],
                certainty="matched" if matched else "needs_review",
                basis=BASES[basis],
                lines=() if lines[its] == [NO_LINE] else tuple(lines[its]),
                unknowns=tuple(unknowns[its]),
                act_by=day_of(act_by),
                exposure=None if amount is None else Money(shown(amount), currency),
            )


def gathered(hits: Hits, book: Book) -> Flags:
    """A flag is matched if any line's hit is; its lines are those of that certainty, its day the earliest of theirs."""
    of = book.contract_of[hits.line].astype(np.int64)
    key = (of * (int(hits.slot.max(initial=0)) + 1) + hits.slot) * len(KINDS) + hits.kind
    order = np.lexsort((hits.line, key))
    key, line = key[order], hits.line[order]
    surely, unknowns = hits.surely[order], hits.unknowns[order]

    flag, of_flag = _runs(key)
    matched = _reduced(np.logical_or, surely, flag)
    chosen = surely == matched[of_flag]
    basis = _reduced(np.maximum, np.where(chosen, hits.basis[order], -1), flag)

    # A line may be hit in several columns of the effect table; it counts where any of its hits is of the flag's kind.
    of_line, _ = _runs(key, line)
    counts = _reduced(np.logical_or, chosen, of_line)
    masks = _reduced(np.bitwise_or, np.where(chosen, unknowns, 0), of_line)[counts]
    act_by = _reduced(np.minimum, hits.act_by[order], of_line)[counts]
    lines = line[of_line][counts]
    starts, _ = _runs(key[of_line][counts])

    first = order[flag]
    contract = book.contract_of[hits.line[first]]
    currency = book.terms.derived(_currency).values.objects()[book.terms.rows[contract]]
    return Flags(
        contract=book.ids[contract],
        slot=hits.slot[first],
        kind=hits.kind[first],
        matched=matched,
        basis=basis.astype(np.int8),
        act_by=_reduced(np.minimum, act_by, starts),
        exposure=_exposure(*book.worth(lines), starts, book.has_lines[contract] & (currency != None)),  # noqa: E711
        currency=currency,
        starts=starts,
        line=book.number[lines],
        unknowns=masks,
    )


def shown(amount: Decimal) -> Decimal:
    """Without trailing zeros beyond the cents, never rounded."""
    exact = amount.normalize()
    return exact if exact % CENT else exact.quantize(CENT)


def _exposure(
    amounts: npt.NDArray[np.object_], established: Bools, starts: Rows, can_be_told: Bools
) -> npt.NDArray[np.object_]:
    """The sum over each flag's lines, exact; None where one of them is not established."""
    sums = _reduced(np.add, amounts, starts)
    sums[~(can_be_told & _reduced(np.logical_and, established, starts))] = None
    return sums


def _runs(*keys: npt.NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Where each run of equal keys begins, and per row the number of its run."""
    if not len(keys[0]):
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    begins = np.zeros(len(keys[0]), dtype=np.bool_)
    begins[0] = True
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(begins), np.cumsum(begins) - 1


def _reduced(operation: np.ufunc, values: npt.NDArray[Any], starts: Rows) -> npt.NDArray[Any]:
    return operation.reduceat(values, starts) if len(starts) else values[:0]
