"""Draft revisions over REST: PUT of what is published waits to be published too."""

import pytest
from django.urls import reverse

from policies.models import PolicyChange

CHANGE = "/api/v1/policy-changes/CN-MOFCOM-2026-1"
LINK = '</api/v1/policy-changes/CN-MOFCOM-2026-1/revision>; rel="working-copy"'


@pytest.fixture
def in_force(caller, settings):
    """What everybody reads before anybody edits it."""
    settings.BLAST_RADIUS = 1000
    return caller("administrator").get(CHANGE).json()


@pytest.fixture
def editor(caller):
    return caller("policy_editor")


def put(client, body):
    return client.put(CHANGE, body, format="json")


def post(client, step, body=None):
    return client.post(f"{CHANGE}/{step}", body, format="json")


def test_what_is_read_and_written_back_needs_no_publication(editor, in_force):
    answer = put(editor, in_force)
    assert (answer.status_code, answer.json()) == (200, in_force)
    assert editor.get(f"{CHANGE}/revision").status_code == 404
    assert "Link" not in answer
    assert "Link" not in editor.get(CHANGE)


def test_an_edit_waits_is_shown_previewed_and_published_by_another(editor, caller, in_force):
    answer = put(editor, {**in_force, "title": "Narrower", "measures": in_force["measures"][1:]})
    assert (answer.status_code, answer["Link"]) == (202, LINK)
    read = editor.get(CHANGE)
    assert (read.json(), read["Link"]) == (in_force, LINK)

    shown = caller("viewer").get(f"{CHANGE}/revision").json()
    assert shown == answer.json()
    assert sorted(shown) == [
        "by",
        "content",
        "created_at",
        "differences",
        "id",
        "outcome",
        "outdated",
        "policy_change",
        "version",
    ]
    assert (shown["by"], shown["outdated"]) == ("policy_editor@example.com", False)
    assert shown["outcome"] == {**in_force, "title": "Narrower", "measures": in_force["measures"][1:]}
    gone = [f"measures/{measure['key']}" for measure in in_force["measures"][:1]]
    assert [one["field"] for one in shown["differences"]] == [*sorted(gone), "title"]
    assert [one["then"] for one in shown["differences"]] == [*(None for _ in gone), "Narrower"]

    outlook = post(editor, "preview").json()
    assert outlook["flagged_now"]["flags"] > outlook["flagged_then"]["flags"]

    publisher = caller("policy_publisher")
    assert post(editor, "publish").status_code == 403
    assert post(publisher, "publish", {"revision": shown["id"] - 1}).status_code == 409
    published = post(publisher, "publish", {"revision": shown["id"]})
    assert (published.status_code, published.json()) == (200, shown["outcome"])
    assert post(publisher, "publish", {"revision": shown["id"]}).json() == shown["outcome"]
    assert editor.get(f"{CHANGE}/revision").status_code == 404


def test_a_part_of_it_may_be_sent(editor, caller, in_force):
    sent = {"reference": in_force["reference"], "timezone": in_force["timezone"], "number": "2"}
    shown = put(editor, sent).json()
    assert shown["content"] == sent
    assert shown["outcome"] == {**in_force, "number": "2"}


def test_whoever_edited_it_last_is_refused(caller, in_force):
    publisher = caller("policy_publisher")
    assert put(publisher, {**in_force, "title": "Other"}).status_code == 202
    refused = post(publisher, "publish")
    assert refused.status_code == 409
    assert refused.json()["detail"] == "you edited CN-MOFCOM-2026-1 last: somebody else has to publish it"
    assert publisher.get(CHANGE).json() == in_force


def test_many_owners_take_their_number(editor, caller, in_force, settings):
    settings.BLAST_RADIUS = 0
    put(editor, {**in_force, "measures": []})
    publisher = caller("policy_publisher")
    owners = post(publisher, "preview").json()["owners_told"]
    refused = post(publisher, "publish")
    assert (refused.status_code, refused.json()["owners"]) == (409, owners)
    assert post(publisher, "publish", {"confirm_owners": owners}).json()["measures"] == []


def test_what_was_altered_meanwhile_is_a_conflict(editor, caller, in_force):
    put(editor, {**in_force, "title": "Other"})
    PolicyChange.objects.filter(reference="CN-MOFCOM-2026-1").update(number="7")
    assert editor.get(f"{CHANGE}/revision").json()["outdated"] is True
    refused = post(caller("policy_publisher"), "publish")
    assert refused.status_code == 409
    assert "was altered after its revision was made" in refused.json()["detail"]


def test_it_is_discarded(editor, caller, in_force):
    put(editor, {**in_force, "title": "Other"})
    assert caller("buyer").delete(f"{CHANGE}/revision").status_code == 403
    assert editor.delete(f"{CHANGE}/revision").status_code == 204
    assert editor.delete(f"{CHANGE}/revision").status_code == 404
    assert editor.get(CHANGE).json() == in_force


def test_withdrawing_takes_it_along(editor, caller, in_force):
    put(editor, {**in_force, "title": "Other"})
    post(caller("policy_publisher"), "withdraw")
    assert editor.get(f"{CHANGE}/revision").status_code == 404
    assert put(editor, {**in_force, "status": "withdrawn"}).status_code == 409


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        ({"colour": "red"}, ("#/colour", "unknown_key")),
        ({"status": "draft"}, ("#/status", "read_only")),
        ({"reference": "OTHER"}, ("#/reference", "other_reference")),
        ({"measures": [{"key": "1"}]}, ("#/measures/0/effect", "required")),
        (
            {
                "measures": [
                    {
                        "key": "x",
                        "effect": "ban",
                        "timeline": [],
                        "scope": {"parties": {"lists": ["NO"], "roles": ["buyer"]}},
                    }
                ]
            },
            ("#/measures/0/scope/parties/lists/0", "unknown_reference"),
        ),
    ],
)
def test_an_edit_that_is_wrong_is_refused(editor, in_force, edit, fault):
    answer = put(editor, {**in_force, **edit})
    assert answer.status_code == 400
    assert fault in {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert editor.get(f"{CHANGE}/revision").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "buyer"])
def test_editing_takes_a_policy_role(caller, in_force, role):
    assert put(caller(role), {**in_force, "title": "Other"}).status_code == 403


def test_changes_with_a_pending_revision_are_found(editor, in_force):
    put(editor, {**in_force, "title": "Other"})
    found = editor.get("/api/v1/policy-changes?revised=true").json()["results"]
    assert found == [in_force]
    others = editor.get("/api/v1/policy-changes?revised=false").json()["results"]
    assert in_force not in others
    assert len(others) == PolicyChange.objects.count() - 1


@pytest.mark.parametrize("method", ["get", "delete"])
def test_nobodys_revision_is_not_there(editor, in_force, method):
    for reference in ("NOBODY", "CN-MOFCOM-2026-1"):
        assert getattr(editor, method)(f"/api/v1/policy-changes/{reference}/revision").status_code == 404


def test_the_schema_knows_the_answer_that_waits(editor):
    schema = editor.get(reverse("schema"), HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    answers = schema["paths"]["/api/v1/policy-changes/{reference}"]["put"]["responses"]
    assert {"200", "201", "202"} <= answers.keys()
    assert answers["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Revision"}
    assert "Link" in answers["202"]["headers"]
