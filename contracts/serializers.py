"""Contracts as a bundle and the REST interface spell them."""

from contracts.models import Contract
from contracts.rules import CONTRACT_RULES, LINE_RULES
from people.fields import (
    Amount,
    Country,
    Currency,
    Day,
    Element,
    Email,
    Instant,
    Reference,
    Text,
    Timezone,
    Whole,
    YesNo,
    choices,
    fraction,
    percentage,
)
from people.strict import Rows, Strict
from suppliers.goods import ControlCode, HsCode, TariffCode, by_country


class AmendmentSerializer(Strict):
    made_on = Day()
    increases_quantity_or_term = YesNo()
    summary = Text()


class ContentSerializer(Strict):
    origin = Country()
    value_share = fraction()


class LineSerializer(Strict):
    rules = LINE_RULES

    number = Whole(required=True, most=2**31 - 1)
    description = Text()
    hs_code = HsCode()
    tariff_codes = by_country(TariffCode(required=True))
    control_codes = Rows(ControlCode(required=True))
    elements = Rows(Element(required=True))
    purity = percentage()
    content = Rows(ContentSerializer(required=True))
    origin_country = Country()
    quantity = Amount()
    unit = Text(longest=32)
    unit_price = Amount()
    delivered = Amount()
    cancelled = Amount()
    ship_from = Day()
    ship_until = Day()


class ContractSerializer(Strict):
    rules = CONTRACT_RULES

    reference = Reference(required=True)
    title = Text(longest=10_000)
    kind = choices(Contract.Kind.values, required=True)
    framework = Reference(source="framework.reference")
    supplier = Reference(required=True, source="supplier.reference")
    buyer = Reference(required=True, source="buyer.reference")
    end_user = Reference(source="end_user.reference")
    destination_country = Country()
    end_use = choices(Contract.EndUse.values)
    negotiation = choices(Contract.Negotiation.values)
    concluded_at = Instant()
    concluded_on = Day()
    concluded_timezone = Timezone()
    effective_on = Day()
    expires_on = Day()
    termination_notice_on = Day()
    terminated_on = Day()
    closed_as = choices(Contract.Closing.values)
    renewal = choices(Contract.Renewal.values)
    notice_days = Whole(most=36500)
    amendments = Rows(AmendmentSerializer(required=True))
    owner = Email()
    deputy = Email()
    department = Reference(source="department.reference")
    currency = Currency()
    lines = Rows(LineSerializer(required=True))
