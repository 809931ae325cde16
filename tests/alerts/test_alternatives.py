"""Alternatives: who else sells the goods and is hit by nothing, with the open contracts that the asker may see."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from alerts import runs
from alerts.alternatives import alternatives
from alerts.models import Flag
from people.models import Department, User
from suppliers.models import Organization, Ownership
from tests.alerts.conftest import AT, World

REFUSED = {"effect": "ban", "scope": {"commodities": [{"hs": ["2846"]}], "supplier_controlled_by_state": "CN"}}


@pytest.fixture
def market(world: World) -> World:
    """A flagged contract for 284690; JADE sells the same, LYNA oxide of other elements, SCAN another heading."""
    world.contract("C-1")
    world.contract("C-2", supplier=world.private, line={"quantity": Decimal(500), "delivered": Decimal(200)})
    for reference, line in (("LYNA", {"elements": ["La"]}), ("SCAN", {"hs_code": "280530"})):
        seller = Organization.objects.create(reference=reference, country="AU", kind="company", owners_complete=True)
        world.contract(f"C-{reference}", supplier=seller, line=line)
    world.change(measure=REFUSED)
    runs.screen_pending(at=AT)
    return world


@pytest.fixture
def buyer(world: World) -> User:
    buyer = world.user("buyer@example.com", roles=["buyer"])
    buyer.departments.add(world.magnets)
    return buyer


def found(by: User) -> dict[str, Any]:
    (line,) = alternatives(Flag.objects.get(contract__reference="C-1", kind="possible_termination"), seen_by=by, at=AT)
    return line


def suppliers(line: dict[str, Any]) -> list[str]:
    return [one["supplier"] for one in line["alternatives"]]


def test_who_sells_the_same_goods_and_is_not_hit_is_named(market: World, buyer: User) -> None:
    line = found(buyer)
    assert (line["line"], line["hs_code"], line["elements"], line["left_out"]) == (10, "284690", ["Nd", "Pr"], 0)
    (jade,) = line["alternatives"]
    assert (jade["supplier"], jade["name"], jade["country"]) == ("JADE", "Jade River Magnetics", "CN")
    assert jade["contracts"] == [
        {
            "contract": "C-2",
            "line": 10,
            "stage": "active",
            "open_quantity": "300",
            "unit": "kg",
            "expires_on": "2027-03-31",
        }
    ]


def owned_by_the_state(world: World) -> None:
    Ownership.objects.create(organization=world.private, owner=world.state, percent=Decimal(60), controls=True)


def perhaps_owned_by_the_state(world: World) -> None:
    Organization.objects.filter(reference="JADE").update(owners_complete=None)


def listed_by_another_measure(world: World) -> None:
    scope = {"parties": {"named": ["JADE"], "roles": ["supplier"]}}
    world.change("OTHER", measure={"effect": "new_contracts_refused", "scope": scope})


def threatened_once_signed(world: World) -> None:
    scope = {"parties": {"named": ["JADE"], "roles": ["supplier"]}}
    world.change("OTHER", measure={"effect": "termination_considered", "scope": scope})


@pytest.mark.parametrize(
    "make", [owned_by_the_state, perhaps_owned_by_the_state, listed_by_another_measure, threatened_once_signed]
)
def test_who_is_hit_or_may_be_is_left_out(market: World, buyer: User, make) -> None:
    make(market)
    line = found(buyer)
    assert (suppliers(line), line["left_out"]) == ([], 1)


def not_for_this_use(world: World) -> None:
    scope = {"parties": {"named": ["JADE"], "roles": ["supplier"]}, "end_uses": ["military"]}
    world.change("OTHER", measure={"effect": "ban", "scope": scope})


def over_by_now(world: World) -> None:
    scope = {"parties": {"named": ["JADE"], "roles": ["supplier"]}}
    days = [{"status": "in_force", "from": "2025-01-01", "until": "2025-12-31"}]
    world.change("OTHER", measure={"effect": "ban", "scope": scope, "timeline": days})


@pytest.mark.parametrize("make", [not_for_this_use, over_by_now])
def test_a_measure_for_other_uses_or_days_hits_nobody(market: World, buyer: User, make) -> None:
    make(market)
    assert suppliers(found(buyer)) == ["JADE"]


def test_another_departments_contracts_are_not_shown(market: World, buyer: User) -> None:
    other = Department.objects.create(reference="OTHER")
    market.contract("C-3", supplier=market.private, department=other)
    market.contract("C-4", supplier=market.private, closed_as="completed")
    market.contract("C-5", supplier=market.private, negotiation="draft", concluded_on=None)
    (jade,) = found(buyer)["alternatives"]
    assert [(one["contract"], one["stage"]) for one in jade["contracts"]] == [("C-2", "active"), ("C-5", "draft")]


def test_who_sells_under_a_coarser_code_counts(market: World, buyer: User) -> None:
    seller = Organization.objects.create(reference="ESTO", country="EE", kind="company", owners_complete=True)
    market.contract("C-6", supplier=seller, expires_on=date(2025, 12, 31), line={"hs_code": "2846"})
    assert set(suppliers(found(buyer))) == {"ESTO", "JADE"}


def test_who_is_no_supplier_any_more_is_not_named(market: World, buyer: User) -> None:
    Organization.objects.filter(reference="JADE").update(is_supplier=False)
    assert suppliers(found(buyer)) == []


def test_goods_of_which_nothing_is_known_have_no_alternatives(world: World, buyer: User) -> None:
    world.contract("C-1", line={"hs_code": None, "elements": None})
    world.contract("C-2", supplier=world.private)
    world.change(measure=REFUSED)
    runs.screen_pending(at=AT)
    assert suppliers(found(buyer)) == []
