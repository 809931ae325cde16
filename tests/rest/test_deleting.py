"""DELETE: what nothing hangs on goes, everything else stays and says why."""

import pytest

from alerts.history import past_rows
from contracts.models import Contract
from people.models import ChangeEntry
from policies.models import PolicyChange
from tests.rest.test_writing import CHANGE, CONTRACT, put

READ = {"If-Match": "*"}


def delete(client, address):
    return client.delete(f"/api/v1/{address}", headers=READ)


def test_a_contract_without_a_past_goes_with_its_lines(administrator, january):
    body = {**CONTRACT, "buyer": "AOM-DENKI", "lines": [{"number": 10}], "amendments": [{}]}
    assert put(administrator, "contracts/NEW-1", body).status_code == 201
    pk = Contract.objects.get(reference="NEW-1").pk
    assert delete(administrator, "contracts/NEW-1").status_code == 204
    assert administrator.get("/api/v1/contracts/NEW-1").status_code == 404
    assert delete(administrator, "contracts/NEW-1").status_code == 404
    (gone,) = past_rows(Contract).filter(pgh_obj_id=pk, pgh_label="delete")
    assert gone.reference == "NEW-1"
    last = ChangeEntry.objects.filter(kind="contract", object_id=pk).order_by("version").last()
    assert last is not None
    assert last.version > 1
    assert put(administrator, "contracts/NEW-1", body).status_code == 201  # another one


@pytest.mark.parametrize(
    ("address", "because"),
    [
        ("contracts/MAG-2025-DY-27", "3 flags (contract) refer to it"),
        ("organizations/CHIXIA-RE", "contracts (supplier) refer to it"),
        ("policy-changes/CN-MOFCOM-2026-1", "it is published"),
        ("departments/MAGNET", "contracts (department) refer to it"),
        ("users/yui.tachibana@aomizu-group.example", None),
        ("licences/LIC-2025-212", None),
    ],
)
def test_what_something_hangs_on_stays(administrator, address, because):
    answer = delete(administrator, address)
    if because is None:
        assert answer.status_code == 204
        return
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (409, "conflict")
    assert because in error["detail"]
    assert administrator.get(f"/api/v1/{address}").status_code == 200


def test_what_a_policy_names_stays(administrator):
    scope = {"contracts": ["MAG-2025-DY-27"], "parties": {"named": ["NEW-O"], "lists": ["NEW-L"], "roles": ["buyer"]}}
    change = {**CHANGE, "measures": [{**CHANGE["measures"][0], "scope": scope}]}
    assert put(administrator, "organizations/NEW-O", {"reference": "NEW-O"}).status_code == 201
    assert put(administrator, "party-lists/NEW-L", {"reference": "NEW-L", "timezone": "Asia/Tokyo"}).status_code == 201
    assert put(administrator, "policy-changes/TEST-1", change).status_code == 201
    for address in ("organizations/NEW-O", "party-lists/NEW-L"):
        answer = delete(administrator, address)
        assert (answer.status_code, "TEST-1/1 names it" in answer.json()["detail"]) == (409, True)
    licence = {"reference": "NEW-LIC", "exporter": "NEW-O", "measures": ["TEST-1/1"]}
    assert put(administrator, "licences/NEW-LIC", licence).status_code == 201
    answer = delete(administrator, "policy-changes/TEST-1")
    assert (answer.status_code, "NEW-LIC" in answer.json()["detail"]) == (409, True)
    assert delete(administrator, "licences/NEW-LIC").status_code == 204
    assert delete(administrator, "policy-changes/TEST-1").status_code == 204
    assert not PolicyChange.objects.filter(reference="TEST-1").exists()
    for address in ("organizations/NEW-O", "party-lists/NEW-L"):
        assert delete(administrator, address).status_code == 204


def test_others_contracts_are_not_there_and_readers_delete_nothing(caller):
    buyer, viewer = caller("buyer", departments=("SEMICON",)), caller("viewer", departments=("MAGNET",))
    assert delete(buyer, "contracts/MAG-2025-DY-27").status_code == 404
    assert delete(viewer, "contracts/MAG-2025-DY-27").status_code == 403
    assert delete(buyer, "users/yui.tachibana@aomizu-group.example").status_code == 403
