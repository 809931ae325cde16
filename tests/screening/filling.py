"""Facts not established: where a world has them, what each may turn out to be, and the world in which it did.

Facts are named by the paths of `would_clear_if`, and applied by code that shares nothing with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from alerts.screening import Json, Policies
from contracts.facts import ContentPart, ContractFacts, LineFacts
from suppliers.facts import OrganizationFacts
from tests.screening.worlds import (
    CONTROL,
    COUNTRIES,
    ELEMENTS,
    HS,
    PERCENTS,
    PURITIES,
    SHARES,
    TARIFF,
    World,
    legal_owners,
)


@dataclass(frozen=True)
class Unknown:
    """A null, by the contract it belongs to (None: an organization's) and its path, with values it may have."""

    contract: str | None
    path: str
    values: tuple[Json, ...]


def filled(world: World, contract: str | None, path: str, value: Json) -> World:
    """The world in which the fact is known to be the value (as JSON)."""
    steps = path.split("/")
    if steps[0] == "organizations":
        organizations = dict(world.policies.organizations)
        organizations[steps[1]] = organization_with(organizations[steps[1]], steps[2:], value)
        policies = Policies(world.policies.measures, organizations, world.policies.lists, world.policies.licences)
        return replace(world, policies=policies)
    contracts = tuple(contract_with(one, steps, value) if one.reference == contract else one for one in world.contracts)
    return replace(world, contracts=contracts)


def contract_with(contract: ContractFacts, steps: list[str], value: Json) -> ContractFacts:
    match steps:
        case ["lines", number, *rest]:
            assert any(str(line.number) == number for line in contract.lines)
            lines = tuple(line_with(one, rest, value) if str(one.number) == number else one for one in contract.lines)
            return replace(contract, lines=lines)
        case ["amendments", position, "made_on" | "increases_quantity_or_term" as field]:
            known = date.fromisoformat(value) if field == "made_on" else value
            amendments = list(contract.amendments)
            amendments[int(position)] = replace(amendments[int(position)], **{field: known})
            return replace(contract, amendments=tuple(amendments))
        case ["concluded_at"]:
            instant = datetime.fromisoformat(value)
            return replace(contract, concluded_at=instant, concluded_on=None, concluded_timezone=None)
        case ["expires_on"]:
            return replace(contract, expires_on=date.fromisoformat(value))
        case ["end_user" | "destination_country" | "end_use" | "renewal" | "notice_days" as field]:
            return replace(contract, **{field: value})
    raise AssertionError(f"no such fact of a contract: {steps}")


def line_with(line: LineFacts, steps: list[str], value: Json) -> LineFacts:
    match steps:
        case ["hs_code" | "origin_country" as field]:
            return replace(line, **{field: value})
        case ["tariff_codes", country]:
            return replace(line, tariff_codes=tuple(sorted({**dict(line.tariff_codes), country: value}.items())))
        case ["control_codes" | "elements" as field]:
            return replace(line, **{field: tuple(value)})
        case ["purity" | "quantity" | "delivered" | "cancelled" as field]:
            return replace(line, **{field: Decimal(value)})
        case ["content"]:
            parts = [ContentPart(part["origin"], Decimal(part["value_share"])) for part in value]
            return replace(line, content=tuple(parts))
        case ["content", position, "origin" | "value_share" as field]:
            content = list(line.content or ())
            known = value if field == "origin" else Decimal(value)
            content[int(position)] = replace(content[int(position)], **{field: known})
            return replace(line, content=tuple(content))
    raise AssertionError(f"no such fact of a line: {steps}")


def organization_with(organization: OrganizationFacts, steps: list[str], value: Json) -> OrganizationFacts:
    match steps:
        case ["country" | "kind" | "owners_complete" as field]:
            return replace(organization, **{field: value})
        case ["owners", owner, "percent" | "controls" as field]:
            known = Decimal(value) if field == "percent" else value
            stakes = list(organization.owners)
            position = next(
                at for at, stake in enumerate(stakes) if stake.owner == owner and getattr(stake, field) is None
            )
            stakes[position] = replace(stakes[position], **{field: known})
            return replace(organization, owners=tuple(stakes))
    raise AssertionError(f"no such fact of an organization: {steps}")


def unknowns(world: World) -> Iterator[Unknown]:
    """Every null that stands for "not established", with values that agree with the facts around it."""
    for contract in world.contracts:
        yield from unknowns_of_contract(contract, world)
    for organization in world.policies.organizations.values():
        yield from unknowns_of_organization(organization)


def unknowns_of_contract(contract: ContractFacts, world: World) -> Iterator[Unknown]:
    around = [(world.calendar.at + timedelta(days=shift)).date().isoformat() for shift in (-30, -2, -1, 0, 1, 2, 30)]
    values: dict[str, tuple[Json, ...]] = {
        "end_user": tuple(world.policies.organizations),
        "destination_country": COUNTRIES,
        "end_use": ("civil", "military"),
        "notice_days": (0, 1, 3, 400),
    }
    # An expired contract's renewal that is not established is none.
    today = world.calendar.at.astimezone(ZoneInfo(world.calendar.timezone)).date()
    if contract.expires_on is None or contract.expires_on >= today:
        values["renewal"] = ("none", "option", "auto", "evergreen")
    for field, possible in values.items():
        if getattr(contract, field) is None:
            yield Unknown(contract.reference, field, possible)
    for position, amendment in enumerate(contract.amendments):
        if amendment.made_on is None:
            yield Unknown(contract.reference, f"amendments/{position}/made_on", tuple(around))
        if amendment.increases_quantity_or_term is None:
            yield Unknown(contract.reference, f"amendments/{position}/increases_quantity_or_term", (False, True))
    for line in contract.lines:
        for path, possible in unknowns_of_line(line, contract):
            yield Unknown(contract.reference, f"lines/{line.number}/{path}", tuple(possible))


def unknowns_of_line(line: LineFacts, contract: ContractFacts) -> Iterator[tuple[str, list[Json]]]:
    tariff = dict(line.tariff_codes)
    if line.hs_code is None:
        yield "hs_code", [code for code in (*HS, "0101") if all(agree(code, other) for other in tariff.values())]
    for country in ("CN", "JP"):
        if country not in tariff:
            others = [*tariff.values(), *filter(None, [line.hs_code])]
            yield f"tariff_codes/{country}", [code for code in TARIFF if all(agree(code, one) for one in others)]
    if line.control_codes is None:
        yield "control_codes", [[], *([code] for code in CONTROL), ["CN-DUAL:1C117", "US-CCL:3A001"]]
    if line.elements is None:
        yield "elements", [[], *([symbol] for symbol in ELEMENTS), list(ELEMENTS)]
    if line.purity is None:
        yield "purity", [str(purity) for purity in (*PURITIES, 0, 100)]
    if line.content is None:
        yield (
            "content",
            [
                [],
                *([{"origin": origin, "value_share": str(share)}] for origin in ("CN", "JP") for share in SHARES),
            ],
        )
    for position, part in enumerate(line.content or ()):
        if part.origin is None:
            yield f"content/{position}/origin", list(COUNTRIES)
        if part.value_share is None:
            yield f"content/{position}/value_share", [str(share) for share in SHARES]
    if line.origin_country is None:
        yield "origin_country", list(COUNTRIES)
    if line.quantity is None and contract.kind != "framework":
        yield "quantity", ["0", "60", "200"]
    for field in ("delivered", "cancelled"):
        if getattr(line, field) is None:
            yield field, ["0", "40", "100"]


def agree(code: str, other: str) -> bool:
    """Whether two codes may be one article's: the international first six digits do not contradict one another."""
    return code[:6].startswith(other[:6]) or other[:6].startswith(code[:6])


def unknowns_of_organization(organization: OrganizationFacts) -> Iterator[Unknown]:
    at = f"organizations/{organization.reference}"
    values: dict[str, tuple[Json, ...]] = {
        "country": COUNTRIES,
        "kind": ("company", "state_body", "person"),
        "owners_complete": (True, False),
    }
    for field, possible in values.items():
        if getattr(organization, field) is None:
            yield Unknown(None, f"{at}/{field}", possible)
    for stake in organization.owners:
        if sum(other.owner == stake.owner for other in organization.owners) > 1:
            continue  # two periods of one owner share a path
        others = [other for other in organization.owners if other is not stake]
        if stake.percent is None:
            legal = [str(one) for one in PERCENTS if legal_owners([*others, replace(stake, percent=one)])]
            yield Unknown(None, f"{at}/owners/{stake.owner}/percent", tuple(legal))
        # Control that is not established is none below 20 %.
        if stake.controls is None and (stake.percent is None or stake.percent >= 20):
            yield Unknown(None, f"{at}/owners/{stake.owner}/controls", (False, True))
