"""What screening knows of a contract and its lines: plain values, no database."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple, Self

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


class Goods(NamedTuple):
    """What a line says of its goods; the fields are those of `LineFacts`."""

    hs_code: str | None
    tariff_codes: tuple[tuple[str, str], ...]
    control_codes: tuple[str, ...] | None
    elements: tuple[str, ...] | None
    purity: Decimal | None
    content: tuple[ContentPart, ...] | None
    origin_country: str | None

    @classmethod
    def of(cls, line: LineFacts) -> Self:
        return cls(
            line.hs_code,
            line.tariff_codes,
            line.control_codes,
            line.elements,
            line.purity,
            line.content,
            line.origin_country,
        )


class Amounts(NamedTuple):
    """How much of a line there is, in its unit, and at what price; the fields are those of `LineFacts`."""

    quantity: Decimal | None
    unit_price: Decimal | None
    delivered: Decimal | None
    cancelled: Decimal | None

    @classmethod
    def of(cls, line: LineFacts) -> Self:
        return cls(line.quantity, line.unit_price, line.delivered, line.cancelled)


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


class Terms(NamedTuple):
    """What few words of a contract say; the fields are those of `ContractFacts`."""

    kind: ContractKind
    destination_country: str | None
    end_use: EndUse | None
    negotiation: Negotiation | None
    closed_as: Closing | None
    renewal: Renewal | None
    notice_days: int | None
    currency: str | None

    @classmethod
    def of(cls, contract: ContractFacts) -> Self:
        return cls(
            contract.kind,
            contract.destination_country,
            contract.end_use,
            contract.negotiation,
            contract.closed_as,
            contract.renewal,
            contract.notice_days,
            contract.currency,
        )


class Conclusion(NamedTuple):
    """When a contract was, or will be, concluded: an instant, or a day in a zone; the fields are `ContractFacts`'."""

    concluded_at: datetime | None
    concluded_on: date | None
    concluded_timezone: str | None

    @classmethod
    def of(cls, contract: ContractFacts) -> Self:
        return cls(contract.concluded_at, contract.concluded_on, contract.concluded_timezone)
