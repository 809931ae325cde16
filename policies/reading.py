"""From the values of policies, stored or in a bundle, to what screening knows of them.

Scopes, timelines and commodities are JSON values in the shape of a bundle, with codes already without dots.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

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


def measure_facts(change: Mapping[str, Any], measure: Mapping[str, Any]) -> MeasureFacts:
    """The facts of a measure, with what it takes from its change."""
    return MeasureFacts(
        change=change["reference"],
        key=measure["key"],
        effect=measure["effect"],
        timezone=change["timezone"],
        timeline=tuple(
            Period(period["status"], date.fromisoformat(period["from"]), _day(period.get("until")))
            for period in measure["timeline"]
        ),
        formality=change.get("formality"),
        status=change.get("status"),
        announced_on=change.get("announced_on"),
        scope=scope(measure.get("scope") or {}),
    )


def party_list_facts(values: Mapping[str, Any]) -> PartyListFacts:
    """The facts of a list, its entries in order of organization and first day."""
    entries = [
        ListEntry(entry["organization"], entry.get("from_on"), entry.get("until_on"))
        for entry in values.get("entries") or ()
    ]
    entries.sort(key=lambda entry: (entry.organization, entry.from_on or date.min, entry.until_on or date.max))
    return PartyListFacts(reference=values["reference"], timezone=values["timezone"], entries=tuple(entries))


def licence_facts(values: Mapping[str, Any]) -> LicenceFacts:
    return LicenceFacts(
        reference=values["reference"],
        exporter=values["exporter"],
        consignee=values.get("consignee"),
        end_user=values.get("end_user"),
        measures=tuple(values.get("measures") or ()),
        commodities=commodities(values.get("commodities")),
        valid_from=values.get("valid_from"),
        valid_until=values.get("valid_until"),
    )


def scope(criteria: Mapping[str, Any]) -> Scope:
    """The criteria that are stated; a missing, null or empty one holds for everything."""
    exempt = criteria.get("exempt_concluded_before")
    return Scope(
        commodities=commodities(criteria.get("commodities")),
        except_commodities=commodities(criteria.get("except_commodities")),
        origin_countries=tuple(criteria.get("origin_countries") or ()),
        supplier_countries=tuple(criteria.get("supplier_countries") or ()),
        buyer_countries=tuple(criteria.get("buyer_countries") or ()),
        destination_countries=tuple(criteria.get("destination_countries") or ()),
        end_uses=tuple(criteria.get("end_uses") or ()),
        supplier_controlled_by_state=criteria.get("supplier_controlled_by_state"),
        parties=_parties(criteria.get("parties")),
        contracts=tuple(criteria.get("contracts") or ()),
        exempt_concluded_before=exempt
        and Grandfathering(
            date=date.fromisoformat(exempt["date"]),
            performed_by=_day(exempt.get("performed_by")),
            lost_by_amendment_after=_day(exempt.get("lost_by_amendment_after")),
        ),
    )


def commodities(entries: Iterable[Mapping[str, Any]] | None) -> tuple[CommodityEntry, ...]:
    return tuple(
        CommodityEntry(
            hs=tuple(entry.get("hs") or ()),
            tariff=tuple((country, tuple(codes)) for country, codes in sorted((entry.get("tariff") or {}).items())),
            control_codes=tuple(entry.get("control_codes") or ()),
            elements=tuple(entry.get("elements") or ()),
            min_purity=_number(entry.get("min_purity")),
            min_value_share=_min_value_share(entry.get("min_value_share")),
        )
        for entry in entries or ()
    )


def _parties(criterion: Mapping[str, Any] | None) -> Parties | None:
    if not criterion:
        return None
    rule = criterion.get("affiliates")
    return Parties(
        roles=tuple(criterion["roles"]),
        lists=tuple(criterion.get("lists") or ()),
        named=tuple(criterion.get("named") or ()),
        affiliates=rule and Affiliates(Decimal(rule["min_percent"]), rule["operator"], rule["aggregate"]),
    )


def _min_value_share(facet: Mapping[str, str] | None) -> MinValueShare | None:
    return MinValueShare(Decimal(facet["share"]), facet["origin"]) if facet else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
