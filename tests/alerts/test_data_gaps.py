"""Data gaps: what to find out first, by field, organization and owner, with the money it holds."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from alerts import dispositions, runs
from alerts.data_gaps import missing_facts, report
from alerts.models import Flag
from tests.alerts.conftest import AT, World

MILITARY = {
    "key": "existing",
    "effect": "ban",
    "scope": {"commodities": [{"elements": ["Nd"]}], "end_uses": ["military"], "supplier_countries": ["CN"]},
}


def found(**options: str) -> dict[str, object]:
    return report(missing_facts(Flag.objects.all(), at=AT), **options)


def money(amount: str, currency: str = "JPY") -> list[dict[str, str]]:
    return [{"amount": amount, "currency": currency}]


@pytest.fixture
def reviewed(world: World) -> World:
    """Three contracts whose end use is missing, one of them its elements too; one without a price."""
    world.contract("C-1", end_use=None)
    world.contract("C-2", end_use=None, owner="ren@example.com", line={"elements": None})
    world.contract("C-3", end_use=None, line={"unit_price": None})
    world.contract("C-4", end_use="military")
    world.change(measure=MILITARY)
    runs.screen_pending(at=AT)
    return world


def test_fields_are_ranked_by_what_they_hold(reviewed: World) -> None:
    shown = found()
    assert shown["ranked_in"] == "JPY"
    assert [row["field"] for row in shown["by_field"]] == ["end_use", "lines/elements"]  # type: ignore[index, attr-defined]
    end_use, elements = shown["by_field"]  # type: ignore[misc]
    assert end_use == {
        "field": "end_use",
        "flags": 3,
        "clears_alone": 3,
        "contracts": 3,
        "exposure": money("2400000.00"),
        "exposure_not_established": 1,
    }
    assert (elements["contracts"], elements["exposure"]) == (1, money("1200000.00"))


def test_owners_and_organizations_are_ranked_too(reviewed: World) -> None:
    shown = found()
    assert [(row["owner"], row["contracts"], row["exposure"]) for row in shown["by_owner"]] == [  # type: ignore[attr-defined]
        ("aoi@example.com", 2, money("1200000.00")),
        ("ren@example.com", 1, money("1200000.00")),
    ]
    assert [row["organization"] for row in shown["by_organization"]] == ["GANJ"]  # type: ignore[attr-defined]


def test_a_fact_of_an_organization_counts_for_whose_it_is(world: World) -> None:
    world.private.owners_complete = None
    world.private.save()
    world.contract("C-1", supplier=world.private)
    world.contract("C-2", supplier=world.private, currency="USD")
    world.change()
    runs.screen_pending(at=AT)
    (row,) = found()["by_organization"]  # type: ignore[misc]
    assert (row["organization"], row["flags"]) == ("JADE", 2)
    assert row["exposure"] == [*money("1200000.00"), *money("1200000.00", "USD")]
    assert {one["field"] for one in found()["by_field"]} >= {"organizations/owners_complete"}  # type: ignore[attr-defined]
    assert found(currency="USD")["ranked_in"] == "USD"


def test_two_facts_that_only_together_clear_a_flag_are_both_named(world: World) -> None:
    contract = world.contract("C-1", line={"elements": None})
    world.line(contract, number=20, elements=None)
    world.change(measure={"effect": "ban", "scope": {"commodities": [{"elements": ["Nd"]}]}})
    runs.screen_pending(at=AT)
    (row,) = found()["by_field"]  # type: ignore[misc]
    assert (row["field"], row["flags"], row["clears_alone"]) == ("lines/elements", 1, 0)


def test_what_somebody_put_aside_holds_nothing(reviewed: World) -> None:
    for flag in Flag.objects.filter(contract__reference__in=["C-1", "C-3"]):
        day = (AT + timedelta(days=30)).date()
        by = reviewed.user(f"{flag.pk}@example.com")
        dispositions.dismiss(flag, reason="other", text="x", expires_on=day, by=by, at=AT)
    assert found()["contracts"] == 1


def test_nothing_is_missing(world: World) -> None:
    assert found() == {
        "ranked_in": None,
        "flags": 0,
        "clears_alone": 0,
        "contracts": 0,
        "exposure": [],
        "exposure_not_established": 0,
        "by_field": [],
        "by_organization": [],
        "by_owner": [],
    }


def test_the_command_prints_them(reviewed: World) -> None:
    out = StringIO()
    call_command("gaps", stdout=out)
    assert json.loads(out.getvalue())["contracts"] == 3
