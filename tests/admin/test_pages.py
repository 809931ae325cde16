"""Every page of the admin opens, with few queries, and shows what people come for."""

from dataclasses import asdict

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from alerts import dispositions
from alerts.bundle.single import single
from alerts.checks import asking
from alerts.models import Flag, Message, ScreeningRun, SetAside, WebhookEndpoint
from alerts.policy import revise
from alerts.webhooks import endpoints
from alerts.writing import Writer
from contracts.models import Contract
from people import clock, credentials
from people.admin.pages import BoundedPaginator, LedgerAdmin
from people.models import ServiceAccount, User
from policies.models import PolicyChange
from tests.checks.conftest import document
from tests.telling import OF_ADMIN, OF_ALL_THAT_HANGS_ON_IT

PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)
OF_LISTS = 10 + 2 * OF_ADMIN  # with a redirection
OF_PAGES = 30 + OF_ADMIN + OF_ALL_THAT_HANGS_ON_IT


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def name(model):
    return model._meta.label


def owned_by_the_machine(model):
    return isinstance(admin.site._registry[model], LedgerAdmin)


@pytest.fixture(autouse=True)
def commented(january):
    """What the scenario alone has none of: what a person did, a contract nobody can screen, an endpoint, a check."""
    change, by = PolicyChange.objects.filter(status="published").earliest("pk"), User.objects.earliest("pk")
    contract, run = Contract.objects.earliest("pk"), ScreeningRun.objects.earliest("pk")
    edit = {"reference": change.reference, "timezone": change.timezone, "title": "Other"}
    revise(change, single("policy_changes", edit, change.reference), by=by, at=clock.now())
    SetAside.objects.create(contract_id=contract.pk, reference=contract.reference, error="x", run=run)
    dispositions.comment(Flag.objects.earliest("pk"), text="Seen.", by=User.objects.earliest("pk"), at=clock.now())
    endpoint = WebhookEndpoint(reference="ERP", url="https://erp.example.com/", owner=by, events=["flag.opened"])
    endpoints.register(endpoint, by=by)
    endpoints.ping(endpoint, by=by, at=clock.now())
    sent = document(supplier="CHIXIA-RE", buyer="AOM-DENKI", department="MAGNET")
    erp = User.objects.create_user("erp@example.com", roles=["administrator"])
    asking.answer({"documents": [sent]}, by=erp, at=clock.now())
    machine = ServiceAccount.objects.create(email="sap@example.com", is_service=True, password="!")
    credentials.issue(machine, name="SAP", scopes=["contracts:read"], days=1, by=by, at=timezone.now())


def test_every_model_of_ours_has_a_page():
    assert {name(model) for model in PAGES} >= {
        "people.Department",
        "people.User",
        "people.ChangeEntry",
        "suppliers.Organization",
        "contracts.Contract",
        "policies.PolicyChange",
        "policies.PolicyChangeRevision",
        "policies.PartyList",
        "policies.Licence",
        "alerts.Flag",
        "alerts.FlagEvent",
        "alerts.ScreeningRun",
        "alerts.ScreeningCursor",
        "alerts.SetAside",
        "alerts.Message",
    }


@pytest.mark.parametrize("model", PAGES, ids=name)
def test_its_list_opens_and_can_be_searched(administrator, django_assert_max_num_queries, model):
    for query in ("", "?q=CHIXIA", "?q=磁", "?q=%00", "?p=99999"):
        with django_assert_max_num_queries(OF_LISTS):
            answer = administrator.get(address(model, "changelist") + query, follow=True)
        assert answer.status_code == 200


@pytest.mark.parametrize("model", PAGES, ids=name)
def test_the_page_of_an_object_opens(administrator, django_assert_max_num_queries, model):
    row = model._default_manager.first()
    with django_assert_max_num_queries(OF_PAGES):
        assert administrator.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", PAGES, ids=name)
def test_the_page_of_a_new_object_opens_unless_the_machine_makes_them(administrator, model):
    expected = 403 if owned_by_the_machine(model) else 200
    assert administrator.get(address(model, "add")).status_code == expected


@pytest.mark.parametrize("model", [model for model in PAGES if owned_by_the_machine(model)], ids=name)
def test_what_the_machine_owns_cannot_be_changed(administrator, model):
    row = model._default_manager.first()
    assert administrator.post(address(model, "change", row.pk), {}).status_code == 403
    assert administrator.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_no_list_counts_to_the_end(january, django_assert_num_queries):
    contracts = Contract.objects.order_by("reference")
    with django_assert_num_queries(1) as queries:
        assert BoundedPaginator(contracts, 50).count == 68
    assert "LIMIT 10000" in queries.captured_queries[0]["sql"]


def test_the_first_page_is_the_days_work(administrator, django_assert_max_num_queries):
    with django_assert_max_num_queries(15 + OF_ADMIN):
        page = administrator.get(reverse("admin:index"))
    text = page.content.decode()
    assert page.context["counts"] == {
        "matched": 33,
        "review": 19,
        "due": page.context["counts"]["due"],
        "contracts": 37,
    }
    assert page.context["unsent"]["waiting"] == Message.objects.count() > 20
    assert [row["contract"].reference for row in page.context["deadlines"]][:1] == ["MAG-2023-LACE-09"]
    assert "2026-01-30" in text
    assert "run " in text


def test_the_list_of_flags_holds_the_open_ones(administrator):
    listed = administrator.get(address(Flag, "changelist")).context["cl"].result_count
    assert listed == 52
    assert administrator.get(address(Flag, "changelist") + "?state=closed").context["cl"].result_count == 0
    assert administrator.get(address(Flag, "changelist") + "?q=赤霞").context["cl"].result_count > 0


def test_the_page_of_a_flag_says_everything(administrator):
    flag = Flag.objects.get(contract__reference="MAG-2024-NDPR-01")
    text = administrator.get(address(Flag, "change", flag.pk)).content.decode()
    for words in (
        "MAG-2024-NDPR-01",
        "CN-REPORT-2026-SOE/existing",
        "352,800,000 JPY",
        "2026-01-13",
        "state control of the supplier",
        "38.4",  # percent, by which the listed seller is held
        "B3",
        "Kyodo News",
        "contradicts",
        "yui.tachibana@aomizu-group.example",
        "waiting to be sent",
        "opened",
    ):
        assert words.lower() in text.lower(), words


def test_the_page_of_a_flag_for_review_says_what_would_clear_it(administrator):
    flag = Flag.objects.filter(certainty="needs_review", measure__change__reference="CN-MOFCOM-2026-1").first()
    page = administrator.get(address(Flag, "change", flag.pk))
    assert page.context["why"].would_clear_if
    assert "not established" in page.content.decode()


def test_a_flag_whose_contract_has_lost_the_line_says_so(administrator):
    flag = Flag.objects.get(contract__reference="MAG-2024-NDPR-01")
    flag.contract.lines.all().delete()
    page = administrator.get(address(Flag, "change", flag.pk))
    assert page.context["why"].outdated
    assert "it will be screened again" in page.content.decode()


def test_the_page_of_a_message_that_has_no_text_yet_says_so(administrator):
    message = Message.objects.first()
    text = administrator.get(address(Message, "change", message.pk)).content.decode()
    assert "This mail has no text yet: it is put into words when it is about to leave." in text
    assert "srcdoc=" not in text
    for reference in message.told().values_list("flag__contract__reference", flat=True):
        assert reference in text


def test_the_page_of_a_message_shows_it_without_running_it(administrator):
    message = Message.objects.first()
    written = Writer().write(message)
    message.subject, message.text, message.html, message.rendered_at = (*asdict(written).values(), clock.now())
    message.save()
    text = administrator.get(address(Message, "change", message.pk)).content.decode()
    assert 'sandbox=""' in text
    assert "srcdoc=" in text
    assert message.html not in text  # only ever as the value of an attribute
    assert message.subject in text


def test_the_page_of_a_contract_says_where_it_stands(administrator):
    contract = Contract.objects.get(reference="MAG-2023-LACE-09")
    page = administrator.get(address(Contract, "change", contract.pk))
    assert page.context["standing"].stage == "active"
    assert ("last day for notice", 17) in [(m.label, m.days) for m in page.context["standing"].milestones]
    assert len(page.context["flag_rows"]) == 2


def test_each_sees_the_contracts_of_the_own_departments(opened):
    buyer = opened("buyer", departments=("SEMICON",))
    departments = {c.department.reference for c in buyer.get(address(Contract, "changelist")).context["cl"].result_list}
    assert departments == {"SEMICON"}
    other = Contract.objects.get(reference="MAG-2023-LACE-09")
    assert buyer.get(address(Contract, "change", other.pk)).status_code == 302  # as for one that does not exist
    flag = Flag.objects.filter(contract=other).first()
    assert buyer.get(address(Flag, "change", flag.pk)).status_code == 302
    found = buyer.get(reverse("admin:autocomplete"), {
        "term": "MAG", "app_label": "contracts", "model_name": "contract", "field_name": "framework",
    })  # fmt: skip
    assert found.json()["results"] == []


def test_whoever_has_no_role_stays_outside(opened):
    assert opened().get(reverse("admin:index")).status_code == 302


WRITERS = {
    "viewer": set(),
    "buyer": {"contracts.Contract", "suppliers.Organization", "policies.Licence", "alerts.WebhookEndpoint"},
    "policy_editor": {"policies.PolicyChange", "policies.PartyList", "policies.Licence", "alerts.WebhookEndpoint"},
}


@pytest.mark.parametrize("role", WRITERS)
def test_roles_decide_what_may_be_added(opened, role):
    client = opened(role, departments=("MAGNET",))
    may = {name(model) for model in PAGES if client.get(address(model, "add")).status_code == 200}
    assert may == WRITERS[role]


def test_a_published_change_is_read_and_a_draft_is_written(opened):
    editor = opened("policy_editor")
    published = PolicyChange.objects.get(reference="CN-MOFCOM-2026-1")
    assert not editor.get(address(PolicyChange, "change", published.pk)).context["has_change_permission"]
    draft = PolicyChange.objects.create(reference="D-1", timezone="Asia/Tokyo")
    assert editor.get(address(PolicyChange, "change", draft.pk)).context["has_change_permission"]


@pytest.mark.parametrize(
    ("state", "order"), [("", ["act_by", "id"]), ("aside", ["act_by", "id"]), ("all", ["-updated_at", "-id"])]
)
def test_long_lists_of_flags_come_in_an_order_that_an_index_has(administrator, state, order):
    shown = administrator.get(address(Flag, "changelist") + f"?state={state}").context["cl"]
    assert list(shown.queryset.query.order_by) == order
    assert list(shown.sortable_by) == ([] if state == "all" else ["shown_act_by"])
