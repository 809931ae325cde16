"""Writing over REST: PUT merges, says what is wrong by pointer, rings, and minds roles and departments."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from alerts.models import Flag
from alerts.runs import screen_pending
from alerts.views.storing import StoredContracts
from contracts.models import Contract
from people import clock
from people.models import Department, User
from people.provenance import by_field
from policies.models import PolicyChange
from suppliers.models import Organization

CONTRACT = {
    "reference": "NEW-1",
    "kind": "purchase",
    "supplier": "CHIXIA-RE",
    "buyer": "AOM-MAG",
    "department": "MAGNET",
}
CHANGE = {
    "reference": "TEST-1",
    "timezone": "Asia/Tokyo",
    "measures": [
        {"key": "1", "effect": "ban", "timeline": [{"status": "in_force", "from": "2026-01-01"}], "scope": {}}
    ],
}


def put(client, address, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.put(f"/api/v1/{address}", raw, content_type="application/json")


def faults(answer):
    assert answer["content-type"] == "application/problem+json"
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


@pytest.fixture
def contract(january):
    """Of a buyer that the scenario has, whatever its name."""
    buyer = Contract.objects.values_list("buyer__reference", flat=True).first()
    return {**CONTRACT, "buyer": buyer}


def test_put_creates_then_updates_then_changes_nothing(administrator, contract):
    created = put(administrator, "contracts/NEW-1", contract)
    assert created.status_code == 201
    assert created.json()["end_use"] is None
    version = Contract.objects.get(reference="NEW-1").version
    assert put(administrator, "contracts/NEW-1", contract).status_code == 200
    assert Contract.objects.get(reference="NEW-1").version == version
    updated = put(administrator, "contracts/NEW-1", {**contract, "end_use": "civil"})
    assert (updated.status_code, updated.json()["end_use"]) == (200, "civil")
    assert Contract.objects.get(reference="NEW-1").version > version


def test_what_is_read_can_be_written_back(administrator):
    for address in (
        "contracts/MAG-2025-DY-27",
        "organizations/CHIXIA-RE",
        "licences/LIC-2025-212",
        "departments/MAGNET",
    ):
        before = administrator.get(f"/api/v1/{address}").json()
        answer = put(administrator, address, before)
        assert (answer.status_code, answer.json()) == (200, before)


def test_a_missing_key_leaves_its_value_and_a_null_erases_only_ones_own(caller, administrator, contract):
    buyer = caller("buyer", departments=("MAGNET",))
    assert put(administrator, "contracts/NEW-1", {**contract, "end_use": "military", "title": "x"}).status_code == 201
    assert put(buyer, "contracts/NEW-1", contract).json()["end_use"] == "military"
    assert put(buyer, "contracts/NEW-1", {**contract, "end_use": None}).json()["end_use"] == "military"
    assert put(administrator, "contracts/NEW-1", {**contract, "title": None}).json()["title"] is None
    behind = by_field(Contract.objects.get(reference="NEW-1").provenance)
    assert behind["end_use"].keys() == {"administrator@example.com"}
    assert behind["kind"].keys() == {"administrator@example.com", "buyer@example.com"}


def test_every_fault_is_named_by_pointer_and_nothing_is_kept(administrator, contract):
    bad = {
        **contract,
        "supplier": "NOBODY",
        "colour": "red",
        "title": "a\0b",
        "concluded_on": "2026-02-30",
        "expires_on": "2025-01-01",
        "effective_on": "2026-01-01",
        "lines": [
            {"number": 10, "hs_code": 28},
            {"number": 10, "hs_code": "28053", "elements": ["Xx"], "tariff_codes": {"ZZ": "28"}},
        ],
    }
    answer = put(administrator, "contracts/NEW-1", bad)
    assert answer.status_code == 400
    assert faults(answer) >= {
        ("#/supplier", "unknown_reference"),
        ("#/colour", "unknown_key"),
        ("#/title", "nul"),
        ("#/concluded_on", "invalid_date"),
        ("#/expires_on", "ends_before_it_begins"),
        ("#/lines/0/hs_code", "not_a_string"),
        ("#/lines/1/number", "duplicate"),
        ("#/lines/1/elements/0", "invalid_element"),
    }
    assert not Contract.objects.filter(reference="NEW-1").exists()


def test_the_reference_is_that_of_the_address(administrator, contract):
    assert faults(put(administrator, "contracts/OTHER", contract)) == {("#/reference", "other_reference")}
    assert faults(put(administrator, "contracts/NEW%201", contract)) == {("#/reference", "other_reference")}
    without = {key: value for key, value in contract.items() if key != "reference"}
    assert faults(put(administrator, "contracts/NEW-1", without)) == {("#/reference", "required")}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b'{"reference": NaN}',
        b'{"reference": "NEW-1", "reference": "NEW-1"}',
        b'{"reference": ' + b"1" * 100_000 + b"}",
        b'{"reference": -Infinity}',
        b'{"reference": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"\\u0000": 1}',
        b'{"a.b/c~d": 1}',
        b'{"reference": {"a": 1}}',
        b'{"lines": {"a": 1}}',
        b'{"lines": [null, 1, "x", []]}',
        b'{"lines": [{"tariff_codes": {"\\ud800": "1", "CN": null}}]}',
        b'{"lines": [{"content": [{"origin": 1, "value_share": 0.5}]}]}',
        b'{"notice_days": 1e400}',
        b'{"notice_days": 99999999999999999999999999}',
        b'{"concluded_at": "9999-12-31T23:59:59-23:59"}',
    ],
)
def test_a_bad_body_is_the_senders_error(administrator, raw):
    answer = put(administrator, "contracts/NEW-1", raw)
    assert answer.status_code == 400
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("application/xml", 415), ("multipart/form-data; boundary=x", 415)],
)
def test_other_types_of_body_are_not_taken(administrator, content_type, status):
    assert administrator.put("/api/v1/contracts/NEW-1", b"{}", content_type=content_type).status_code == status


def test_a_body_of_more_than_ten_megabytes_is_too_large(administrator):
    answer = put(administrator, "contracts/NEW-1", b'{"title": "' + b"x" * (10 * 1024 * 1024) + b'"}')
    assert answer.status_code == 413


def test_a_change_of_the_end_use_is_screened(administrator, django_capture_on_commit_callbacks):
    """A military contract with the state seller becomes civil: one flag of three goes away."""
    with django_capture_on_commit_callbacks() as rings:
        answer = put(
            administrator,
            "contracts/MAG-2025-DY-27",
            {**administrator.get("/api/v1/contracts/MAG-2025-DY-27").json(), "end_use": "civil"},
        )
    assert answer.status_code == 200
    assert len(rings) == 1
    screen_pending(at=clock.now())
    changes = Flag.objects.open().filter(contract__reference="MAG-2025-DY-27").values_list("measure__change__reference")
    assert {reference for (reference,) in changes} == {"CN-MOFCOM-2025-18", "CN-REPORT-2026-SOE"}


def test_a_buyer_keeps_to_the_own_departments(caller, contract):
    buyer = caller("buyer", departments=("MAGNET",))
    assert put(buyer, "contracts/NEW-1", contract).status_code == 201
    for department in ("SEMICON", None):
        refused = put(buyer, "contracts/NEW-2", {**contract, "reference": "NEW-2", "department": department})
        assert faults(refused) == {("#/department", "not_your_department")}
    assert faults(put(buyer, "contracts/NEW-1", {**contract, "department": "SEMICON"})) == {
        ("#/department", "not_your_department")
    }
    assert Contract.objects.get(reference="NEW-1").department.reference == "MAGNET"
    others = Contract.objects.filter(department__reference="SEMICON").first().reference
    assert faults(put(buyer, f"contracts/{others}", {**contract, "reference": others})) == {("#/reference", "taken")}
    assert Contract.objects.get(reference=others).department.reference == "SEMICON"


def test_a_draft_is_written_published_and_withdrawn(caller):
    editor, publisher = caller("policy_editor"), caller("policy_publisher")
    assert put(editor, "policy-changes/TEST-1", CHANGE).json()["status"] == "draft"
    assert put(editor, "policy-changes/TEST-1", {**CHANGE, "title": "t", "status": "draft"}).status_code == 200
    assert faults(put(editor, "policy-changes/TEST-1", {**CHANGE, "status": "published"})) == {
        ("#/status", "read_only")
    }
    assert publisher.post("/api/v1/policy-changes/TEST-1/withdraw").status_code == 409
    assert editor.post("/api/v1/policy-changes/TEST-1/publish").status_code == 403
    assert publisher.post("/api/v1/policy-changes/TEST-1/publish").json()["status"] == "published"
    assert publisher.post("/api/v1/policy-changes/TEST-1/publish").status_code == 200
    assert put(editor, "policy-changes/TEST-1", CHANGE).json()["status"] == "published"  # as it is already
    assert publisher.post("/api/v1/policy-changes/TEST-1/withdraw").json()["status"] == "withdrawn"
    assert put(editor, "policy-changes/TEST-1", CHANGE).status_code == 409
    assert publisher.post("/api/v1/policy-changes/NOBODY/publish").status_code == 404
    assert PolicyChange.objects.get(reference="TEST-1").title == "t"


ROLES = {
    # role: what may be written (contracts, organizations, licences, policy-changes, party-lists, departments, publish)
    "viewer": set(),
    "buyer": {"contracts", "organizations", "licences"},
    "policy_editor": {"licences", "policy-changes", "party-lists"},
    "policy_publisher": {"licences", "policy-changes", "party-lists", "publish"},
    "administrator": {
        "contracts",
        "organizations",
        "licences",
        "policy-changes",
        "party-lists",
        "departments",
        "publish",
    },
}


@pytest.mark.parametrize("role", ROLES)
def test_roles_decide_what_may_be_written(caller, contract, role):
    client = caller(role, departments=("MAGNET",))
    bodies = {
        "contracts": contract,
        "organizations": {"reference": "NEW-1"},
        "licences": {"reference": "NEW-1", "exporter": "CHIXIA-RE"},
        "policy-changes": {**CHANGE, "reference": "NEW-1"},
        "party-lists": {"reference": "NEW-1", "timezone": "Asia/Tokyo"},
        "departments": {"reference": "NEW-1"},
    }
    allowed = {name for name, body in bodies.items() if put(client, f"{name}/NEW-1", body).status_code == 201}
    if client.post("/api/v1/policy-changes/CN-MOFCOM-2026-1/publish").status_code == 200:
        allowed.add("publish")
    assert allowed == ROLES[role]
    for name in bodies:
        assert client.get(f"/api/v1/{name}").status_code == 200


def test_whoever_has_no_role_sees_nothing(caller):
    nobody = caller()
    for name in ("contracts", "organizations", "flags", "policy-changes", "messages", "runs"):
        assert nobody.get(f"/api/v1/{name}").status_code == 403


def test_owners_that_hold_more_than_everything_together_with_what_is_stored(administrator):
    before = administrator.get("/api/v1/organizations/CHIXIA-GRP").json()
    owners = [{**before["owners"][0], "percent": "90"}, *before["owners"][1:]]
    answer = put(administrator, "organizations/CHIXIA-GRP", {**before, "owners": owners})
    assert faults(answer) == {("#/owners", "more_than_all")}
    assert Organization.objects.get(reference="CHIXIA-GRP").owners.count() == 3


def test_log_in_with_a_token_and_out_again(january):
    User.objects.create_user("grace@example.com", "correct horse battery", roles=["viewer"])
    client = APIClient()
    assert client.get("/api/v1/flags").status_code == 401
    for wrong in (
        {"email": "grace@example.com", "password": "wrong"},
        {"email": "nobody@example.com", "password": "correct horse battery"},
    ):
        assert client.post("/api/v1/auth/token", wrong, format="json").status_code == 401
    for bad in ({}, {"email": "\0", "password": "x"}, {"email": 1, "password": []}):
        assert client.post("/api/v1/auth/token", bad, format="json").status_code in (400, 401)
    given = client.post(
        "/api/v1/auth/token", {"email": "Grace@example.com", "password": "correct horse battery"}, format="json"
    )
    assert given.status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Token {given.json()['token']}")
    assert client.get("/api/v1/policy-changes").status_code == 200
    assert client.delete("/api/v1/auth/token/current").status_code == 204
    assert client.get("/api/v1/policy-changes").status_code == 401


def test_a_session_works_too_and_its_writes_need_the_csrf_token(january, contract):
    user = User.objects.create_user("root@example.com", "x", roles=["administrator"])
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/contracts").status_code == 200
    assert put(client, "contracts/NEW-1", contract).status_code == 403


def test_a_contract_that_another_department_creates_meanwhile_is_not_taken_over(caller, monkeypatch) -> None:
    reference = "RACE-1"
    body = {"reference": reference, "kind": "purchase", "supplier": "SULA", "buyer": "AOM-US", "department": "MAGNET"}

    def check(view: StoredContracts, values: dict[str, Any]) -> None:
        department = Department.objects.get(reference="AMERICAS")
        parties = Organization.objects.in_bulk(["SULA", "AOM-US"], field_name="reference")
        Contract.objects.create(
            reference=reference,
            kind="purchase",
            supplier=parties["SULA"],
            buyer=parties["AOM-US"],
            department=department,
        )

    monkeypatch.setattr(StoredContracts, "check", check)
    answer = caller("buyer", departments=("MAGNET",)).put(f"/api/v1/contracts/{reference}", body, format="json")

    assert answer.status_code == 409
    assert not Contract.objects.filter(reference=reference, department__reference="MAGNET").exists()
