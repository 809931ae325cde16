"""What screening answers: a flag that must be open, with the reasons in bits."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Kind = Literal["no_new_contracts", "possible_termination", "licence_required"]
Certainty = Literal["matched", "needs_review"]
Basis = Literal["in_force", "reported", "announced", "resumption_unconfirmed"]

KINDS: tuple[Kind, ...] = ("no_new_contracts", "possible_termination", "licence_required")
BASES: tuple[Basis, ...] = ("resumption_unconfirmed", "announced", "reported", "in_force")
"""From the weakest to the strongest."""

CRITERIA = (
    "commodities",
    "except_commodities",
    "origin_countries",
    "supplier_countries",
    "buyer_countries",
    "destination_countries",
    "end_uses",
    "supplier_controlled_by_state",
    "parties",
    "contracts",
    "exempt_concluded_before",
    "timeline",
    "open_quantity",
    "renewal",
)
"""Every ground on which a line may need review, in the order of their bits. The last three are not criteria of the
scope: a resumption that nobody confirmed, an open quantity and a renewal that are not established."""

BIT = {criterion: 1 << position for position, criterion in enumerate(CRITERIA)}


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in an ISO 4217 currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One flag: a measure's hold on a contract, of one kind.

    `lines` are the numbers of the lines of the flag's certainty, ascending, empty for a contract without lines.
    `unknowns` holds per line (a single element for a contract without lines) the bits of CRITERIA that are unknown;
    all other criteria the measure states are matched. `act_by` is a day in the measure's time zone, of a renewal in
    the business time zone. `exposure` is None where a price or a quantity is not established.
    """

    contract: str
    measure: str
    kind: Kind
    certainty: Certainty
    basis: Basis
    lines: tuple[int, ...]
    unknowns: tuple[int, ...]
    act_by: date
    exposure: Money | None

    @property
    def key(self) -> tuple[str, str, Kind]:
        return self.contract, self.measure, self.kind
