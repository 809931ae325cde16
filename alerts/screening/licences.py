"""Whether a licence covers a line.

Source: "Covered by a licence" in the bundle format (docs/bundle.md).
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alerts.screening.book import Book, Column
from alerts.screening.slots import Slots
from alerts.screening.tables import Bools, CommodityTable, bit
from contracts.days import Window, first_day
from policies.facts import LicenceFacts

Indexes = npt.NDArray[np.intp]
NOBODY = -1


class Coverage:
    """Licences by the measures they were granted under; a licence without a last day covers nothing."""

    def __init__(self, licences: Sequence[LicenceFacts], slots: Slots) -> None:
        self.licences = [licence for licence in licences if licence.valid_until is not None]
        self.commodities = CommodityTable([licence.commodities for licence in self.licences], unstated=False)
        by_grant: defaultdict[str, list[int]] = defaultdict(list)
        for position, licence in enumerate(self.licences):
            for granted in dict.fromkeys(licence.measures):
                by_grant[granted].append(position)
        self.of_slot = {
            slot: granted
            for slot, measure in enumerate(slots.measures)
            if (granted := sorted({*by_grant[measure.name], *by_grant[measure.change]}))
        }

    def covers(self, book: Book, line: Indexes, slot: Indexes, days: Window) -> Bools:
        """Per pair of line and measure, whether one licence is valid on the first and the last of its days."""
        covered = np.zeros(len(line), dtype=np.bool_)
        concerned = np.isin(slot, list(self.of_slot))
        if not concerned.any():
            return covered
        rows = self.commodities.ids(book.profile.values)[book.profile.rows[line]]
        contract = book.contract_of[line]
        for granted_slot, granted in self.of_slot.items():
            under = slot == granted_slot
            if not under.any():
                continue
            for position in granted:
                licence = self.licences[position]
                assert licence.valid_until is not None
                inside = days.last <= licence.valid_until.toordinal()
                inside &= days.first >= first_day(licence.valid_from)
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
    wanted = column.values.index(organization) if organization in column.values else NOBODY
    return column.rows[contract] == wanted


def _is_or_any(column: Column, contract: npt.NDArray[np.int32], organization: str | None) -> Bools:
    if organization is None:
        return np.ones(len(contract), dtype=np.bool_)
    return _is(column, contract, organization)
