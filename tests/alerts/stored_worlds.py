"""Worlds of `tests/screening/worlds.py` put into the database, object by object, over what bears the same name."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from contracts.facts import ContractFacts, LineFacts
from contracts.models import Amendment, Contract, Line
from policies.facts import CommodityEntry, LicenceFacts, MeasureFacts, Parties, PartyListFacts, Scope
from policies.models import Licence, Measure, PartyList, PartyListEntry, PolicyChange
from suppliers.facts import OrganizationFacts
from suppliers.models import Organization, Ownership
from tests.screening.worlds import World


def put_world(world: World) -> None:
    for reference in world.policies.organizations:
        Organization.objects.get_or_create(reference=reference)
    for organization in world.policies.organizations.values():
        put_organization(organization)
    for listing in world.policies.lists.values():
        put_list(listing)
    for change in {measure.change for measure in world.policies.measures}:
        put_change([measure for measure in world.policies.measures if measure.change == change])
    for licence in world.policies.licences:
        put_licence(licence)
    for contract in world.contracts:
        put_contract(contract)


def organization(reference: str | None) -> Organization | None:
    return None if reference is None else Organization.objects.get_or_create(reference=reference)[0]


def put_organization(facts: OrganizationFacts) -> None:
    row, _ = Organization.objects.update_or_create(
        reference=facts.reference,
        defaults={"country": facts.country, "kind": facts.kind, "owners_complete": facts.owners_complete},
    )
    row.owners.all().delete()
    for stake in facts.owners:
        Ownership.objects.create(
            organization=row,
            owner=organization(stake.owner),
            percent=stake.percent,
            controls=stake.controls,
            from_on=stake.from_on,
            until_on=stake.until_on,
        )


def put_list(facts: PartyListFacts) -> None:
    row, _ = PartyList.objects.update_or_create(reference=facts.reference, defaults={"timezone": facts.timezone})
    row.entries.all().delete()
    for entry in facts.entries:
        listed = organization(entry.organization)
        PartyListEntry.objects.create(
            party_list=row, organization=listed, from_on=entry.from_on, until_on=entry.until_on
        )


def put_change(measures: Sequence[MeasureFacts]) -> None:
    first = measures[0]
    row, _ = PolicyChange.objects.update_or_create(
        reference=first.change,
        defaults={
            "timezone": first.timezone,
            "formality": first.formality,
            "status": first.status,
            "announced_on": first.announced_on,
        },
    )
    for measure in measures:
        Measure.objects.update_or_create(
            change=row,
            key=measure.key,
            defaults={
                "effect": measure.effect,
                "timeline": [
                    {"status": one.status, "from": text(one.from_on), "until": text(one.until_on)}
                    for one in measure.timeline
                ],
                "scope": scope(measure.scope),
            },
        )


def put_licence(facts: LicenceFacts) -> None:
    Licence.objects.update_or_create(
        reference=facts.reference,
        defaults={
            "exporter": organization(facts.exporter),
            "consignee": organization(facts.consignee),
            "end_user": organization(facts.end_user),
            "measures": list(facts.measures),
            "commodities": [entry(one) for one in facts.commodities],
            "valid_from": facts.valid_from,
            "valid_until": facts.valid_until,
        },
    )


COPIED = [
    "kind",
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
]
COPIED_OF_LINE = [
    "hs_code",
    "purity",
    "origin_country",
    "quantity",
    "unit_price",
    "delivered",
    "cancelled",
    "ship_from",
    "ship_until",
]


def put_contract(facts: ContractFacts) -> None:
    row, _ = Contract.objects.update_or_create(
        reference=facts.reference,
        defaults={
            **{field: getattr(facts, field) for field in COPIED},
            "supplier": organization(facts.supplier),
            "buyer": organization(facts.buyer),
            "end_user": organization(facts.end_user),
        },
    )
    row.lines.all().delete()
    row.amendments.all().delete()
    for one in facts.lines:
        Line.objects.create(contract=row, **line(one))
    for made in facts.amendments:
        Amendment.objects.create(
            contract=row, made_on=made.made_on, increases_quantity_or_term=made.increases_quantity_or_term
        )


def line(facts: LineFacts) -> dict[str, Any]:
    return {
        **{field: getattr(facts, field) for field in COPIED_OF_LINE},
        "number": facts.number,
        "tariff_codes": dict(facts.tariff_codes),
        "control_codes": None if facts.control_codes is None else list(facts.control_codes),
        "elements": None if facts.elements is None else list(facts.elements),
        "content": None
        if facts.content is None
        else [{"origin": one.origin, "value_share": text(one.value_share)} for one in facts.content],
    }


def scope(facts: Scope) -> dict[str, Any]:
    exempt = facts.exempt_concluded_before
    return {
        "commodities": [entry(one) for one in facts.commodities],
        "except_commodities": [entry(one) for one in facts.except_commodities],
        **{
            name: list(getattr(facts, name))
            for name in ("origin_countries", "supplier_countries", "buyer_countries", "destination_countries")
        },
        "end_uses": list(facts.end_uses),
        "supplier_controlled_by_state": facts.supplier_controlled_by_state,
        "parties": facts.parties and parties(facts.parties),
        "contracts": list(facts.contracts),
        "exempt_concluded_before": exempt
        and {
            "date": text(exempt.date),
            "performed_by": text(exempt.performed_by),
            "lost_by_amendment_after": text(exempt.lost_by_amendment_after),
        },
    }


def parties(facts: Parties) -> dict[str, Any]:
    rule = facts.affiliates
    return {
        "roles": list(facts.roles),
        "lists": list(facts.lists),
        "named": list(facts.named),
        "affiliates": rule
        and {"min_percent": text(rule.min_percent), "operator": rule.operator, "aggregate": rule.aggregate},
    }


def entry(facts: CommodityEntry) -> dict[str, Any]:
    share = facts.min_value_share
    return {
        "hs": list(facts.hs),
        "tariff": {country: list(codes) for country, codes in facts.tariff},
        "control_codes": list(facts.control_codes),
        "elements": list(facts.elements),
        "min_purity": text(facts.min_purity),
        "min_value_share": share and {"share": text(share.share), "origin": share.origin},
    }


def text(value: Any) -> str | None:
    if value is None:
        return None
    return format(value, "f") if isinstance(value, Decimal) else value.isoformat()
