"""ETag, If-Match, If-None-Match, and the merge patch that needs them."""

import json

import pytest

from suppliers.models import Organization

MAGNETS = "/api/v1/contracts/MAG-2025-DY-27"
PATCH = "application/merge-patch+json"
STORED = [
    "departments/MAGNET",
    "users/yui.tachibana@aomizu-group.example",
    "organizations/CHIXIA-RE",
    "contracts/MAG-2025-DY-27",
    "policy-changes/CN-MOFCOM-2026-1",
    "licences/LIC-2025-212",
]


def patch(client, address, body, **headers):
    return client.patch(address, json.dumps(body), content_type=PATCH, headers=headers)


def put(client, address, body, **headers):
    return client.put(address, json.dumps(body), content_type="application/json", headers=headers)


@pytest.mark.parametrize("address", STORED)
def test_the_tag_names_the_state_of_an_object(administrator, address):
    first = administrator.get(f"/api/v1/{address}")
    assert (first.status_code, first["ETag"][0], first["ETag"][-1]) == (200, '"', '"')
    same = administrator.get(f"/api/v1/{address}", headers={"If-None-Match": first["ETag"]})
    assert (same.status_code, same["ETag"], same.content) == (304, first["ETag"], b"")
    again = put(administrator, f"/api/v1/{address}", first.json(), **{"If-Match": first["ETag"]})
    assert (again.status_code, again["ETag"]) == (200, first["ETag"])
    field = "summary" if "policy" in address else "timezone" if "licences" in address else "name"
    if "contracts" in address:
        field = "title"
    value = "Europe/Berlin" if field == "timezone" else "Another"
    changed = patch(administrator, f"/api/v1/{address}", {field: value}, **{"If-Match": f"W/{first['ETag']}"})
    assert changed.status_code in (200, 202)
    assert changed["ETag"] != first["ETag"]
    assert administrator.get(f"/api/v1/{address}")["ETag"] == changed["ETag"]
    late = put(administrator, f"/api/v1/{address}", first.json(), **{"If-Match": first["ETag"]})
    assert (late.status_code, late.json()["errors"][0]["code"]) == (412, "precondition_failed")


def test_only_what_is_not_there_is_created_with_if_none_match(administrator):
    body = {"reference": "NEW-1", "name": "New"}
    only = {"If-None-Match": "*"}
    assert put(administrator, "/api/v1/organizations/NEW-1", body, **{"If-Match": "*"}).status_code == 412
    assert put(administrator, "/api/v1/organizations/NEW-1", body, **only).status_code == 201
    assert put(administrator, "/api/v1/organizations/NEW-1", {**body, "name": "x"}, **only).status_code == 412
    assert Organization.objects.get(reference="NEW-1").name == "New"


def test_a_patch_says_what_it_was_made_of(administrator):
    bare = patch(administrator, MAGNETS, {"title": "x"})
    assert (bare.status_code, bare.json()["errors"][0]["code"]) == (428, "precondition_required")
    assert administrator.delete(MAGNETS).status_code == 428
    assert patch(administrator, "/api/v1/contracts/NOBODY", {}, **{"If-Match": "*"}).status_code == 404


def test_a_patch_changes_what_it_names_alone(administrator):
    before = administrator.get(MAGNETS).json()
    changes = {"title": "x", "lines": [{"number": 10, "unit": "t"}]}
    after = patch(administrator, MAGNETS, changes, **{"If-Match": "*"}).json()
    assert {name for name in before if before[name] != after[name]} == {"title", "lines"}
    assert after["title"] == "x"
    assert after["lines"] == [{**before["lines"][0], "unit": "t"}]


def test_a_null_takes_back_only_what_its_sender_said(administrator, caller):
    buyer = caller("buyer", departments=("MAGNET",))
    assert patch(administrator, MAGNETS, {"title": "Ours"}, **{"If-Match": "*"}).status_code == 200
    assert patch(buyer, MAGNETS, {"title": None}, **{"If-Match": "*"}).json()["title"] == "Ours"
    assert patch(administrator, MAGNETS, {"title": None}, **{"If-Match": "*"}).json()["title"] is None


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"kind": None}, ("#/kind", "null")),
        ({"reference": "OTHER"}, ("#/reference", "other_reference")),
        ({"colour": "red"}, ("#/colour", "unknown_key")),
        ({"lines": [{"unit": "t"}]}, ("#/lines/0/number", "required")),
        ({"supplier": "NOBODY"}, ("#/supplier", "unknown_reference")),
        ({"effective_on": "2199-01-01"}, ("#/expires_on", "ends_before_it_begins")),
    ],
)
def test_a_bad_patch_is_refused_by_pointer(administrator, body, fault):
    answer = patch(administrator, MAGNETS, body, **{"If-Match": "*"})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, (error["pointer"], error["code"])) == (400, fault)


def test_a_patch_of_what_is_published_waits_as_a_revision(administrator):
    address = "/api/v1/policy-changes/CN-MOFCOM-2026-1"
    read = administrator.get(address)
    waiting = patch(administrator, address, {"title": "Patched"}, **{"If-Match": read["ETag"]})
    assert (waiting.status_code, waiting.json()["outcome"]["title"]) == (202, "Patched")
    assert administrator.get(address).json()["title"] == read.json()["title"]
    overtaken = patch(administrator, address, {"title": "Mine"}, **{"If-Match": read["ETag"]})
    assert overtaken.status_code == 412


def test_a_patch_is_json(administrator):
    answer = administrator.patch(MAGNETS, "{}", content_type="application/json-patch+json", headers={"If-Match": "*"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("webhooks/ERP", {"url": "https://erp.example.com/", "events": ["flag.opened"]}),
        ("service-accounts/erp@example.com", {"name": "ERP", "roles": ["buyer"]}),
        ("digests", {"review": "weekly"}),
        ("contracts/MAG-2024-NDPR-01/reminders", {"days": [3]}),
    ],
)
@pytest.mark.parametrize("header", [{"If-Match": '"1.1"'}, {"If-None-Match": "*"}, {"If-None-Match": '"1.1"'}])
def test_where_there_is_no_state_to_compare_nothing_is_overwritten(administrator, address, body, header):
    answer = administrator.put(f"/api/v1/{address}", body, format="json", headers=header)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (412, "precondition_failed")
    whatever = administrator.put(f"/api/v1/{address}", body, format="json", headers={"If-Match": "*"})
    assert whatever.status_code != 412
