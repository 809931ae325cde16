"""Buttons on the pages of flags and of policy changes."""

import pytest
from django.db.models import F
from django.urls import reverse

from alerts.acknowledging import acknowledge_all, flags_of
from alerts.escalation.due import set_timers
from alerts.escalation.moving import escalate
from alerts.models import EscalationStep, EscalationTimer, Flag, FlagAction, Message
from alerts.severity import severity
from policies.models import PolicyChange


@pytest.fixture
def flag(january):
    return Flag.objects.get(contract__reference="MAG-2024-NDPR-01")


@pytest.fixture
def buyer(opened):
    return opened("buyer", departments=("MAGNET",))


def page(flag):
    return reverse("admin:alerts_flag_change", args=[flag.pk])


def act(client, flag, name, **said):
    return client.post(reverse("admin:alerts_flag_act", args=[flag.pk, name]), said, follow=True)


def test_a_flag_is_dismissed_on_its_page_and_leaves_the_lists(buyer, flag):
    shown = buyer.get(page(flag))
    forms = {one["name"]: one["form"] for one in shown.context["act_forms"]}
    assert list(forms) == ["acknowledge", "assign", "comment", "mitigate", "dismiss"]
    facts = forms["dismiss"].initial["facts"]
    said = {"reason": "accepted_risk", "text": "The board knows", "expires_on": "2026-03-31", "facts": facts}
    answer = act(buyer, flag, "dismiss", **said)
    assert answer.status_code == 200
    assert b"The board knows" in answer.content
    assert [one["name"] for one in answer.context["act_forms"]] == ["reopen", "assign", "comment"]
    listed = reverse("admin:alerts_flag_changelist")
    rows = {state: buyer.get(f"{listed}?state={state}&q=MAG-2024-NDPR-01") for state in ("open", "aside")}
    assert [len(answer.context["cl"].result_list) for answer in rows.values()] == [0, 1]
    assert flag.pk not in {row["flag"].pk for row in buyer.get(reverse("admin:index")).context["flag_rows"]}


@pytest.mark.parametrize(
    ("name", "said", "kept"),
    [
        ("acknowledge", {}, 1),
        ("assign", {"to": "Buyer@example.com"}, 1),
        ("assign", {"to": "nobody@example.com"}, 0),
        ("comment", {"text": "Asked"}, 1),
        ("comment", {"text": ""}, 0),
        ("mitigate", {"text": "Done", "facts": "0" * 16}, 0),
        ("dismiss", {"text": "x", "reason": "other", "expires_on": "2020-01-01"}, 0),
        ("delete", {}, 0),
    ],
)
def test_what_cannot_be_done_is_said_and_not_kept(buyer, flag, name, said, kept):
    answer = act(buyer, flag, name, **said)
    assert answer.status_code == 200
    assert FlagAction.objects.count() == kept


def test_viewers_and_other_departments_have_no_buttons(opened, flag):
    viewer = opened("viewer", departments=("MAGNET",))
    assert viewer.get(page(flag)).context["act_forms"] == []
    act(viewer, flag, "acknowledge")
    act(opened("buyer", departments=("SEMICON",)), flag, "acknowledge")
    assert not FlagAction.objects.exists()
    assert viewer.get(reverse("admin:alerts_flag_act", args=[flag.pk, "acknowledge"])).status_code == 405


@pytest.fixture
def draft(january):
    """Of a measure that hits whatever is bought from China."""
    change = PolicyChange.objects.create(reference="D-1", timezone="Asia/Tokyo", status="draft")
    days = [{"status": "in_force", "from": "2026-01-01"}]
    change.measures.create(key="1", effect="ban", timeline=days, scope={"supplier_countries": ["CN"]})
    return change


def step(change, name):
    return reverse(f"admin:policies_policychange_{name}", args=[change.pk])


def test_a_draft_is_previewed(opened, draft):
    before = Flag.objects.count()
    shown = opened("policy_editor").get(step(draft, "preview"))
    assert shown.context["outlook"]["newly_flagged"]["contracts"] > 10
    assert opened("buyer").get(step(draft, "preview")).status_code == 403
    assert Flag.objects.count() == before


def test_publishing_to_many_takes_their_number(opened, draft, settings):
    settings.BLAST_RADIUS = 2
    publisher = opened("policy_publisher")
    owners = publisher.get(step(draft, "publish")).context["confirm"]
    assert owners > 2
    for typed in ("", str(owners - 1), "x", "９"):
        publisher.post(step(draft, "publish"), {"confirm_owners": typed})
        draft.refresh_from_db()
        assert draft.status == "draft"
    publisher.post(step(draft, "publish"), {"confirm_owners": owners})
    draft.refresh_from_db()
    assert draft.status == "published"


def test_whoever_saved_the_draft_does_not_publish_it(opened, draft, settings):
    settings.BLAST_RADIUS = 1000
    publisher = opened("policy_publisher")
    page = reverse("admin:policies_policychange_change", args=[draft.pk])
    fields = publisher.get(page).context["adminform"].form
    sent = {name: fields[name].value() or "" for name in fields.fields}
    for prefix, rows in (("measures", 1), ("evidence", 0)):
        sent |= {f"{prefix}-TOTAL_FORMS": rows, f"{prefix}-INITIAL_FORMS": rows}
    measure = draft.measures.get()
    sent |= {
        "title": "Mine",
        "measures-0-id": measure.pk,
        "measures-0-change": draft.pk,
        "measures-0-key": "1",
        "measures-0-effect": "ban",
        "measures-0-timeline": '[{"status": "in_force", "from": "2026-01-01"}]',
        "measures-0-scope": '{"supplier_countries": ["CN"]}',
    }
    assert publisher.post(page, sent).status_code == 302
    assert publisher.get(step(draft, "publish")).context["another_person"]
    publisher.post(step(draft, "publish"))
    draft.refresh_from_db()
    assert (draft.title, draft.status) == ("Mine", "draft")
    opened("administrator").post(step(draft, "publish"))
    draft.refresh_from_db()
    assert draft.status == "published"


def test_the_page_of_data_gaps_shows_ones_own(opened, january):
    address = reverse("admin:alerts_flag_gaps")
    assert opened("administrator").get(address).context["found"]["flags"] == 12
    assert opened("viewer", departments=("LOGISTICS-NOBODYS",)).get(address).context["found"]["flags"] == 0
    assert opened().get(address).status_code in (302, 403)


def test_the_page_of_alternatives_opens_for_whoever_sees_the_flag(buyer, opened, flag):
    address = reverse("admin:alerts_flag_alternatives", args=[flag.pk])
    assert [line["line"] for line in buyer.get(address).context["lines"]] == flag.lines
    assert address in buyer.get(page(flag)).content.decode()
    assert opened("viewer", departments=("SEMICON",)).get(address).status_code == 404


def test_the_page_says_when_a_flag_moves_on_and_where_it_has_been(buyer, flag):
    about = Message.objects.about(flag)
    about.update(state="sent", sent_at=F("created_at"), rendered_at=F("created_at"))
    set_timers()
    timer = EscalationTimer.objects.get(message__in=about, severity=severity(flag.kind, flag.certainty, flag.basis))
    assert b"Unless somebody acknowledges it by" in buyer.get(page(flag)).content
    escalate(at=timer.due_at)
    step = EscalationStep.objects.get(flag=flag)
    acknowledge_all(step.message, flags_of(step.message, at=timer.due_at), at=timer.due_at)
    shown = buyer.get(page(flag)).content.decode()
    assert f"moved on to {step.recipient}" in shown
    assert f"{step.unacknowledged_by} had not acknowledged it in time" in shown
    assert "from the mail" in shown
    assert "Unless somebody acknowledges it by" not in shown
