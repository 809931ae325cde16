"""Why a flag is open: per line and criterion what the contract said, what the measure says, and the verdict.

Rendered from a verdict's bits when somebody reads them; values have the shapes of the bundle format.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from alerts.screening.commodities import is_stated
from alerts.screening.policy_set import Policies
from alerts.screening.verdicts import BIT, CRITERIA, Verdict
from contracts.facts import ContractFacts, LineFacts
from policies.facts import CommodityEntry, MeasureFacts, Scope
from suppliers.facts import OrganizationFacts

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

NOT_ESTABLISHED = LineFacts(number=0)


@dataclass(frozen=True, slots=True)
class Reason:
    """One criterion's part in a flag; `line` is None for a contract without lines."""

    line: int | None
    criterion: str
    verdict: Literal["matched", "unknown"]
    contract_says: Json
    measure_says: Json


def reasons(verdict: Verdict, contract: ContractFacts, measure: MeasureFacts, policies: Policies) -> list[Reason]:
    """Every criterion the measure states and every other ground for review, line by line."""
    lines = {line.number: line for line in contract.lines}
    numbers: tuple[int | None, ...] = verdict.lines or (None,)
    found: list[Reason] = []
    for number, unknowns in zip(numbers, verdict.unknowns, strict=True):
        line = NOT_ESTABLISHED if number is None else lines[number]
        for criterion in CRITERIA:
            unknown = bool(unknowns & BIT[criterion])
            if not unknown and not is_stated(getattr(measure.scope, criterion, None)):
                continue
            found.append(
                Reason(
                    line=number,
                    criterion=criterion,
                    verdict="unknown" if unknown else "matched",
                    contract_says=contract_says(criterion, contract, line, measure, policies.organizations),
                    measure_says=measure_says(criterion, measure),
                )
            )
    return found


def contract_says(
    criterion: str,
    contract: ContractFacts,
    line: LineFacts,
    measure: MeasureFacts,
    organizations: Mapping[str, OrganizationFacts],
) -> Json:
    """The contract's side of a criterion."""

    def country(reference: str) -> Json:
        return organizations[reference].country if reference in organizations else None

    sides: dict[str, Callable[[], Json]] = {
        "commodities": lambda: _goods(line, measure.scope.commodities),
        "except_commodities": lambda: _goods(line, measure.scope.except_commodities),
        "origin_countries": lambda: line.origin_country,
        "supplier_countries": lambda: country(contract.supplier),
        "buyer_countries": lambda: country(contract.buyer),
        "destination_countries": lambda: contract.destination_country,
        "end_uses": lambda: contract.end_use,
        "supplier_controlled_by_state": lambda: _owned(contract.supplier, organizations),
        "parties": lambda: {role: getattr(contract, role) for role in getattr(measure.scope.parties, "roles", ())},
        "contracts": lambda: contract.reference,
        "exempt_concluded_before": lambda: _conclusion(contract),
        "timeline": lambda: None,
        "open_quantity": lambda: {
            "quantity": _plain(line.quantity),
            "delivered": _plain(line.delivered),
            "cancelled": _plain(line.cancelled),
        },
        "renewal": lambda: {
            "renewal": contract.renewal,
            "expires_on": _plain(contract.expires_on),
            "notice_days": contract.notice_days,
        },
    }
    return sides[criterion]()


def measure_says(criterion: str, measure: MeasureFacts) -> Json:
    """The measure's side of a criterion, in the shape of the bundle format."""
    scope: Scope = measure.scope
    if criterion in ("commodities", "except_commodities"):
        return [_entry(entry) for entry in getattr(scope, criterion)]
    if criterion == "parties" and scope.parties is not None:
        rule = scope.parties.affiliates
        return {
            "lists": list(scope.parties.lists),
            "named": list(scope.parties.named),
            "roles": list(scope.parties.roles),
            "affiliates": None
            if rule is None
            else {"min_percent": _plain(rule.min_percent), "operator": rule.operator, "aggregate": rule.aggregate},
        }
    if criterion == "exempt_concluded_before" and scope.exempt_concluded_before is not None:
        exemption = scope.exempt_concluded_before
        return {
            "date": _plain(exemption.date),
            "performed_by": _plain(exemption.performed_by),
            "lost_by_amendment_after": _plain(exemption.lost_by_amendment_after),
        }
    if criterion == "timeline":
        return [
            {"status": period.status, "from": _plain(period.from_on), "until": _plain(period.until_on)}
            for period in measure.timeline
        ]
    return _plain(getattr(scope, criterion, None))


def _goods(line: LineFacts, entries: tuple[CommodityEntry, ...]) -> Json:
    """What the line says of the facets the entries state."""
    stated = {
        "hs_code": any(entry.hs or entry.tariff for entry in entries),
        "tariff_codes": any(entry.tariff for entry in entries),
        "control_codes": any(entry.control_codes for entry in entries),
        "elements": any(entry.elements for entry in entries),
        "purity": any(entry.min_purity is not None for entry in entries),
        "content": any(entry.min_value_share for entry in entries),
    }
    says: dict[str, Json] = {
        "hs_code": line.hs_code,
        "tariff_codes": dict(line.tariff_codes),
        "control_codes": _plain(line.control_codes),
        "elements": _plain(line.elements),
        "purity": _plain(line.purity),
        "content": None
        if line.content is None
        else [{"origin": part.origin, "value_share": _plain(part.value_share)} for part in line.content],
    }
    return {name: value for name, value in says.items() if stated[name]}


def _entry(entry: CommodityEntry) -> Json:
    share = entry.min_value_share
    shown: dict[str, Json] = {
        "hs": _plain(entry.hs),
        "tariff": {country: _plain(codes) for country, codes in entry.tariff},
        "control_codes": _plain(entry.control_codes),
        "elements": _plain(entry.elements),
        "min_purity": _plain(entry.min_purity),
        "min_value_share": None if share is None else {"share": _plain(share.share), "origin": share.origin},
    }
    return {name: value for name, value in shown.items() if value}


def _owned(supplier: str, organizations: Mapping[str, OrganizationFacts]) -> Json:
    facts = organizations.get(supplier)
    if facts is None:
        return {"supplier": supplier}
    return {
        "supplier": supplier,
        "kind": facts.kind,
        "owners": list(_stakes(facts)),
        "owners_complete": facts.owners_complete,
    }


def _stakes(facts: OrganizationFacts) -> Iterator[Json]:
    for stake in facts.owners:
        yield {
            "owner": stake.owner,
            "percent": _plain(stake.percent),
            "controls": stake.controls,
            "from": _plain(stake.from_on),
            "until": _plain(stake.until_on),
        }


def _conclusion(contract: ContractFacts) -> Json:
    return {
        "concluded_at": _plain(contract.concluded_at),
        "concluded_on": _plain(contract.concluded_on),
        "concluded_timezone": contract.concluded_timezone,
        "amendments": [
            {"made_on": _plain(a.made_on), "increases_quantity_or_term": a.increases_quantity_or_term}
            for a in contract.amendments
        ],
    }


def _plain(value: str | Decimal | date | datetime | tuple[str, ...] | None) -> Json:
    """Decimals, dates and tuples as JSON has them."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return list(value)
    return plain_number(value) if isinstance(value, Decimal) else value.isoformat()


def plain_number(value: Decimal) -> str:
    """All its digits, without idle zeros and without an exponent."""
    return format(value.normalize(), "f")
