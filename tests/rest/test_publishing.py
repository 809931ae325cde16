"""Preview and publication over REST: by a second person, and with the number of owners where they are many."""

import json

import pytest

from alerts.models import Flag
from contracts.models import Contract
from policies.models import PolicyChange

DRAFT = {
    "reference": "TEST-1",
    "timezone": "Asia/Tokyo",
    "measures": [
        {
            "key": "1",
            "effect": "ban",
            "timeline": [{"status": "in_force", "from": "2026-01-01"}],
            "scope": {"supplier_countries": ["CN"]},
        }
    ],
}


@pytest.fixture
def draft(caller):
    editor = caller("policy_editor")
    body = json.dumps(DRAFT).encode()
    assert editor.put("/api/v1/policy-changes/TEST-1", body, content_type="application/json").status_code == 201
    return editor


def post(client, step, body=None, reference="TEST-1"):
    return client.post(f"/api/v1/policy-changes/{reference}/{step}", body, format="json")


def test_a_draft_is_previewed_and_nothing_is_flagged(draft):
    before = Flag.objects.count()
    shown = post(draft, "preview").json()
    assert shown["flagged_now"]["flags"] == 0
    assert shown["newly_flagged"]["contracts"] > 10
    assert {money["currency"] for money in shown["newly_flagged"]["exposure"]} >= {"JPY"}
    editors = {row["contract"] for row in shown["newly_flagged"]["rows"]}
    assert editors <= set(Contract.objects.filter(department=None).values_list("reference", flat=True))
    assert Flag.objects.count() == before
    assert PolicyChange.objects.get(reference="TEST-1").status == "draft"


def test_a_published_change_is_previewed_as_it_would_be(draft, administrator):
    published = administrator.get("/api/v1/policy-changes/CN-MOFCOM-2026-1").json()
    shown = post(draft, "preview", {**published, "measures": []}, "CN-MOFCOM-2026-1").json()
    assert shown["no_longer_flagged"]["flags"] == shown["flagged_now"]["flags"] > 0
    assert shown["flagged_then"]["flags"] == 0
    assert administrator.get("/api/v1/policy-changes/CN-MOFCOM-2026-1").json() == published


def test_a_change_that_nobody_has_stored_yet_can_be_previewed(draft):
    assert post(draft, "preview", {**DRAFT, "reference": "NEW-1"}, "NEW-1").json()["policy_changes"] == ["NEW-1"]
    assert not PolicyChange.objects.filter(reference="NEW-1").exists()
    assert post(draft, "preview", None, "NEW-1").status_code == 404


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({**DRAFT, "reference": "OTHER"}, ("#/reference", "other_reference")),
        ({**DRAFT, "colour": "red"}, ("#/colour", "unknown_key")),
        (
            {
                **DRAFT,
                "measures": [{**DRAFT["measures"][0], "scope": {"parties": {"lists": ["NO"], "roles": ["buyer"]}}}],
            },
            ("#/measures/0/scope/parties/lists/0", "unknown_reference"),
        ),
    ],
)
def test_a_body_that_is_wrong_is_refused(draft, body, fault):
    answer = post(draft, "preview", body)
    assert answer.status_code == 400
    assert fault in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("buyer", 403), ("policy_publisher", 200)])
def test_previews_take_a_policy_role(draft, caller, role, status):
    assert post(caller(role), "preview").status_code == status


def test_whoever_edited_it_last_is_refused(caller, settings):
    settings.BLAST_RADIUS = 1000
    publisher = caller("policy_publisher")
    body = json.dumps(DRAFT).encode()
    assert publisher.put("/api/v1/policy-changes/TEST-1", body, content_type="application/json").status_code == 201
    refused = post(publisher, "publish")
    assert refused.status_code == 409
    assert "somebody else has to publish it" in refused.json()["detail"]
    assert post(caller("administrator"), "publish").json()["status"] == "published"


def test_many_owners_take_their_number(draft, caller, settings):
    settings.BLAST_RADIUS = 2
    publisher = caller("policy_publisher")
    owners = post(publisher, "preview").json()["owners_told"]
    for body in (None, {}, {"confirm_owners": owners - 1}, {"confirm_owners": None}):
        refused = post(publisher, "publish", body)
        assert (refused.status_code, refused.json()["owners"]) == (409, owners)
    assert post(publisher, "publish", {"confirm_owners": str(owners)}).status_code == 400
    assert PolicyChange.objects.get(reference="TEST-1").status == "draft"
    assert post(publisher, "publish", {"confirm_owners": owners}).json()["status"] == "published"
