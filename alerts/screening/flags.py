"""Hits gathered into flags: one per contract, measure and kind."""

from decimal import Decimal
from itertools import groupby

import numpy as np

from alerts.screening.book import Book, day_of
from alerts.screening.effects import Hits
from alerts.screening.slots import Slots
from alerts.screening.verdicts import BASES, KINDS, Money, Verdict
from contracts.facts import ContractFacts, LineFacts
from contracts.stage import open_quantity

CENT = Decimal("0.01")
"""An amount shows its cents, and more places only where it has them."""

Hit = tuple[int, int, int, int, bool, int, int, int]
"""Contract, slot, kind, line, surely, basis, unknowns, act by."""


def flags(hits: Hits, book: Book, slots: Slots) -> list[Verdict]:
    """A flag is matched if any line's hit is; its lines are those of that certainty, its day the earliest of theirs."""
    contract = book.contract_of[hits.line]
    order = np.lexsort((hits.line, hits.kind, hits.slot, contract))
    columns = (contract, hits.slot, hits.kind, hits.line, hits.surely, hits.basis, hits.unknowns, hits.act_by)
    rows: list[Hit] = list(zip(*(column[order].tolist() for column in columns), strict=True))
    found = [_flag(list(group), book, slots) for _, group in groupby(rows, key=lambda hit: hit[:3])]
    return sorted(found, key=lambda verdict: verdict.key)


def _flag(hits: list[Hit], book: Book, slots: Slots) -> Verdict:
    row, slot, kind = hits[0][:3]
    contract = book.contracts[row]
    matched = any(hit[4] for hit in hits)
    chosen = [hit for hit in hits if hit[4] == matched]
    unknowns: dict[int, int] = {}
    for hit in chosen:
        unknowns[hit[3]] = unknowns.get(hit[3], 0) | hit[6]
    lines = sorted((book.lines[line][1] for line in unknowns), key=lambda line: line.number) if contract.lines else []
    masks = {book.lines[line][1].number: mask for line, mask in unknowns.items()}
    return Verdict(
        contract=contract.reference,
        measure=slots.measures[slot].name,
        kind=KINDS[kind],
        certainty="matched" if matched else "needs_review",
        basis=BASES[max(hit[5] for hit in chosen)],
        lines=tuple(line.number for line in lines),
        unknowns=tuple(masks[number] for number in sorted(masks)),
        act_by=day_of(min(hit[7] for hit in hits if hit[3] in unknowns)),
        exposure=exposure(contract, lines),
    )


def exposure(contract: ContractFacts, lines: list[LineFacts]) -> Money | None:
    """Open quantity times unit price over the lines, exact; None where one of these is not established."""
    if contract.currency is None or not lines:
        return None
    total = Decimal(0)
    for line in lines:
        quantity = open_quantity(line)
        if quantity is None or line.unit_price is None:
            return None
        total += quantity * line.unit_price
    return Money(_shown(total), contract.currency)


def _shown(amount: Decimal) -> Decimal:
    """Without trailing zeros beyond the cents, never rounded."""
    exact = amount.normalize()
    return exact if exact % CENT else exact.quantize(CENT)
