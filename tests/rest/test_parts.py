"""What hangs on a contract: its history and its flags; and users."""

import json

from tests.rest.test_conditions import MAGNETS, patch
from tests.rest.test_writing import CONTRACT, faults, put

READ = {"If-Match": "*"}


def test_the_history_of_a_contract_names_every_change_and_its_author(administrator, caller):
    buyer = caller("buyer", departments=("MAGNET",))
    body = {**CONTRACT, "buyer": "AOM-DENKI", "lines": [{"number": 10, "quantity": "5"}]}
    assert put(administrator, "contracts/NEW-1", body).status_code == 201
    lines = [{"number": 10, "quantity": "6.50"}, {"number": 20, "unit": "kg"}]
    assert patch(buyer, "/api/v1/contracts/NEW-1", {"lines": lines, "supplier": "SULA"}, **READ).status_code == 200
    assert patch(buyer, "/api/v1/contracts/NEW-1", {"lines": lines[1:]}, **READ).status_code == 200
    versions = administrator.get("/api/v1/contracts/NEW-1/history").json()
    # The test's transaction is one, so that all of it is one version.
    assert [(one["by"], one["version"] > 1) for one in versions] == [("administrator@example.com", True)]
    assert [(one["field"], one["before"], one["after"]) for one in versions[0]["changes"]] == [
        ("reference", None, "NEW-1"),
        ("kind", None, "purchase"),
        ("supplier", None, "CHIXIA-RE"),
        ("buyer", None, "AOM-DENKI"),
        ("department", None, "MAGNET"),
        ("supplier", "CHIXIA-RE", "SULA"),
        ("lines/10", None, {"number": 10, "quantity": "5"}),
        ("lines/20", None, {"number": 20, "unit": "kg"}),
        ("lines/10/quantity", "5", "6.5"),
        ("lines/10", {"number": 10, "quantity": "6.5"}, None),
    ]


def test_history_is_read_in_pages(administrator):
    first = administrator.get(f"{MAGNETS}/history?limit=1").json()
    assert len(first) == 1
    assert administrator.get(f"{MAGNETS}/history?below={first[0]['version']}").json() == []
    for bad in ("limit=0", "below=x", "limit=1001", "page=1"):
        assert administrator.get(f"{MAGNETS}/history?{bad}").status_code == 400
    assert administrator.get("/api/v1/contracts/NOBODY/history").status_code == 404


def test_the_flags_of_a_contract(administrator, caller):
    flags = administrator.get(f"{MAGNETS}/flags").json()
    assert len(flags["results"]) == 3
    assert flags["results"] == administrator.get("/api/v1/flags?contract=MAG-2025-DY-27").json()["results"]
    assert len(administrator.get(f"{MAGNETS}/flags?open=false").json()["results"]) == 0
    other = caller("viewer", departments=("SEMICON",))
    for part in ("flags", "history"):
        assert other.get(f"{MAGNETS}/{part}").status_code == 404


def test_users_are_kept_by_administrators(administrator, caller):
    body = {"email": "new@example.com", "departments": ["MAGNET"], "roles": ["buyer"], "away": [{"from": "2026-02-01"}]}
    created = put(administrator, "users/new@example.com", body)
    assert (created.status_code, created.json()["departments"], created.json()["away"]) == (
        201,
        ["MAGNET"],
        [{"from": "2026-02-01", "until": None}],
    )
    assert put(administrator, "users/new@example.com", created.json()).status_code == 200
    for bad, pointer in (({"is_superuser": True}, "#/is_superuser"), ({"password": "x"}, "#/password")):
        assert (pointer, "unknown_key") in faults(put(administrator, "users/new@example.com", {**body, **bad}))
    assert faults(put(administrator, "users/other@example.com", body)) == {("#/email", "other_reference")}
    listed = administrator.get("/api/v1/users?role=buyer&department=MAGNET&limit=1000").json()["results"]
    assert "new@example.com" in {one["email"] for one in listed}
    pages = administrator.get("/api/v1/users?limit=2").json()
    assert administrator.get(pages["next"]).status_code == 200
    buyer = caller("buyer")
    assert buyer.get("/api/v1/users").status_code == 403
    assert (
        put(buyer, "users/buyer@example.com", {"email": "buyer@example.com", "roles": ["administrator"]}).status_code
        == 403
    )
    assert json.dumps(administrator.get("/api/v1/users/new@example.com").json()).count("password") == 0
