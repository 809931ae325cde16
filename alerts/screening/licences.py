"""Whether a licence covers a line.

Source: "Covered by a licence" in the bundle format (docs/bundle.md).
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alerts.screening.book import Book
from alerts.screening.slots import Slots
from alerts.screening.tables import CommodityTable, bit
from contracts.columns import Bools, Column
from contracts.days import NO_BEGIN, NO_END, Window, first_day, last_day
from policies.facts import LicenceFacts

Indexes = npt.NDArray[np.intp]
NOBODY = -1


class Coverage:
    """Licences by the measures they were granted under; a licence without a last day covers nothing."""

    def __init__(self, licences: Sequence[LicenceFacts], slots: Slots) -> None:
        self.licences = licences
        self.commodities = CommodityTable([licence.commodities for licence in self.licences], unstated=False)
        by_grant: defaultdict[str, list[int]] = defaultdict(list)
        for position, licence in enumerate(self.licences):
            for granted in dict.fromkeys(licence.measures):
                by_grant[granted].append(position)
        of_slot = {
            slot: sorted({*by_grant[measure.name], *by_grant[measure.change]})
            for slot, measure in enumerate(slots.measures)
        }
        self.of_slot = {slot: granted for slot, granted in of_slot.items() if granted}

    def covers(self, book: Book, line: Indexes, slot: Indexes, days: Window) -> Bools:
        """Per pair of line and measure, whether one licence is valid on the first and the last of its days."""
        covered = np.zeros(len(line), dtype=np.bool_)
        concerned = self.of_slot.keys() & set(slot.tolist())
        if not concerned:
            return covered
        rows = self.commodities.rows(book.profile)[line]
        contract = book.contract_of[line]
        for granted_slot in concerned:
            under = slot == granted_slot
            for position in self.of_slot[granted_slot]:
                licence = self.licences[position]
                inside = (days.first >= first_day(licence.valid_from)) & (days.last < NO_END)
                inside &= days.last <= (NO_BEGIN if licence.valid_until is None else last_day(licence.valid_until))
                covered |= (
                    under
                    & inside
                    & _is(book.supplier, contract, licence.exporter)
                    & _is_or_any(book.buyer, contract, licence.consignee)
                    & _is_or_any(book.end_user, contract, licence.end_user)
                    & bit(self.commodities.certain, rows, np.full(len(rows), position))
                )
        return covered


def _is(column: Column, contract: npt.NDArray[np.int32], organization: str) -> Bools:
    known = column.values.known
    wanted = known.index(organization) if organization in known else NOBODY
    matches: Bools = column.rows[contract] == wanted
    return matches


def _is_or_any(column: Column, contract: npt.NDArray[np.int32], organization: str | None) -> Bools:
    if organization is None:
        return np.ones(len(contract), dtype=np.bool_)
    return _is(column, contract, organization)
