"""Who has charge of contracts, read for many at once: few combinations of owner, deputy and department."""

from dataclasses import dataclass

import numpy as np

from alerts.recipients import SharedCharge
from contracts.columns import Codes, Ids
from contracts.copying import Span
from contracts.models import Contract
from people.copying import columns, read
from people.models import Department

NONE = -1


@dataclass(frozen=True, slots=True)
class Charges:
    """Contracts by id, ascending, each with the number of its charge."""

    contracts: Ids
    numbers: Codes
    charges: list[SharedCharge]

    @classmethod
    def read(cls, contracts: Ids) -> "Charges":
        """Of contracts by id; those that no longer exist have none."""
        source = f"FROM {Contract._meta.db_table} WHERE {Span(contracts).condition('id')} ORDER BY id"
        found, (rows,) = columns(
            {"id": ("id", "i8"), "department": (f"COALESCE(department_id, {NONE})", "i8")}, source, ["owner", "deputy"]
        )
        known: dict[tuple[str, int], int] = {}
        keys = zip(rows, found["department"].tolist(), strict=True)
        numbers = np.array([known.setdefault(key, len(known)) for key in keys], dtype=np.int32)
        departments = Department.objects.in_bulk({department for _, department in known})
        people = read([row for row, _ in known], [str, str])
        charges = [
            SharedCharge(owner, deputy, departments.get(department))
            for (owner, deputy), (_, department) in zip(people, known, strict=True)
        ]
        return cls(found["id"], numbers, charges)

    def one(self, contract: int) -> SharedCharge:
        return self.charges[int(self.numbers[np.searchsorted(self.contracts, contract)])]

    def of(self, contracts: Ids) -> list[SharedCharge]:
        """The distinct charges of some of the contracts."""
        rows = np.flatnonzero(np.isin(self.contracts, contracts))
        return [self.charges[number] for number in np.unique(self.numbers[rows]).tolist()]
