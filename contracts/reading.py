"""From the values of a contract, stored or in a bundle, to what screening knows of it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from contracts.facts import AmendmentFacts, ContentPart, ContractFacts, LineFacts

CONTRACT_COLUMNS = (
    "kind",
    "supplier",
    "buyer",
    "end_user",
    "framework",
    "destination_country",
    "end_use",
    "negotiation",
    "concluded_at",
    "concluded_on",
    "concluded_timezone",
    "effective_on",
    "expires_on",
    "termination_notice_on",
    "terminated_on",
    "closed_as",
    "renewal",
    "notice_days",
    "currency",
)
LINE_COLUMNS = (
    "hs_code",
    "purity",
    "origin_country",
    "quantity",
    "unit_price",
    "delivered",
    "cancelled",
    "ship_from",
    "ship_until",
)


def line_facts(values: Mapping[str, Any]) -> LineFacts:
    """The facts of a line; its tariff codes in order of country."""
    codes, elements = values.get("control_codes"), values.get("elements")
    return LineFacts(
        number=values["number"],
        tariff_codes=tariff_codes(values.get("tariff_codes")),
        control_codes=None if codes is None else tuple(codes),
        elements=None if elements is None else tuple(elements),
        content=content(values.get("content")),
        **{column: values.get(column) for column in LINE_COLUMNS},
    )


def tariff_codes(codes: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """In order of country."""
    return tuple(sorted((codes or {}).items()))


def content(parts: Iterable[Mapping[str, str | None]] | None) -> tuple[ContentPart, ...] | None:
    return None if parts is None else tuple(map(_content_part, parts))


def contract_facts(values: Mapping[str, Any]) -> ContractFacts:
    """The facts of a contract; lines in order of number, amendments in the order recorded."""
    columns: dict[str, Any] = {column: values.get(column) for column in CONTRACT_COLUMNS}
    return ContractFacts(
        reference=values["reference"],
        amendments=tuple(
            AmendmentFacts(amendment.get("made_on"), amendment.get("increases_quantity_or_term"))
            for amendment in values.get("amendments") or ()
        ),
        lines=tuple(sorted(map(line_facts, values.get("lines") or ()), key=lambda line: line.number)),
        **columns,
    )


def _content_part(part: Mapping[str, str | None]) -> ContentPart:
    share = part.get("value_share")
    return ContentPart(origin=part.get("origin"), value_share=None if share is None else Decimal(share))
