"""Which single fact would clear a flag: by path, with the values that do."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from alerts.screening import would_clear_if
from contracts.facts import AmendmentFacts, ContentPart
from policies.facts import CommodityEntry, Grandfathering, LicenceFacts, MinValueShare, Scope
from tests.screening.filling import filled
from tests.screening.small import BUYER, CONTRACT, SELLER, calendar, contract, line, measure, policies, screened, stake
from tests.screening.worlds import World


def cleared_by(world, of=CONTRACT):
    """The one flag's clearings by field; every value is tried."""
    now = calendar()
    (verdict,) = screened(world, of, now)
    clearings = would_clear_if(verdict, of, world, now)
    for clearing in clearings:
        for value in clearing.values:
            known = filled(World(world, (of,), now), of.reference, clearing.field, value)
            assert screened(known.policies, known.contracts[0], now) == []
    assert len({clearing.field for clearing in clearings}) == len(clearings)
    return {clearing.field: clearing.values for clearing in clearings}


HS, DYSPROSIUM = CommodityEntry(hs=("280530",)), CommodityEntry(elements=("Dy",))


@pytest.mark.parametrize(
    ("scope", "line_facts", "fields"),
    [
        (Scope(end_uses=("military",)), {}, {"end_use"}),
        (Scope(destination_countries=("JP",)), {}, {"destination_country"}),
        (Scope(origin_countries=("CN",)), {"origin_country": None}, {"lines/10/origin_country"}),
        (Scope(commodities=(HS,)), {"hs_code": None}, {"lines/10/hs_code"}),
        (Scope(commodities=(DYSPROSIUM,)), {"elements": None}, {"lines/10/elements"}),
        # Two facets in doubt: either of them clears.
        (
            Scope(commodities=(CommodityEntry(elements=("Dy",), min_purity=Decimal(99)),)),
            {"elements": None, "purity": None},
            {"lines/10/elements", "lines/10/purity"},
        ),
        # Two entries in doubt for different reasons: no single fact can.
        (Scope(commodities=(DYSPROSIUM, CommodityEntry(min_purity=Decimal(99)))), {"elements": None}, set()),
        # Two criteria in doubt: either of them.
        (
            Scope(commodities=(DYSPROSIUM,), end_uses=("military",)),
            {"elements": None},
            {"lines/10/elements", "end_use"},
        ),
        # An exception in doubt is cleared by what it excepts.
        (Scope(except_commodities=(DYSPROSIUM,)), {"elements": None}, {"lines/10/elements"}),
        (
            Scope(commodities=(HS,), except_commodities=(CommodityEntry(tariff=(("CN", ("2805301910",)),)),)),
            {},
            {"lines/10/tariff_codes/CN"},
        ),
        (Scope(except_commodities=(CommodityEntry(min_purity=Decimal(99)),)), {}, {"lines/10/purity"}),
        (
            Scope(except_commodities=(CommodityEntry(min_value_share=MinValueShare(Decimal("0.1"), "US")),)),
            {},
            {"lines/10/content"},
        ),
        (
            Scope(except_commodities=(CommodityEntry(min_value_share=MinValueShare(Decimal("0.1"), "US")),)),
            {"content": (ContentPart(None, Decimal("0.5")),)},
            {"lines/10/content/0/origin"},
        ),
        (
            Scope(except_commodities=(CommodityEntry(min_value_share=MinValueShare(Decimal("0.1"), "US")),)),
            {"content": (ContentPart("US", None),)},
            {"lines/10/content/0/value_share"},
        ),
    ],
)
def test_facts_of_the_goods_and_the_contract(scope, line_facts, fields):
    assert cleared_by(policies(measure(scope)), contract(line(**line_facts))).keys() == fields


def test_few_values_are_all_listed():
    assert cleared_by(policies(measure(Scope(end_uses=("military",))))) == {"end_use": ["civil"]}
    controlled = measure(Scope(supplier_controlled_by_state="CN"))
    world = policies(controlled, [replace(SELLER, kind=None), BUYER])
    assert cleared_by(world)["organizations/SELLER/kind"] == ["company", "person"]


def test_an_owner_whose_control_is_not_established():
    state = replace(SELLER, reference="STATE", kind="state_body")
    half = replace(SELLER, owners=(stake("STATE", "50"),))
    world = policies(measure(Scope(supplier_controlled_by_state="CN")), [state, half])
    assert cleared_by(world) == {"organizations/SELLER/owners/STATE/controls": [False]}


def test_two_lines_in_doubt_are_not_cleared_by_one_of_them():
    both = contract(line(elements=None), line(number=20, elements=None))
    assert cleared_by(policies(measure(Scope(commodities=(DYSPROSIUM,)))), both) == {}


def test_an_amendment_in_doubt():
    rule = Grandfathering(date(2026, 1, 6), lost_by_amendment_after=date(2025, 6, 17))
    of = contract(amendments=(AmendmentFacts(None, None),))
    assert cleared_by(policies(measure(Scope(exempt_concluded_before=rule))), of) == {
        "amendments/0/made_on": ["2025-06-17"],
        "amendments/0/increases_quantity_or_term": [False],
    }


@pytest.mark.parametrize(
    ("entry", "line_facts", "field"),
    [
        (DYSPROSIUM, {"elements": None}, "elements"),
        (CommodityEntry(control_codes=("CN-DUAL:1C905",)), {"control_codes": None}, "control_codes"),
        (CommodityEntry(tariff=(("CN", ("2805301910",)),)), {}, "tariff_codes/CN"),
        (CommodityEntry(min_purity=Decimal(99)), {}, "purity"),
        (CommodityEntry(min_value_share=MinValueShare(Decimal("0.1"), "US")), {}, "content"),
    ],
)
def test_goods_that_a_licence_would_cover(entry, line_facts, field):
    licence = LicenceFacts("X", "SELLER", measures=("P",), commodities=(entry,), valid_until=date(2027, 3, 31))
    world = policies(measure(effect="licence_required"), licences=[licence])
    assert f"lines/10/{field}" in cleared_by(world, contract(line(**line_facts)))


def test_an_end_user_that_a_licence_names():
    licence = LicenceFacts(
        "X", "SELLER", end_user="BUYER", measures=("P",), commodities=(HS,), valid_until=date(2028, 1, 1)
    )
    world = policies(measure(effect="licence_required"), licences=[licence])
    assert cleared_by(world, contract(end_user=None)) == {"end_user": ["BUYER"]}
