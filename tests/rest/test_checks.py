"""Checks over REST: bad calls and bad documents, roles, departments, changes and their acknowledgement."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from alerts.checks.rounds import look_again
from alerts.models import Check
from people import clock
from people.models import Department
from policies.models import PolicyChange
from suppliers.models import Organization
from tests.checks.conftest import document
from tests.rest.conftest import Caller

PURCHASE = document(supplier="CHIXIA-RE", buyer="AOM-DENKI")


def ask(client: APIClient, *documents: Any, **more: Any) -> Any:
    return client.post("/api/v1/checks", {"documents": list(documents), **more}, format="json")


@pytest.fixture
def erp(caller: Caller) -> APIClient:
    return caller("buyer", departments=("MAGNET",))


def test_a_no_is_an_answer(erp: APIClient) -> None:
    answer = ask(erp, PURCHASE)
    assert answer.status_code == 200
    body = answer.json()
    assert body["results"][0]["decision"] in ("blocked", "review")
    assert len(body["policy_version"]) == 64
    assert body["policies_set_aside"] == []


def test_errors_name_the_place_and_leave_the_neighbours_alone(erp: APIClient) -> None:
    bad = document(supplier="NOBODY", buyer="AOM-DENKI", colour="red", line={"hs_code": 284690, "quantity": "-1"})
    results = ask(erp, PURCHASE, bad, 5, PURCHASE).json()["results"]
    assert results[0] == {**results[3], **{name: results[0][name] for name in ("id", "receipt")}}
    assert [result["decision"] for result in results[1:3]] == ["error", "error"]
    assert {(one["pointer"], one["code"]) for one in results[1]["errors"]} == {
        ("#/documents/1/supplier", "unknown_reference"),
        ("#/documents/1/colour", "unknown_key"),
        ("#/documents/1/lines/0/hs_code", "not_a_string"),
        ("#/documents/1/lines/0/quantity", "out_of_range"),
    }
    assert [(one["pointer"], one["code"]) for one in results[2]["errors"]] == [("#/documents/2", "not_an_object")]
    assert Check.objects.count() == 2


# One fault each, in an otherwise good document: what is sent instead, and what is said of it.
FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"purpose": None}, "/purpose", "required"),
    ({"purpose": "gift"}, "/purpose", "invalid_choice"),
    ({"reference": None}, "/reference", "required"),
    ({"reference": "a b"}, "/reference", "invalid_reference"),
    ({"kind": "gift"}, "/kind", "invalid_choice"),
    ({"supplier": None}, "/supplier", "required"),
    ({"supplier": 7}, "/supplier", "not_a_string"),
    ({"supplier": ["CHIXIA-RE"]}, "/supplier", "not_a_string"),
    ({"supplier": {}}, "/supplier/name", "required"),
    ({"supplier": {"name": " "}}, "/supplier/name", "blank"),
    ({"supplier": {"name": "X", "country": "CN"}}, "/supplier/country", "unknown_key"),
    (
        {"supplier": {"name": "X", "identifiers": [{"scheme": "LEI", "value": "529900T8BM49AURSDO56"}]}},
        "/supplier/identifiers/0/value",
        "invalid_identifier",
    ),
    ({"buyer": "(not identified)"}, "/buyer", "invalid_reference"),
    ({"end_user": "NOBODY"}, "/end_user", "unknown_reference"),
    ({"framework": "NONE"}, "/framework", "unknown_reference"),
    ({"department": "SEMICON"}, "/department", "not_your_department"),
    ({"department": "NOWHERE"}, "/department", "not_your_department"),
    ({"destination_country": "ZZ"}, "/destination_country", "invalid_country"),
    ({"concluded_on": "2026-02-30"}, "/concluded_on", "invalid_date"),
    ({"expires_on": "0001-01-01"}, "/expires_on", "implausible_date"),
    ({"title": "a\0b"}, "/title", "nul"),
    ({"title": "\ud800"}, "/title", "surrogate"),
    ({"\ud800": 1}, "/?", "unknown_key"),
    ({"a/b~c": 1}, "/a~1b~0c", "unknown_key"),
    ({"lines": {}}, "/lines", "not_a_list"),
    ({"lines": [None]}, "/lines/0", "null"),
    ({"lines": [{}]}, "/lines/0/number", "required"),
    ({"lines": [{"number": 10}, {"number": 10}]}, "/lines/1/number", "duplicate"),
    ({"lines": [{"number": number} for number in range(1001)]}, "/lines", "too_many"),
    ({"line": {"quantity": 100}}, "/lines/0/quantity", "not_a_string"),
    ({"line": {"hs_code": "12345"}}, "/lines/0/hs_code", "invalid_hs_code"),
]


@pytest.mark.parametrize(("says", "pointer", "code"), FAULTS)
def test_every_fault_of_a_document_has_its_pointer(
    erp: APIClient, says: dict[str, Any], pointer: str, code: str
) -> None:
    sent = {"documents": [document(**{"supplier": "CHIXIA-RE", "buyer": "AOM-DENKI", **says})]}
    answer = erp.post("/api/v1/checks", json.dumps(sent), content_type="application/json")
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert [(one["pointer"], one["code"]) for one in result["errors"]] == [(f"#/documents/0{pointer}", code)]
    assert (result["decision"], result["lines"], result["findings"]) == ("error", [], [])


# Calls that are none: what is sent, the status, and the pointer and code of what is said.
CALLS: list[tuple[bytes, int, str | None, str]] = [
    (b"[]", 400, None, "not_an_object"),
    (b"5", 400, None, "not_an_object"),
    (b"", 400, "#/documents", "not_a_list"),
    (b"{", 400, None, "parse_error"),
    (b"{}", 400, "#/documents", "not_a_list"),
    (b'{"documents": {}}', 400, "#/documents", "not_a_list"),
    (b'{"documents": []}', 400, "#/documents", "out_of_range"),
    (json.dumps({"documents": [{}] * 101}).encode(), 400, "#/documents", "out_of_range"),
    (json.dumps({"documents": [{"lines": [0] * 101}] * 100}).encode(), 400, "#/documents", "too_many"),
    (b'{"documents": [{}], "receipts": "yes"}', 400, "#/receipts", "not_a_boolean"),
    (b'{"documents": [{}], "receipts": null}', 400, "#/receipts", "not_a_boolean"),
    (b'{"documents": [{}], "purpose": "renewal"}', 400, "#/purpose", "unknown_key"),
    (b'{"documents": [{"reference": NaN}]}', 400, None, "parse_error"),
    (b'{"documents": [{"reference": Infinity}]}', 400, None, "parse_error"),
    (b'{"documents": [{"reference": "A", "reference": "B"}]}', 400, None, "parse_error"),
    (b'{"documents": [], "documents": []}', 400, None, "parse_error"),
    (b'{"documents": ["\xff"]}', 400, None, "parse_error"),
    (b'{"documents": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, None, "parse_error"),
]


@pytest.mark.parametrize(("body", "status", "pointer", "code"), CALLS)
def test_a_call_that_is_none_is_refused_whole(
    erp: APIClient, body: bytes, status: int, pointer: str | None, code: str
) -> None:
    answer = erp.post("/api/v1/checks", body, content_type="application/json")
    assert answer.status_code == status
    assert answer["content-type"] == "application/problem+json"
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]
    assert not Check.objects.exists()


def test_a_hundred_documents_are_answered_in_their_order(erp: APIClient) -> None:
    answer = ask(erp, *({**PURCHASE, "reference": f"PO-{number}"} for number in range(100)), receipts=False)
    assert [result["document"] for result in answer.json()["results"]] == [f"PO-{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("role", "asks", "releases"),
    [
        ("viewer", 403, 403),
        ("buyer", 200, 403),
        ("policy_editor", 200, 403),
        ("policy_publisher", 200, 200),
        ("administrator", 200, 200),
    ],
)
def test_roles_decide_who_asks_and_who_releases(caller: Caller, role: str, asks: int, releases: int) -> None:
    department = Department.objects.get(reference="MAGNET").reference
    erp = caller("buyer", "viewer", departments=(department,))
    (check,) = ask(erp, {**PURCHASE, "department": department}).json()["results"]
    client = caller(role, departments=(department,))
    assert ask(client, PURCHASE).status_code == asks
    said = {"reason": "accepted_risk", "text": "Seen", "expires_on": clock.now().date().isoformat()}
    answer = client.post(f"/api/v1/checks/{check['id']}/release", said, format="json")
    assert answer.status_code == releases
    if releases == 200:
        assert [one["text"] for one in answer.json()["releases"]] == ["Seen"]
        assert ask(erp, {**PURCHASE, "department": department}).json()["results"][0]["decision"] == "cleared"
        back = client.post(f"/api/v1/checks/{check['id']}/take-back", {"text": "A mistake"}, format="json")
        assert back.json()["releases"] == []


def test_another_departments_check_is_not_there(caller: Caller, erp: APIClient) -> None:
    (check,) = ask(erp, {**PURCHASE, "department": "MAGNET"}).json()["results"]
    others = caller("buyer", "policy_editor", departments=("SEMICON",))
    address = f"/api/v1/checks/{check['id']}"
    assert [client.get(address).status_code for client in (erp, others)] == [200, 404]
    assert others.get("/api/v1/checks").json()["results"] == []
    assert others.post("/api/v1/checks/verify", {"receipt": check["receipt"]}, format="json").json()["stands"] is None
    assert erp.get("/api/v1/checks/not-a-uuid").status_code == 404


def test_changes_are_listed_until_they_are_acknowledged(erp: APIClient, caller: Caller) -> None:
    PolicyChange.objects.update(status="draft")
    results = ask(erp, PURCHASE, {**PURCHASE, "reference": "PO-2"}).json()["results"]
    assert [result["decision"] for result in results] == ["clear", "clear"]
    assert erp.get("/api/v1/checks/changes").json() == {"next": None, "results": []}
    PolicyChange.objects.update(status="published")
    look_again(at=clock.now())
    page = erp.get("/api/v1/checks/changes?limit=1").json()
    (first,) = page["results"]
    assert first["check_id"] == results[0]["id"]
    assert (first["document"], first["decision_before"]) == ("PO-1", "clear")
    assert first["decision"] in ("blocked", "review")
    (second,) = erp.get(page["next"]).json()["results"]
    assert second["document"] == "PO-2"
    assert caller("buyer", "viewer").get("/api/v1/checks/changes").json()["results"] == []

    def acknowledge(*numbers: int) -> Any:
        return erp.post("/api/v1/checks/changes/acknowledge", {"changes": numbers}, format="json").json()

    assert [acknowledge(first["id"]), acknowledge(first["id"])] == [{"acknowledged": 1}, {"acknowledged": 0}]
    assert [one["id"] for one in erp.get("/api/v1/checks/changes").json()["results"]] == [second["id"]]
    assert [one["id"] for one in erp.get("/api/v1/checks/changes?acknowledged=true").json()["results"]] == [first["id"]]
    assert erp.get("/api/v1/checks/changes?acknowledged=maybe").status_code == 400
    shown = erp.get(f"/api/v1/checks/{results[0]['id']}").json()
    assert (shown["decision"], shown["stands"], len(shown["turns"])) == ("clear", first["decision"], 1)


def test_keys_are_for_anybody_and_verify_the_receipt(erp: APIClient) -> None:
    (result,) = ask(erp, PURCHASE).json()["results"]
    (key,) = APIClient().get("/api/v1/checks/keys").json()["keys"]
    assert (key["kty"], key["crv"], key["use"], "d" in key) == ("OKP", "Ed25519", "sig", False)
    told = erp.post("/api/v1/checks/verify", {"receipt": result["receipt"]}, format="json").json()
    assert (told["genuine"], told["stands"], told["claims"]["jti"]) == (True, result["decision"], result["id"])
    told = erp.post("/api/v1/checks/verify", {"receipt": "x.y.z"}, format="json").json()
    assert (told["genuine"], told["wrong"]) == (False, "malformed")


def test_the_guides_call_is_answered(erp: APIClient) -> None:
    Organization.objects.create(reference="V-100234", name="Example Magnetics Co., Ltd.", country="CN", kind="company")
    guide = (Path(__file__).parents[2] / "docs" / "erp.md").read_text()
    (body,) = re.findall(r"curl -sS -X POST \$TOCSIN/checks -H .*? -d '(.*?)'\n", guide, re.DOTALL)
    answer = erp.post("/api/v1/checks", body, content_type="application/json")
    assert answer.status_code == 200
    assert [result["errors"] for result in answer.json()["results"]] == [[]]
