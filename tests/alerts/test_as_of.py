"""What was flagged then, what was known then, and what is known now about then."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from alerts import runs
from alerts.as_of import NothingKnown, flags_as_of
from contracts.models import Contract
from people.models import User
from tests.alerts.conftest import AT, World

HOUR = timedelta(hours=1)


@pytest.fixture
def corrected(live_world: World) -> Contract:
    """Flagged at AT as bought from a state seller; an hour later it turns out that a private one sold it."""
    live_world.change()
    contract = live_world.contract("C-1")
    runs.sweep(at=AT)
    Contract.objects.filter(pk=contract.pk).update(supplier=live_world.private)
    runs.sweep(at=AT + HOUR)
    return contract


def contracts(flags: list[dict[str, object]]) -> list[object]:
    return [flag["contract"] for flag in flags]


def test_what_was_flagged_then_is_read_from_history(corrected: Contract) -> None:
    before, after = flags_as_of(AT, known="then"), flags_as_of(AT + HOUR, known="then")

    assert contracts(before.flags) == ["C-1"]
    (control,) = [r for r in before.flags[0]["reasons"] if r["criterion"] == "supplier_controlled_by_state"]
    assert control["contract_says"]["supplier"] == "GANJ"  # as it stood
    assert after.flags == []


def test_what_is_known_now_about_then_differs(corrected: Contract) -> None:
    assert flags_as_of(AT, known="now").flags == []


def test_the_last_screening_by_the_moment_counts(corrected: Contract) -> None:
    assert flags_as_of(AT + HOUR / 2, known="then").at == AT
    with pytest.raises(NothingKnown):
        flags_as_of(AT - HOUR, known="then")


def test_the_command_prints_json_or_says_that_nothing_was_known(corrected: Contract) -> None:
    out = StringIO()
    call_command("flags", f"--as-of={AT.isoformat()}", stdout=out, stderr=StringIO())
    assert contracts(json.loads(out.getvalue())) == ["C-1"]
    with pytest.raises(CommandError, match="no screening on record"):
        call_command("flags", "--as-of=2020-01-01T00:00:00+00:00", stdout=StringIO())


def test_rest_answers_within_the_askers_departments(corrected: Contract, live_world: World) -> None:
    client = APIClient()
    insider = live_world.user("aoi@example.com", roles=["buyer"])
    insider.departments.add(live_world.magnets)
    client.force_authenticate(insider)
    asked = {"as_of": "2026-01-13T09:00:00+09:00", "contract": "C-1"}
    assert contracts(client.get("/api/v1/flags", asked).json()["results"]) == ["C-1"]
    assert client.get("/api/v1/flags", {**asked, "known": "now"}).json()["results"] == []

    client.force_authenticate(User.objects.create_user("eve@example.com", roles=["buyer"]))
    assert client.get("/api/v1/flags", asked).json()["results"] == []


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"as_of": "yesterday"}, "#/as_of"),  # no instant
        ({"as_of": "2026-01-13T09:00:00"}, "#/as_of"),  # of no zone
        ({"known": "now"}, "#/as_of"),  # known of when?
        ({"as_of": "2026-01-13T09:00:00Z", "known": "maybe"}, "#/known"),
        ({"as_of": "2026-01-13T09:00:00Z", "kind": "x"}, "#/kind"),  # filters do not reach into the past
    ],
)
def test_rest_names_what_is_wrong(db: None, asked: dict[str, str], pointer: str) -> None:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("ann@example.com", roles=["administrator"]))
    answer = client.get("/api/v1/flags", asked)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_rest_has_nothing_to_say_of_the_time_before(db: None) -> None:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("ann@example.com", roles=["administrator"]))
    assert client.get("/api/v1/flags", {"as_of": "2020-01-01T00:00:00Z"}).status_code == 404
