"""In the admin, what is published is revised: a revision is drafted, seen, discarded, and published by another."""

import json

import pytest
from django.urls import reverse

from policies.models import PolicyChange, PolicyChangeRevision
from tests.admin.test_saving import form_of

CHANGE = "CN-MOFCOM-2026-1"


def step(name):
    pk = PolicyChange.objects.get(reference=CHANGE).pk
    return reverse(f"admin:policies_policychange_{name}", args=[pk])


def content_of(client):
    return json.loads(client.get(step("revise")).context["form"]["content"].value())


def revise(client, **edit):
    """What a browser sends when somebody edits the page."""
    form = client.get(step("revise")).context["form"]
    content = {**json.loads(form["content"].value()), **edit}
    return client.post(step("revise"), {"seen": form["seen"].value(), "content": json.dumps(content)})


def said(answer):
    return [str(message) for message in answer.context["messages"]]


def actions(client):
    """The names of the steps that the page of the change offers."""
    address = step("change")
    text = client.get(address).content.decode()
    found = {name for name in ("preview", "publish", "revise", "withdraw") if f'href="{step(name)}"' in text}
    return found, text


@pytest.fixture
def editor(opened, settings):
    settings.BLAST_RADIUS = 1000
    return opened("policy_editor")


@pytest.fixture
def publisher(opened):
    return opened("policy_publisher")


def test_what_is_published_cannot_be_edited_in_place(administrator):
    found, text = actions(administrator)
    assert found == {"revise", "withdraw"}
    assert "What is published is not edited in place" in text
    change = PolicyChange.objects.get(reference=CHANGE)
    sent = {**form_of(administrator, step("change")), "title": "Edited in place"}
    assert administrator.post(step("change"), sent).status_code == 403
    assert PolicyChange.objects.get(reference=CHANGE).version == change.version


def test_a_revision_is_drafted_seen_and_published_by_another(editor, publisher):
    before = PolicyChange.objects.get(reference=CHANGE)
    answer = revise(editor, title="Another title", measures=content_of(editor)["measures"][1:])
    assert answer.status_code == 302
    assert PolicyChange.objects.get(reference=CHANGE).version == before.version
    found, text = actions(publisher)
    assert found == {"preview", "publish", "revise", "withdraw"}
    assert "policy_editor@example.com drafted a revision" in text
    assert "Another title" in text
    previewed = publisher.get(step("preview"))
    assert previewed.context["outlook"]["no_longer_flagged"]["flags"] == 5
    assert "Another title" in previewed.content.decode()

    asked = publisher.get(step("publish"))
    revision = PolicyChangeRevision.objects.get()
    assert asked.context["another_person"] is False
    assert f'name="revision" value="{revision.pk}"' in asked.content.decode()
    assert PolicyChange.objects.get(reference=CHANGE).title == before.title
    assert publisher.post(step("publish"), {"revision": revision.pk}).status_code == 302
    after = PolicyChange.objects.get(reference=CHANGE)
    assert (after.title, after.status) == ("Another title", "published")
    assert after.measures.filter(retired_at__isnull=False).count() == 1
    assert actions(publisher)[0] == {"revise", "withdraw"}


def test_whoever_drafted_it_is_told_that_another_has_to_publish_it(publisher):
    revise(publisher, title="Another title")
    assert "somebody else has to publish it" in publisher.get(step("publish")).content.decode()
    answer = publisher.post(step("publish"), follow=True)
    assert said(answer) == [f"you edited {CHANGE} last: somebody else has to publish it"]
    assert PolicyChange.objects.get(reference=CHANGE).title != "Another title"


def test_the_page_shows_the_change_in_the_order_of_a_bundle_and_only_what_its_scopes_state(editor):
    revise(editor, title="First")
    text = editor.get(step("revise")).context["form"]["content"].value()
    content = json.loads(text)
    assert list(content)[:3] == ["reference", "authority", "authority_country"]
    assert list(content["measures"][0]) == ["key", "title", "effect", "timeline", "scope"]
    assert None not in content["measures"][0]["scope"].values()


def test_the_next_edit_starts_from_the_revision(editor, publisher):
    revise(editor, title="First")
    assert content_of(publisher)["title"] == "First"
    revise(publisher, number="7")
    pending = PolicyChangeRevision.objects.get(ended_at=None)
    assert (pending.outcome["title"], pending.outcome["number"]) == ("First", "7")
    assert pending.by.email == "policy_publisher@example.com"


def test_an_edit_that_changes_nothing_says_so(editor):
    answer = editor.get(step("revise"))
    sent = {"seen": "", "content": answer.context["form"]["content"].value()}
    assert said(editor.post(step("revise"), sent, follow=True)) == [
        "It says what is in force already: there is no revision."
    ]
    assert not PolicyChangeRevision.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "This field is required"),
        ("{", "not JSON"),
        ("[]", "a list where an object belongs"),
        ("[" * 100_000, "nested too deeply"),
        ('{"reference": "X", "reference": "X"}', "stands twice"),
        ("{}", "/reference: is missing"),
        ('{"reference": "OTHER", "timezone": "Asia/Tokyo"}', "/reference: this is the place of"),
        (f'{{"reference": "{CHANGE}", "timezone": "Asia/Tokyo", "colour": 1}}', "/colour: unknown key"),
        (f'{{"reference": "{CHANGE}", "timezone": "Asia/Tokyo", "status": "draft"}}', "/status: publish and withdraw"),
        (
            f'{{"reference": "{CHANGE}", "timezone": "Asia/Tokyo", "measures": [{{"key": "1", "effect": "ban",'
            ' "timeline": [], "scope": {"commodities": [{}]}}]}',
            "/measures/0/scope/commodities/0: an entry states at least one facet",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_place(editor, content, words):
    answer = editor.post(step("revise"), {"seen": "", "content": content})
    assert answer.status_code == 200
    assert words in str(answer.context["form"].errors["content"])
    assert not PolicyChangeRevision.objects.exists()


def test_an_edit_that_somebody_else_has_overtaken_is_not_kept(editor, publisher):
    form = editor.get(step("revise")).context["form"]
    revise(publisher, title="First")
    content = {**json.loads(form["content"].value()), "title": "Second"}
    answer = editor.post(step("revise"), {"seen": "", "content": json.dumps(content)})
    assert "Somebody else has revised it meanwhile" in answer.content.decode()
    assert PolicyChangeRevision.objects.get().outcome["title"] == "First"


def test_another_revision_than_the_one_that_was_seen_is_not_published(editor, publisher):
    revise(editor, title="First")
    seen = PolicyChangeRevision.objects.get()
    revise(editor, title="Second")
    answer = publisher.post(step("publish"), {"revision": seen.pk}, follow=True)
    assert said(answer) == [f"revision {seen.pk} of {CHANGE} is not pending any more: look at it again"]


def test_it_is_discarded_by_a_post_alone(editor):
    revise(editor, title="First")
    editor.get(step("discard"))
    assert PolicyChangeRevision.objects.filter(ended_at=None).exists()
    assert said(editor.post(step("discard"), follow=True)) == [
        "The revision is kept; it comes into force when somebody else publishes it.",
        "The revision is discarded.",
    ]
    assert PolicyChangeRevision.objects.get().ended_as == "discarded"


def test_a_revision_of_what_was_altered_meanwhile_says_so(editor, publisher):
    revise(editor, title="First")
    PolicyChange.objects.filter(reference=CHANGE).update(number="7")
    for page in ("change", "revise", "publish"):
        assert "It cannot be published" in publisher.get(step(page)).content.decode()
    assert "was altered after its revision was made" in said(publisher.post(step("publish"), follow=True))[0]


@pytest.mark.parametrize("name", ["revise", "discard", "preview"])
def test_a_viewer_sees_the_revision_and_changes_nothing(editor, opened, name):
    revise(editor, title="First")
    viewer = opened("viewer")
    found, text = actions(viewer)
    assert found == set()
    assert "drafted a revision" in text
    assert step("discard") not in text
    assert viewer.post(step(name)).status_code == 403


def test_a_draft_has_no_revision(editor):
    PolicyChange.objects.filter(reference=CHANGE).update(status="draft")
    answer = revise(editor, status="draft", title="First")
    assert said(editor.get(step("change"))) == [f"{CHANGE} is not published: only what is published is revised"]
    assert answer.status_code == 302


def test_what_a_revision_says_is_shown_as_it_is_written(editor):
    revise(editor, title="軍民両用品目の輸出禁止")
    page = reverse("admin:policies_policychangerevision_change", args=[PolicyChangeRevision.objects.get().pk])
    text = editor.get(page).content.decode()
    assert "&quot;title&quot;: &quot;軍民両用品目の輸出禁止&quot;" in text
    assert "\\u8ecd" not in text
