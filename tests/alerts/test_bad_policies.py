"""Policies that cannot be compiled: refused at publication, and set aside alone where they got in otherwise."""

from typing import Any

import pytest
from django.db import connection

from alerts import runs
from alerts.models import Flag
from alerts.policy import NotPublishable, publish
from policies.models import Licence, Measure, PartyList, PolicyChange
from tests.alerts.conftest import AT, World

ROLES = {"roles": ["supplier"]}
IN_FORCE = [{"status": "in_force", "from": "2026-01-10"}]


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        # an entry without a facet would mean all goods or none
        ({"scope": {"commodities": [{}]}}, "scope/commodities/0: an entry states at least one facet"),
        ({"scope": {"commodities": [{"hs": []}]}}, "scope/commodities/0: an entry states at least one facet"),
        # a word nobody knows would be passed over, and the measure hit everything
        ({"scope": {"comodities": [{"hs": ["2846"]}]}}, "scope/comodities: "),
        ({"scope": {"parties": {**ROLES, "lists": ["NOWHERE"]}}}, "the party list NOWHERE is not known"),
        ({"scope": {"parties": {**ROLES, "named": ["NOBODY"]}}}, "the organization NOBODY is not known"),
        ({"scope": {"parties": ROLES}}, "parties has neither a list nor a name"),
        ({"timeline": [{"status": "in_force", "from": "2026-02-01", "until": "2026-01-01"}]}, "timeline/0/until: "),
        ({"timeline": []}, "a contradiction: no period of the timeline is in force"),
        (
            {"timeline": [{"status": "suspended", "from": "2026-01-01"}]},
            "a contradiction: no period of the timeline is in force",
        ),
        (
            {"scope": {"commodities": [{"hs": ["2846"]}], "except_commodities": [{"hs": ["2846"]}]}},
            "a contradiction: all its commodities are excepted",
        ),
        (
            {
                "scope": {
                    "parties": {
                        **ROLES,
                        "named": ["SAC"],
                        "affiliates": {"min_percent": "100", "operator": "gt", "aggregate": True},
                    }
                }
            },
            "a contradiction: nobody holds more than 100 percent",
        ),
    ],
)
def test_publication_is_refused_with_the_reason(world: World, measure: dict[str, Any], reason: str) -> None:
    change = world.change(status="draft", measure=measure)
    with pytest.raises(NotPublishable) as refused:
        publish(change, by=world.user("policy@example.com"), at=AT)
    assert f"CN-REPORT/existing: {reason}" in str(refused.value)
    assert PolicyChange.objects.get().status == "draft"


def test_every_reason_is_told_at_once(world: World) -> None:
    change = world.change(status="draft", measure={"timeline": []})
    world.measure(change, key="other", scope={"commodities": [{}]})
    with pytest.raises(NotPublishable, match=r"existing: .*; CN-REPORT/other: "):
        publish(change, by=world.user("policy@example.com"), at=AT)


def test_a_retired_measure_refuses_nothing(world: World) -> None:
    change = world.change(status="draft")
    world.measure(change, key="old", scope={"commodities": [{}]}, retired_at=AT)
    assert publish(change, by=world.user("policy@example.com"), at=AT).status == "published"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"scope": '{"commodities": [{}]}'}, "commodities/0 states no facet"),
        ({"scope": '{"parties": {"roles": ["supplier"], "lists": ["NOWHERE"]}}'}, "NOWHERE is not known"),
        ({"scope": '{"parties": {"roles": [], "named": ["SAC"]}}'}, "parties has no role"),
        ({"scope": '{"commodities": "2846"}'}, "AttributeError: "),
        ({"scope": '{"exempt_concluded_before": {"date": "yesterday"}}'}, "ValueError: "),
        ({"timeline": '[{"status": "in_force", "from": "soon"}]'}, "ValueError: "),
        ({"timeline": '[{"status": "in_force", "from": "2026-02-01", "until": "2026-01-01"}]'}, "timeline/0 ends on"),
        ({"scope": '{"commodities": [{"elements": [["Nd"]]}]}'}, "TypeError: "),
    ],
)
def test_what_got_in_otherwise_is_set_aside_alone(world: World, values: dict[str, str], error: str) -> None:
    """Its own flags stay, all other measures go on, and it is written on the run."""
    world.contract("C-1")
    change = world.change()
    world.change("OTHER")
    runs.sweep(at=AT)
    assert Flag.objects.open().count() == 2
    measure = Measure.objects.get(change=change)
    with connection.cursor() as cursor:
        for column, value in values.items():
            cursor.execute(f"UPDATE policies_measure SET {column} = %s WHERE id = %s", [value, measure.pk])

    world.contract("C-2")
    run = runs.screen_pending(at=AT)

    assert run is not None
    ((name, told),) = [(one["name"], one["error"]) for one in run.policies_set_aside]
    assert name == "CN-REPORT/existing"
    assert error in told
    assert (run.set_aside, run.opened, run.closed) == (0, 1, 0)
    assert set(Flag.objects.open().values_list("contract__reference", "measure__change__reference")) == {
        ("C-1", "CN-REPORT"),
        ("C-1", "OTHER"),
        ("C-2", "OTHER"),
    }


def test_a_measure_that_is_mended_is_screened_for_everywhere(world: World) -> None:
    """By whatever mends it: here the list it names, which leads to no contract by itself."""
    world.contract("C-1")
    world.change(measure={"scope": {"parties": {**ROLES, "lists": ["L"]}, "supplier_countries": ["CN"]}})
    world.change("ALL", measure={"scope": {"parties": {**ROLES, "lists": ["L"]}}})
    runs.sweep(at=AT)
    assert not Flag.objects.exists()
    PartyList.objects.create(reference="L", timezone="Asia/Tokyo").entries.create(organization=world.seller)
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.everything, run.policies_set_aside, run.opened) == (True, [], 2)


def test_a_list_in_no_known_zone_takes_only_its_measures_with_it(world: World) -> None:
    world.contract("C-1")
    PartyList.objects.create(reference="L", timezone="Asia/Tokyo").entries.create(organization=world.seller)
    world.change(measure={"scope": {"parties": {**ROLES, "lists": ["L"]}}})
    world.change("OTHER")
    PartyList.objects.update(timezone="Nowhere/Land")
    run = runs.sweep(at=AT)
    assert run is not None
    assert [one["name"] for one in run.policies_set_aside] == ["CN-REPORT/existing"]
    assert (run.opened, run.set_aside) == (1, 0)


def test_a_licence_that_cannot_be_read_covers_nothing(world: World) -> None:
    world.contract("C-1")
    world.change(measure={"effect": "licence_required"})
    Licence.objects.create(
        reference="X",
        exporter=world.seller,
        measures=["CN-REPORT"],
        commodities=[{"hs": ["2846"]}],
        valid_until="2030-01-01",
    )
    runs.sweep(at=AT)
    assert not Flag.objects.exists()
    Licence.objects.update(commodities="2846")
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert [one["name"] for one in run.policies_set_aside] == ["licence X"]
    assert Flag.objects.open().get().kind == "licence_required"


def test_a_line_that_cannot_be_read_sets_its_contract_aside_alone(world: World) -> None:
    world.contract("C-1", line={"content": [{"origin": "CN", "value_share": "a lot"}]})
    world.contract("C-2")
    world.change()
    run = runs.sweep(at=AT)
    assert run is not None
    assert (run.contracts, run.screened, run.set_aside, run.opened) == (2, 1, 1, 1)
    assert run.errors[0]["contract"] == "C-1"
