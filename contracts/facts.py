"""What screening knows of a contract and its lines: plain values, no database."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

ContractKind = Literal["purchase", "framework", "call_off"]
EndUse = Literal["civil", "military"]
Negotiation = Literal["draft", "negotiation", "pending_signature"]
Closing = Literal["completed", "cancelled"]
Renewal = Literal["none", "option", "auto", "evergreen"]


@dataclass(frozen=True, slots=True)
class ContentPart:
    """A part of a line's value (0 to 1) by origin; None = not established."""

    origin: str | None
    value_share: Decimal | None


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line of a contract. Codes are digits without dots; purity in percent; None = not established.

    `tariff_codes` holds (country, national code) pairs in order of country.
    """

    number: int
    hs_code: str | None = None
    tariff_codes: tuple[tuple[str, str], ...] = ()
    control_codes: tuple[str, ...] | None = None
    elements: tuple[str, ...] | None = None
    purity: Decimal | None = None
    content: tuple[ContentPart, ...] | None = None
    origin_country: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    delivered: Decimal | None = None
    cancelled: Decimal | None = None
    ship_from: date | None = None
    ship_until: date | None = None


@dataclass(frozen=True, slots=True)
class AmendmentFacts:
    """A change made to a contract; None = not established."""

    made_on: date | None
    increases_quantity_or_term: bool | None


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A contract; organizations by reference. `concluded_at` is aware; `concluded_timezone` is an IANA zone
    that belongs to `concluded_on` (None: the business time zone)."""

    reference: str
    kind: ContractKind
    supplier: str
    buyer: str
    end_user: str | None = None
    framework: str | None = None
    destination_country: str | None = None
    end_use: EndUse | None = None
    negotiation: Negotiation | None = None
    concluded_at: datetime | None = None
    concluded_on: date | None = None
    concluded_timezone: str | None = None
    effective_on: date | None = None
    expires_on: date | None = None
    termination_notice_on: date | None = None
    terminated_on: date | None = None
    closed_as: Closing | None = None
    renewal: Renewal | None = None
    notice_days: int | None = None
    currency: str | None = None
    amendments: tuple[AmendmentFacts, ...] = ()
    lines: tuple[LineFacts, ...] = ()
