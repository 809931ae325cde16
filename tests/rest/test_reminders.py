"""Stages of a contract's reminders and the key to one's calendar, over REST."""

import pytest

from alerts.models import CalendarKey, ReminderStages
from contracts.models import Contract

CONTRACT = "MAG-2025-DY-27"
STAGES = f"/api/v1/contracts/{CONTRACT}/reminders"
DEFAULT = [90, 60, 30, 7]


@pytest.fixture
def buyer(caller):
    return caller("buyer", departments=("MAGNET",))


def faults(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


def test_stages_are_the_default_unless_somebody_sets_them(buyer):
    assert buyer.get(STAGES).json() == {"days": None, "default": DEFAULT}
    version = Contract.objects.get(reference=CONTRACT).version
    for said, kept in (([1, 200, 1, 30], [200, 30, 1]), ([], []), (None, None)):
        answer = buyer.put(STAGES, {"days": said}, format="json")
        assert (answer.status_code, answer.json()) == (200, {"days": kept, "default": DEFAULT})
        assert buyer.get(STAGES).json() == answer.json()
    assert not ReminderStages.objects.exists()
    assert Contract.objects.get(reference=CONTRACT).version == version


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("#/days", "required")),
        ({"days": "7"}, ("#/days", "not_a_list")),
        ({"days": ["7"]}, ("#/days/0", "not_an_integer")),
        ({"days": [-1]}, ("#/days/0", "out_of_range")),
        ({"days": [731]}, ("#/days/0", "out_of_range")),
        ({"days": [7, None]}, ("#/days/1", "null")),
        ({"days": list(range(13))}, ("#/days", "too_many")),
        ({"days": [], "day": 7}, ("#/day", "unknown_key")),
        ([], (None, "not_an_object")),
    ],
)
def test_what_are_no_stages_is_refused(buyer, body, fault):
    answer = buyer.put(STAGES, body, format="json")
    assert answer.status_code == 400
    assert faults(answer) == {fault}
    assert not ReminderStages.objects.exists()


def test_other_departments_contracts_have_none(caller):
    stranger = caller("buyer", departments=("SEMICON",))
    assert stranger.get(STAGES).status_code == 404
    assert stranger.put(STAGES, {"days": [1]}, format="json").status_code == 404
    assert caller("viewer", departments=("MAGNET",)).put(STAGES, {"days": [1]}, format="json").status_code == 403


def test_the_address_of_a_calendar_is_told_once_and_revoked_at_will(buyer):
    assert buyer.get("/api/v1/calendar").json() == {"created_at": None}
    made = buyer.post("/api/v1/calendar")
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    path = made.json()["url"][made.json()["url"].index("/calendar/") :]
    assert buyer.get("/api/v1/calendar").json() == {"created_at": made.json()["created_at"]}
    assert buyer.get(path).status_code == 200
    assert buyer.delete("/api/v1/calendar").status_code == 204
    assert buyer.delete("/api/v1/calendar").status_code == 204
    assert buyer.get(path).status_code == 404
    assert buyer.get("/api/v1/calendar").json() == {"created_at": None}


def test_nobody_has_a_calendar_without_a_role(caller):
    assert caller().post("/api/v1/calendar").status_code == 403
    assert not CalendarKey.objects.exists()
