"""Reads a bundle straight into facts, without validation: enough for the worked examples of tests/cases/."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from alerts.screening import Calendar, Policies
from contracts.facts import AmendmentFacts, ContentPart, ContractFacts, LineFacts
from policies.facts import (
    Affiliates,
    CommodityEntry,
    Grandfathering,
    LicenceFacts,
    ListEntry,
    MeasureFacts,
    MinValueShare,
    Parties,
    PartyListFacts,
    Period,
    Scope,
)
from suppliers.facts import OrganizationFacts, Stake

CASES = sorted((Path(__file__).parent.parent / "cases").glob("*.json"))

Json = dict[str, Any]


def read(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8"))


def calendar(case: Json) -> Calendar:
    return Calendar(datetime.fromisoformat(case["at"]), "Asia/Tokyo", 180)


def policies(bundle: Json) -> Policies:
    return Policies(
        measures=list(measures(bundle)),
        organizations={one["reference"]: organization(one) for one in bundle.get("organizations", [])},
        lists={one["reference"]: party_list(one) for one in bundle.get("party_lists", [])},
        licences=[licence(one) for one in bundle.get("licences", [])],
    )


def contracts(bundle: Json) -> list[ContractFacts]:
    return [contract(one) for one in bundle.get("contracts", [])]


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def codes(values: list[str] | None) -> tuple[str, ...]:
    return tuple(values or ())


def organization(one: Json) -> OrganizationFacts:
    stakes = tuple(
        Stake(
            owner=owner["owner"],
            percent=number(owner.get("percent")),
            controls=owner.get("controls"),
            from_on=day(owner.get("from")),
            until_on=day(owner.get("until")),
        )
        for owner in one.get("owners") or ()
    )
    return OrganizationFacts(one["reference"], one.get("country"), one.get("kind"), stakes, one.get("owners_complete"))


def party_list(one: Json) -> PartyListFacts:
    entries = tuple(
        ListEntry(entry["organization"], day(entry.get("from")), day(entry.get("until")))
        for entry in one.get("entries") or ()
    )
    return PartyListFacts(one["reference"], one["timezone"], entries)


def measures(bundle: Json) -> Iterator[MeasureFacts]:
    for change in bundle.get("policy_changes", []):
        for measure in change.get("measures") or ():
            yield MeasureFacts(
                change=change["reference"],
                key=measure["key"],
                effect=measure["effect"],
                timezone=change["timezone"],
                timeline=tuple(
                    Period(period["status"], date.fromisoformat(period["from"]), day(period.get("until")))
                    for period in measure["timeline"]
                ),
                formality=change.get("formality"),
                status=change.get("status"),
                announced_on=day(change.get("announced_on")),
                scope=scope(measure.get("scope") or {}),
            )


def scope(one: Json) -> Scope:
    return Scope(
        commodities=commodities(one.get("commodities")),
        except_commodities=commodities(one.get("except_commodities")),
        origin_countries=codes(one.get("origin_countries")),
        supplier_countries=codes(one.get("supplier_countries")),
        buyer_countries=codes(one.get("buyer_countries")),
        destination_countries=codes(one.get("destination_countries")),
        end_uses=codes(one.get("end_uses")),
        supplier_controlled_by_state=one.get("supplier_controlled_by_state"),
        parties=parties(one.get("parties")),
        contracts=codes(one.get("contracts")),
        exempt_concluded_before=grandfathering(one.get("exempt_concluded_before")),
    )


def commodities(entries: list[Json] | None) -> tuple[CommodityEntry, ...]:
    return tuple(commodity(entry) for entry in entries or ())


def commodity(entry: Json) -> CommodityEntry:
    share = entry.get("min_value_share")
    return CommodityEntry(
        hs=tuple(code.replace(".", "") for code in entry.get("hs") or ()),
        tariff=tuple(sorted((country, codes(values)) for country, values in (entry.get("tariff") or {}).items())),
        control_codes=codes(entry.get("control_codes")),
        elements=codes(entry.get("elements")),
        min_purity=number(entry.get("min_purity")),
        min_value_share=None if share is None else MinValueShare(Decimal(share["share"]), share["origin"]),
    )


def parties(one: Json | None) -> Parties | None:
    if not one:
        return None
    rule = one.get("affiliates")
    return Parties(
        roles=tuple(one["roles"]),
        lists=codes(one.get("lists")),
        named=codes(one.get("named")),
        affiliates=None
        if rule is None
        else Affiliates(Decimal(rule["min_percent"]), rule["operator"], rule["aggregate"]),
    )


def grandfathering(one: Json | None) -> Grandfathering | None:
    if not one:
        return None
    return Grandfathering(
        date.fromisoformat(one["date"]), day(one.get("performed_by")), day(one.get("lost_by_amendment_after"))
    )


def licence(one: Json) -> LicenceFacts:
    return LicenceFacts(
        reference=one["reference"],
        exporter=one["exporter"],
        consignee=one.get("consignee"),
        end_user=one.get("end_user"),
        measures=codes(one.get("measures")),
        commodities=commodities(one.get("commodities")),
        valid_from=day(one.get("valid_from")),
        valid_until=day(one.get("valid_until")),
    )


def contract(one: Json) -> ContractFacts:
    return ContractFacts(
        reference=one["reference"],
        kind=one["kind"],
        supplier=one["supplier"],
        buyer=one["buyer"],
        end_user=one.get("end_user"),
        framework=one.get("framework"),
        destination_country=one.get("destination_country"),
        end_use=one.get("end_use"),
        negotiation=one.get("negotiation"),
        concluded_at=None if one.get("concluded_at") is None else datetime.fromisoformat(one["concluded_at"]),
        concluded_on=day(one.get("concluded_on")),
        concluded_timezone=one.get("concluded_timezone"),
        effective_on=day(one.get("effective_on")),
        expires_on=day(one.get("expires_on")),
        termination_notice_on=day(one.get("termination_notice_on")),
        terminated_on=day(one.get("terminated_on")),
        closed_as=one.get("closed_as"),
        renewal=one.get("renewal"),
        notice_days=one.get("notice_days"),
        currency=one.get("currency"),
        amendments=tuple(
            AmendmentFacts(day(amendment.get("made_on")), amendment.get("increases_quantity_or_term"))
            for amendment in one.get("amendments") or ()
        ),
        lines=tuple(line(each) for each in one.get("lines") or ()),
    )


def line(one: Json) -> LineFacts:
    control_codes, elements, content = one.get("control_codes"), one.get("elements"), one.get("content")
    return LineFacts(
        number=one["number"],
        hs_code=one.get("hs_code"),
        tariff_codes=tuple(sorted((one.get("tariff_codes") or {}).items())),
        control_codes=None if control_codes is None else tuple(control_codes),
        elements=None if elements is None else tuple(elements),
        purity=number(one.get("purity")),
        content=None
        if content is None
        else tuple(ContentPart(part.get("origin"), number(part.get("value_share"))) for part in content),
        origin_country=one.get("origin_country"),
        quantity=number(one.get("quantity")),
        unit_price=number(one.get("unit_price")),
        delivered=number(one.get("delivered")),
        cancelled=number(one.get("cancelled")),
        ship_from=day(one.get("ship_from")),
        ship_until=day(one.get("ship_until")),
    )
