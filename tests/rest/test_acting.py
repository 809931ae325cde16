"""What people do about flags over REST: roles, departments, refusals, and the same call twice."""

from datetime import datetime

import pytest
from django.db.models import F

from alerts.acknowledging import acknowledge_all, flags_of
from alerts.escalation.due import set_timers
from alerts.escalation.moving import escalate
from alerts.models import EscalationTimer, Flag, FlagAction, Message, Standing
from alerts.severity import severity

DISMISSAL = {"reason": "accepted_risk", "text": "The board knows", "expires_on": "2026-03-31"}
BODIES = {
    "acknowledge": {},
    "assign": {"to": "buyer@example.com"},
    "comment": {"text": "Asked the seller"},
    "dismiss": DISMISSAL,
    "reopen": {"text": "A mistake"},
    "mitigate": {"text": "A second source is signed"},
}


@pytest.fixture
def flag(january):
    """Of the magnets department."""
    return Flag.objects.get(contract__reference="MAG-2024-NDPR-01")


@pytest.fixture
def buyer(caller):
    return caller("buyer", departments=("MAGNET",))


def post(client, flag, act, body):
    return client.post(f"/api/v1/flags/{flag.pk}/{act}", body, format="json")


def faults(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


def test_a_flag_is_worked_on_to_its_end(buyer, flag):
    states = {act: post(buyer, flag, act, body).json()["state"] for act, body in BODIES.items()}
    assert states == {
        "acknowledge": "acknowledged",
        "assign": "acknowledged",
        "comment": "acknowledged",
        "dismiss": "dismissed",
        "reopen": "open",
        "mitigate": "mitigated",
    }
    shown = buyer.get(f"/api/v1/flags/{flag.pk}").json()
    assert shown["assignee"] == "buyer@example.com"
    assert [action["act"] for action in shown["actions"]][::-1] == [
        "acknowledged",
        "assigned",
        "commented",
        "dismissed",
        "reopened",
        "mitigated",
    ]
    assert {action["by"] for action in shown["actions"]} == {"buyer@example.com"}
    assert shown["closed_at"] is None


@pytest.mark.parametrize("act", BODIES)
def test_the_same_call_again_is_welcome_and_changes_nothing(buyer, flag, act):
    first = post(buyer, flag, act, BODIES[act])
    again = post(buyer, flag, act, BODIES[act])
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert FlagAction.objects.count() == (0 if act == "reopen" else 1)


@pytest.mark.parametrize("act", BODIES)
@pytest.mark.parametrize(
    ("role", "department", "status"),
    [
        ("viewer", "MAGNET", 403),
        ("buyer", "SEMICON", 404),
        ("policy_editor", "SEMICON", 404),
        ("policy_publisher", "MAGNET", 200),
        ("administrator", "SEMICON", 200),
    ],
)
def test_roles_and_departments_decide(caller, flag, act, role, department, status):
    caller("buyer", "viewer", departments=("MAGNET",))
    body = {"to": "buyer-viewer@example.com"} if act == "assign" else BODIES[act]
    assert post(caller(role, departments=(department,)), flag, act, body).status_code == status


@pytest.mark.parametrize(
    ("act", "body", "fault"),
    [
        ("assign", {"to": "nobody@example.com"}, ("#/to", "cannot_see")),
        ("assign", {}, ("#/to", "required")),
        ("comment", {"text": "  "}, ("#/text", "blank")),
        ("comment", {"words": "x", "text": "x"}, ("#/words", "unknown_key")),
        ("acknowledge", {"text": "x"}, ("#/text", "unknown_key")),
        ("dismiss", {**DISMISSAL, "reason": "bored"}, ("#/reason", "invalid_choice")),
        ("dismiss", {**DISMISSAL, "expires_on": None}, ("#/expires_on", "null")),
        ("dismiss", {**DISMISSAL, "expires_on": "2026-01-01"}, ("#/expires_on", "out_of_range")),
        ("mitigate", {"text": 5}, ("#/text", "not_a_string")),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(buyer, flag, act, body, fault):
    answer = post(buyer, flag, act, body)
    assert answer.status_code == 400
    assert faults(answer) == {fault}
    assert not FlagAction.objects.exists()


def test_a_dismissal_names_the_facts_that_were_read(buyer, flag):
    facts = buyer.get(f"/api/v1/flags/{flag.pk}").json()["facts"]
    assert post(buyer, flag, "dismiss", {**DISMISSAL, "facts": "0" * 16}).status_code == 409
    assert post(buyer, flag, "dismiss", {**DISMISSAL, "facts": facts}).status_code == 200
    assert post(buyer, flag, "acknowledge", {}).status_code == 409


def test_lists_are_filtered_by_what_people_made_of_flags(buyer, flag):
    all_of_them = len(buyer.get("/api/v1/flags?open=true&limit=1000").json()["results"])
    post(buyer, flag, "dismiss", DISMISSAL)
    post(buyer, flag, "assign", BODIES["assign"])
    (dismissed,) = buyer.get(f"/api/v1/flags?state={Standing.DISMISSED}").json()["results"]
    assert (dismissed["id"], dismissed["state"], dismissed["expires_on"]) == (flag.pk, "dismissed", "2026-03-31")
    assert len(buyer.get("/api/v1/flags?open=true&state=open&limit=1000").json()["results"]) == all_of_them - 1
    assert len(buyer.get("/api/v1/flags?assignee=Buyer@example.com").json()["results"]) == 1
    assert buyer.get("/api/v1/flags?state=closed").status_code == 400


def test_a_flag_says_when_it_moves_on_and_who_acknowledged_from_a_mail(buyer, flag):
    about = Message.objects.about(flag)
    about.update(state="sent", sent_at=F("created_at"), rendered_at=F("created_at"))
    set_timers()
    due = EscalationTimer.objects.get(
        message__in=about, severity=severity(flag.kind, flag.certainty, flag.basis)
    ).due_at
    shown = buyer.get(f"/api/v1/flags/{flag.pk}").json()
    following = shown["escalates_next"]
    assert datetime.fromisoformat(following["at"]) == due
    assert shown["escalations"] == []

    escalate(at=due)
    shown = buyer.get(f"/api/v1/flags/{flag.pk}").json()
    (taken,) = shown["escalations"]
    assert (taken["step"], taken["recipient"]) == (following["step"], following["recipient"])
    assert taken["unacknowledged_by"] == about.earliest("id").recipient
    assert shown["escalates_next"] is None  # until its mail has left
    assert buyer.get("/api/v1/messages?limit=100").status_code == 200

    told = Message.objects.get(pk=taken["message"])
    acknowledge_all(told, flags_of(told, at=due), at=due)
    (action,) = buyer.get(f"/api/v1/flags/{flag.pk}").json()["actions"]
    assert (action["act"], action["by"], action["from_mail"]) == ("acknowledged", taken["recipient"], True)
