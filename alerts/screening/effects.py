"""From criteria to flags: which column of the effect table a line stands in, on which days, and how certainly.

Source: the table and "When" of "From criteria to flags" in the bundle format (docs/bundle.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from alerts.screening.book import Book, Ints
from alerts.screening.licences import Coverage
from alerts.screening.slots import Slots
from alerts.screening.standings import MAYBE, NO, YES
from alerts.screening.verdicts import BASES, BIT, KINDS, Kind
from contracts.columns import Bools
from contracts.days import NO_END, Days, Window, calling_off, delivering, renewing, signing

Indexes = npt.NDArray[np.intp]
UNCONFIRMED, ANNOUNCED, REPORTED, IN_FORCE = range(len(BASES))
EXEMPT = 2

Column = Callable[[Book, Slots, "Candidates", Kind], tuple["Hits", Window]]


@dataclass(frozen=True, slots=True)
class Hits:
    """Lines that a measure hits in one column of the effect table, one element per hit.

    `kind` and `basis` are positions in KINDS and BASES, `unknowns` bits of CRITERIA, `act_by` a day number.
    """

    line: Indexes
    slot: Indexes
    kind: npt.NDArray[np.int8]
    surely: Bools
    basis: npt.NDArray[np.int8]
    unknowns: Ints
    act_by: Days

    @classmethod
    def joined(cls, parts: Sequence["Hits"]) -> "Hits":
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @classmethod
    def none(cls) -> "Hits":
        empty = np.zeros(0, dtype=np.intp)
        small, ints = empty.astype(np.int8), empty.astype(np.int32)
        return cls(empty, empty, small, empty.astype(np.bool_), small, ints, ints)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of a line and a measure whose criteria may hold.

    `surely` where all of them certainly hold (the exemption apart), `exemption` NO, MAYBE or EXEMPT.
    """

    line: Indexes
    slot: Indexes
    surely: Bools
    unknowns: Ints
    exemption: npt.NDArray[np.int8]

    def where(self, chosen: Bools) -> "Candidates":
        return Candidates(*(getattr(self, f.name)[chosen] for f in fields(self)))


def effects(book: Book, slots: Slots, coverage: Coverage, pairs: Candidates) -> Hits:
    """The hits of all four columns; one pair may give several."""
    effect = slots.effect[pairs.slot]
    contract = book.contract_of[pairs.line]
    ban, licence = effect == "ban", effect == "licence_required"
    bars_new = ban | (effect == "new_contracts_refused")
    ends_old = ban | (effect == "termination_considered")
    columns: tuple[tuple[Column, Bools, Bools, Kind], ...] = (
        (_signing, book.signing[contract], bars_new, "no_new_contracts"),
        (_delivering, book.live[contract] & (book.open[pairs.line] != NO), ends_old, "possible_termination"),
        (_renewing, book.renewal[contract] != NO, bars_new, "no_new_contracts"),
        (_calling_off, book.calling_off[contract], bars_new, "no_new_contracts"),
    )
    found: list[Hits] = []
    for column, stands, hit, kind in columns:
        if (struck := stands & hit).any():
            found.append(column(book, slots, pairs.where(struck), kind)[0])
        if column is not _renewing and (licensable := stands & licence).any():
            hits, days = column(book, slots, pairs.where(licensable), "licence_required")
            found.append(_uncovered(hits, days, book, coverage))
    return Hits.joined(found or [Hits.none()])


def _signing(book: Book, slots: Slots, pairs: Candidates, kind: Kind) -> tuple[Hits, Window]:
    contract = book.contract_of[pairs.line]
    days = signing(today=slots.today[pairs.slot], expires=book.expires[contract])
    return _met(slots, pairs, kind, days)


def _calling_off(book: Book, slots: Slots, pairs: Candidates, kind: Kind) -> tuple[Hits, Window]:
    contract = book.contract_of[pairs.line]
    days = calling_off(
        today=slots.today[pairs.slot], expires=book.expires[contract], terminated=book.terminated[contract]
    )
    return _met(slots, pairs, kind, days)


def _renewing(book: Book, slots: Slots, pairs: Candidates, kind: Kind) -> tuple[Hits, Window]:
    """A refusal of new contracts may not reach an option or an evergreen term; a ban does."""
    contract = book.contract_of[pairs.line]
    barred = (slots.effect[pairs.slot] == "ban") | book.renews_surely[contract]
    ahead = barred & (book.renewal[contract] == YES)
    pairs = Candidates(
        pairs.line, pairs.slot, pairs.surely & ahead, pairs.unknowns | BIT["renewal"] * ~ahead, pairs.exemption
    )
    days = renewing(today=slots.today[pairs.slot])
    return _met(slots, pairs, kind, days, act_by=book.act_before_renewal[contract])


def _delivering(book: Book, slots: Slots, pairs: Candidates, kind: Kind) -> tuple[Hits, Window]:
    contract = book.contract_of[pairs.line]
    days = delivering(
        today=slots.today[pairs.slot],
        ship_from=book.ship_from[pairs.line],
        ship_until=book.ship_until[pairs.line],
        expires=book.expires[contract],
        terminated=book.terminated[contract],
    )
    unknown_open = book.open[pairs.line] == MAYBE
    pairs = Candidates(
        pairs.line,
        pairs.slot,
        pairs.surely & ~unknown_open,
        pairs.unknowns | BIT["open_quantity"] * unknown_open,
        pairs.exemption,
    )
    return _met(slots, pairs, kind, days, exemptions=True)


def _met(
    slots: Slots,
    pairs: Candidates,
    kind: Kind,
    days: Window,
    *,
    exemptions: bool = False,
    act_by: Days | None = None,
) -> tuple[Hits, Window]:
    """The pairs whose days meet biting days; with `exemptions` the days an exempt contract may perform are out."""
    exemption = pairs.exemption if exemptions else np.zeros_like(pairs.exemption)
    performed_by = slots.performed_by[pairs.slot]
    spared = Window(days.first, np.where(exemption == NO, days.last, np.minimum(days.last, performed_by)))
    beyond = Window(np.maximum(days.first, performed_by + 1), days.last)
    in_scope = exemption != EXEMPT
    confirmed = np.where(in_scope, slots.first_confirmed(pairs.slot, spared), NO_END)
    unconfirmed = np.where(in_scope, slots.first_unconfirmed(pairs.slot, spared), NO_END)
    confirmed_beyond = slots.first_confirmed(pairs.slot, beyond)
    unconfirmed_beyond = slots.first_unconfirmed(pairs.slot, beyond)

    certain_day = ((exemption == NO) & (confirmed < NO_END)) | (confirmed_beyond < NO_END)
    confirmed_first = np.minimum(confirmed, confirmed_beyond)
    first = np.minimum(confirmed_first, np.minimum(unconfirmed, unconfirmed_beyond))
    surely = pairs.surely & certain_day
    on_confirmed_day = confirmed_first < NO_END
    basis = np.where(on_confirmed_day, np.where(slots.bites_today[pairs.slot], IN_FORCE, ANNOUNCED), UNCONFIRMED)
    basis = np.where(on_confirmed_day & slots.reported[pairs.slot], REPORTED, basis)
    unknowns = (
        pairs.unknowns
        | BIT["exempt_concluded_before"] * ((exemption == MAYBE) & ~certain_day)
        | BIT["timeline"] * ~on_confirmed_day
    )
    hits = Hits(
        line=pairs.line,
        slot=pairs.slot,
        kind=np.full(len(pairs.line), KINDS.index(kind), dtype=np.int8),
        surely=surely,
        basis=basis.astype(np.int8),
        unknowns=unknowns.astype(np.int32),
        act_by=first if act_by is None else act_by,
    )
    met = first < NO_END
    return _where(hits, met), Window(days.first[met], days.last[met])


def _uncovered(hits: Hits, days: Window, book: Book, coverage: Coverage) -> Hits:
    return _where(hits, ~coverage.covers(book, hits.line, hits.slot, days))


def _where(hits: Hits, chosen: Bools) -> Hits:
    return Hits(*(getattr(hits, f.name)[chosen] for f in fields(Hits)))
