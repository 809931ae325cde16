"""Webhook endpoints over REST: whose they are, what is refused, and secrets that are told once."""

import pytest

from alerts.models import WebhookEndpoint
from alerts.webhooks.delivery import deliver

BASE = "/api/v1/webhooks"
URL = {"url": "https://erp.example.com/tocsin"}


@pytest.fixture
def buyer(caller):
    return caller("buyer", departments=("MAGNET",))


@pytest.fixture
def other(caller):
    return caller("policy_editor", departments=("SEMICON",))


def faults(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


def registered(client, reference="ERP", **body):
    answer = client.put(f"{BASE}/{reference}", {**URL, **body}, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_an_endpoint_is_registered_and_its_secret_told_once(buyer):
    made = registered(buyer, description="the ERP", events=["flag.closed", "flag.opened", "flag.opened"])
    assert made.pop("secret").startswith("whsec_")
    assert {name: made[name] for name in ("reference", "url", "description", "owner", "department", "events")} == {
        "reference": "ERP",
        "url": "https://erp.example.com/tocsin",
        "description": "the ERP",
        "owner": "buyer@example.com",
        "department": None,
        "events": ["flag.closed", "flag.opened"],
    }
    assert (made["enabled"], made["disabled_because"]) == (True, "")
    assert buyer.get(f"{BASE}/ERP").json() == made
    assert buyer.get(BASE).json() == {"next": None, "results": [made]}
    secret = WebhookEndpoint.objects.get().secret
    changed = buyer.put(f"{BASE}/ERP", {"department": "MAGNET", "description": None}, format="json")
    assert changed.status_code == 200
    assert changed.json() == {**made, "department": "MAGNET", "description": ""}
    assert WebhookEndpoint.objects.get().secret == secret
    for answer in (changed, buyer.get(BASE), buyer.get(f"{BASE}/ERP")):
        assert secret not in answer.content.decode()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("#/url", "required")),
        ({"url": None}, ("#/url", "required")),
        ({"url": "https://10.0.0.1/"}, ("#/url", "not_public")),
        ({"url": "https://localhost/"}, ("#/url", "not_public")),
        ({"url": "http://erp.example.com/"}, ("#/url", "not_public")),
        ({"url": "https://[::ffff:169.254.169.254]/"}, ("#/url", "not_public")),
        ({"url": 5}, ("#/url", "not_a_string")),
        ({**URL, "events": []}, ("#/events", "empty")),
        ({**URL, "events": ["check.unknown"]}, ("#/events/0", "invalid_choice")),
        ({**URL, "events": "flag.opened"}, ("#/events", "not_a_list")),
        ({**URL, "department": "NOBODY"}, ("#/department", "unknown_reference")),
        ({**URL, "owner": "buyer-viewer@example.com"}, ("#/owner", "not_yours")),
        ({**URL, "owner": "nobody@example.com"}, ("#/owner", "not_yours")),
        ({**URL, "secret": "whsec_x"}, ("#/secret", "unknown_key")),
        ({**URL, "reference": "OTHER"}, ("#/reference", "other_reference")),
        ({**URL, "description": "x" * 501}, ("#/description", "too_long")),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(buyer, caller, body, fault):
    caller("buyer", "viewer")
    answer = buyer.put(f"{BASE}/ERP", body, format="json")
    assert answer.status_code == 400
    assert faults(answer) == {fault}
    assert not WebhookEndpoint.objects.exists()


STEPS = ("rotate", "ping", "replay", "disable", "enable")
BODIES = {"replay": {"from_sequence": 0}}


@pytest.mark.parametrize("step", STEPS)
def test_an_endpoint_of_somebody_else_is_not_there(buyer, other, administrator, step):
    registered(buyer)
    assert other.get(BASE).json()["results"] == []
    assert other.get(f"{BASE}/ERP").status_code == 404
    assert other.post(f"{BASE}/ERP/{step}", BODIES.get(step, {}), format="json").status_code == 404
    taken = other.put(f"{BASE}/ERP", URL, format="json")
    assert (taken.status_code, faults(taken)) == (400, {("#/reference", "taken")})
    assert administrator.get(f"{BASE}/ERP").status_code == 200
    status = administrator.post(f"{BASE}/ERP/{step}", BODIES.get(step, {}), format="json").status_code
    assert status in (200, 202)


@pytest.mark.parametrize("step", STEPS)
def test_viewers_have_none(buyer, caller, step):
    registered(buyer)
    viewer = caller("viewer", departments=("MAGNET",))
    assert viewer.put(f"{BASE}/MINE", URL, format="json").status_code == 403
    assert viewer.post(f"{BASE}/ERP/{step}", {}, format="json").status_code == 403
    assert viewer.get(BASE).json()["results"] == []


def test_administrators_give_an_endpoint_the_eyes_of_a_service_account(administrator, caller):
    caller("buyer", departments=("SEMICON",))
    caller("viewer")
    assert registered(administrator, owner="buyer@example.com")["owner"] == "buyer@example.com"
    answer = administrator.put(f"{BASE}/V", {**URL, "owner": "viewer@example.com"}, format="json")
    assert faults(answer) == {("#/owner", "cannot_own")}


def test_a_secret_is_rotated(buyer):
    first = registered(buyer)["secret"]
    second = buyer.post(f"{BASE}/ERP/rotate", {}, format="json").json()["secret"]
    kept = WebhookEndpoint.objects.get()
    assert (kept.secret, kept.previous_secret) == (second, first)
    assert 23.9 < (kept.previous_secret_until - kept.created_at).total_seconds() / 3600 < 24.1
    third = buyer.post(f"{BASE}/ERP/rotate", {"overlap_hours": 0}, format="json").json()["secret"]
    kept.refresh_from_db()
    assert (kept.secret, kept.previous_secret, kept.previous_secret_until) == (third, "", None)
    wrong = buyer.post(f"{BASE}/ERP/rotate", {"overlap_hours": 169}, format="json")
    assert faults(wrong) == {("#/overlap_hours", "out_of_range")}


def test_a_ping_can_be_followed_to_its_end(buyer, other):
    registered(buyer)
    answer = buyer.post(f"{BASE}/ERP/ping", {}, format="json")
    assert (answer.status_code, answer.json()["type"], answer.json()["state"]) == (202, "webhook.ping", "pending")
    address = f"/api/v1/webhook-deliveries/{answer.json()['id']}"
    WebhookEndpoint.objects.update(url="https://127.0.0.1/")  # whatever was stored, nothing is sent there
    deliver()
    told = buyer.get(address).json()
    assert (told["state"], told["attempts"]) == ("failed", 1)
    assert told["last_answer"] == "not sent: its host is an address that is not public"
    assert other.get(address).status_code == 404
    assert other.post(f"{address}/again", {}, format="json").status_code == 404
    assert buyer.get("/api/v1/webhook-deliveries?state=failed&endpoint=ERP&type=webhook.ping").json()["results"] == [
        told
    ]
    assert buyer.get("/api/v1/webhook-deliveries?state=dead").json()["results"] == []
    assert buyer.get("/api/v1/webhook-deliveries?state=lost").status_code == 400
    assert buyer.post(f"{address}/again", {}, format="json").status_code == 202
    assert buyer.get(address).json()["state"] == "pending"
    assert buyer.post(f"{address}/again", {}, format="json").status_code == 409


def test_disabled_it_can_do_nothing_until_it_is_enabled(buyer):
    registered(buyer)
    off = buyer.post(f"{BASE}/ERP/disable", {}, format="json").json()
    assert (off["enabled"], off["disabled_because"]) == (False, "person")
    assert buyer.post(f"{BASE}/ERP/disable", {}, format="json").json() == off
    assert buyer.post(f"{BASE}/ERP/ping", {}, format="json").status_code == 409
    assert buyer.post(f"{BASE}/ERP/replay", {"from_sequence": 1}, format="json").status_code == 409
    assert buyer.post(f"{BASE}/ERP/enable", {}, format="json").json()["enabled"] is True


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("#/since", "required")),
        ({"until": "2026-01-13T00:00:00Z"}, ("#/since", "required")),
        ({"since": "2026-01-13"}, ("#/since", "invalid_instant")),
        ({"since": "2026-01-13T00:00:00"}, ("#/since", "no_offset")),
        ({"from_sequence": -1}, ("#/from_sequence", "out_of_range")),
        ({"from_sequence": 2**63}, ("#/from_sequence", "out_of_range")),
        ({"from_sequence": "1"}, ("#/from_sequence", "not_an_integer")),
        ({"from_sequence": 1, "delivered": "no"}, ("#/delivered", "not_a_boolean")),
    ],
)
def test_a_range_is_checked(buyer, body, fault):
    registered(buyer)
    answer = buyer.post(f"{BASE}/ERP/replay", body, format="json")
    assert (answer.status_code, faults(answer)) == (400, {fault})
