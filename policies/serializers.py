"""Policy changes, party lists and licences as a bundle and the REST interface spell them.

Scopes, timelines and commodities are stored as the JSON values they are sent as, codes without dots.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers

from people.faults import Fault, Values, in_order, once
from people.fields import (
    Choice,
    Code,
    Country,
    Day,
    Element,
    Reference,
    Text,
    Timezone,
    Url,
    YesNo,
    choices,
    fraction,
    percentage,
)
from people.serializers import Period
from people.strict import Errors, Rows, Strict
from policies.facts import ROLES
from policies.models import Evidence, Licence, Measure, PolicyChange
from suppliers.goods import ControlCode, HsCode, TariffCode, by_country


def states_a_facet(values: Mapping[str, Any]) -> Iterator[Fault]:
    """An entry without any facet would match all goods, or none: neither was meant."""
    if not any(value not in (None, [], {}) for value in values.values()):
        yield Fault((), "no_facet", "an entry states at least one facet")


def text_in_order(first: str, last: str) -> Any:
    """As `in_order`, for days that stay text; ISO days sort as text."""

    def rule(values: Mapping[str, Any]) -> Iterator[Fault]:
        begin, end = values.get(first), values.get(last)
        if begin and end and end < begin:
            yield Fault((last,), "ends_before_it_begins", f"{end} is before {begin} ({first})")

    return rule


class MinValueShareSerializer(Strict):
    share = fraction(required=True)
    origin = Country(required=True)


class CommoditySerializer(Strict):
    rules = (states_a_facet,)

    hs = Rows(HsCode(required=True))
    tariff = by_country(Rows(TariffCode(required=True)))
    control_codes = Rows(ControlCode(required=True))
    elements = Rows(Element(required=True))
    min_purity = percentage(as_text=True)
    min_value_share = MinValueShareSerializer()

    def examine(self, data: Any) -> tuple[Values, Errors]:
        """A facet that is null is not stated, so that either spelling is the same entry."""
        values, errors = super().examine(data)
        return {name: value for name, value in values.items() if value is not None}, errors


class AffiliatesSerializer(Strict):
    min_percent = percentage(required=True, as_text=True)
    operator = choices(["gte", "gt"], required=True)
    aggregate = YesNo(required=True)


class PartiesSerializer(Strict):
    lists = Rows(Reference(required=True))
    named = Rows(Reference(required=True))
    roles = Rows(Choice(choices=ROLES, required=True), at_least=1, required=True)
    affiliates = AffiliatesSerializer()


class GrandfatheringSerializer(Strict):
    date = Day(required=True, as_text=True)
    performed_by = Day(as_text=True)
    lost_by_amendment_after = Day(as_text=True)


class ScopeSerializer(Strict):
    commodities = Rows(CommoditySerializer(required=True))
    except_commodities = Rows(CommoditySerializer(required=True))
    origin_countries = Rows(Country(required=True))
    supplier_countries = Rows(Country(required=True))
    buyer_countries = Rows(Country(required=True))
    destination_countries = Rows(Country(required=True))
    end_uses = Rows(choices(["civil", "military"], required=True))
    supplier_controlled_by_state = Country()
    parties = PartiesSerializer()
    contracts = Rows(Reference(required=True))
    exempt_concluded_before = GrandfatheringSerializer()


class TimelineSerializer(Strict):
    """A period in force or suspended."""

    rules = (text_in_order("from", "until"),)

    status = choices(["in_force", "suspended"], required=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "from": Day(required=True, as_text=True), "until": Day(as_text=True)}


class MeasureSerializer(Strict):
    key = Reference(required=True)
    title = Text(longest=500)
    effect = choices(Measure.Effect.values, required=True)
    timeline = Rows(TimelineSerializer(required=True), required=True)
    scope = ScopeSerializer()


class EvidenceSerializer(Strict):
    publisher = Text(longest=500)
    url = Url(longest=2000)
    published_on = Day()
    stance = choices(Evidence.Stance.values)
    reliability = choices(list("ABCDEF"))
    credibility = choices(list("123456"))
    summary = Text()


class PolicyChangeSerializer(Strict):
    rules = (once("measures", "key"),)

    reference = Reference(required=True)
    authority = Text(longest=500)
    authority_country = Country()
    timezone = Timezone(required=True)
    number = Text(longest=200)
    title = Text(longest=500)
    summary = Text()
    formality = choices(PolicyChange.Formality.values)
    announced_on = Day()
    status = choices(PolicyChange.Status.values)
    supersedes = Rows(Reference(required=True))
    evidence = Rows(EvidenceSerializer(required=True))
    measures = Rows(MeasureSerializer(required=True))


class EntrySerializer(Period):
    organization = Reference(required=True, source="organization.reference")


class PartyListSerializer(Strict):
    reference = Reference(required=True)
    title = Text(longest=500)
    authority_country = Country()
    timezone = Timezone(required=True)
    entries = Rows(EntrySerializer(required=True))


class MeasureName(Code):
    """`REFERENCE` for a whole change, or `REFERENCE/KEY` for one measure of it."""

    pattern = re.compile(r"[A-Za-z0-9._:-]{1,64}(/[A-Za-z0-9._:-]{1,64})?")
    meaning = "the reference of a change, or REFERENCE/KEY for one of its measures"
    code = "invalid_reference"


class LicenceSerializer(Strict):
    rules = (in_order("valid_from", "valid_until"),)

    reference = Reference(required=True)
    kind = choices(Licence.Kind.values)
    exporter = Reference(required=True, source="exporter.reference")
    consignee = Reference(source="consignee.reference")
    end_user = Reference(source="end_user.reference")
    measures = Rows(MeasureName(required=True))
    commodities = Rows(CommoditySerializer(required=True))
    valid_from = Day()
    valid_until = Day()
    timezone = Timezone()
