"""What people save in the admin is checked like an import, keeps who said it, and wakes screening."""

import pytest
from django import forms
from django.urls import reverse

from contracts.models import Contract
from people.models import User
from people.provenance import by_field
from policies.models import PolicyChange
from suppliers.models import Organization


def page(model, row=None):
    kind = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    return reverse(f"{kind}_change", args=[row.pk]) if row else reverse(f"{kind}_add")


def form_of(client, address):
    """What a browser would send back of a page that nobody touched."""
    context = client.get(address).context
    shown = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        shown += [inline.formset.management_form, *inline.formset.initial_forms]
    sent = {}
    for form in shown:
        for field in form:
            value = field.value()
            widgets = getattr(field.field.widget, "widgets", None)
            if widgets:
                for number, part in enumerate(field.field.widget.decompress(value)):
                    sent[f"{field.html_name}_{number}"] = "" if part is None else part
            elif isinstance(value, list | tuple) or hasattr(value, "all"):
                sent[field.html_name] = [getattr(one, "pk", one) for one in value]
            elif isinstance(field.field, forms.NullBooleanField):
                sent[field.html_name] = {True: "true", False: "false"}.get(value, "unknown")
            elif value is not None and value is not False:
                sent[field.html_name] = value
    return sent


def errors_of(answer):
    assert answer.status_code == 200, "it was saved"
    context = answer.context
    found = dict(context["adminform"].form.errors)
    for inline in context["inline_admin_formsets"]:
        for form in inline.formset.forms:
            found |= {f"{form.prefix}-{name}": errors for name, errors in form.errors.items()}
        if inline.formset.non_form_errors():
            found[inline.formset.prefix] = inline.formset.non_form_errors()
    return found


def test_a_page_that_nobody_touched_changes_nothing(administrator):
    for model, reference in ((Contract, "MAG-2025-DY-27"), (Organization, "CHIXIA-GRP")):
        row = model.objects.get(reference=reference)
        address = page(model, row)
        assert administrator.post(address, form_of(administrator, address)).status_code == 302
        assert model.objects.get(reference=reference).version == row.version


def test_what_a_person_sets_is_that_persons_word_and_is_screened(administrator, django_capture_on_commit_callbacks):
    contract = Contract.objects.get(reference="MAG-2025-DY-27")
    address = page(Contract, contract)
    sent = {**form_of(administrator, address), "end_use": "civil", "lines-0-unit_price": "99.5"}
    with django_capture_on_commit_callbacks() as rings:
        assert administrator.post(address, sent).status_code == 302
    assert len(rings) == 1
    saved = Contract.objects.get(reference="MAG-2025-DY-27")
    assert (saved.end_use, saved.version > contract.version) == ("civil", True)
    behind = by_field(saved.provenance)
    assert behind["end_use"].keys() == {"administrator@example.com"}
    assert behind["kind"].keys() == {"load"}
    line = saved.lines.get()
    assert by_field(line.provenance)["unit_price"].keys() == {"administrator@example.com"}
    assert by_field(line.provenance)["hs_code"].keys() == {"load"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("destination_country", "XX", "ISO 3166"),
        ("currency", "YEN", "ISO 4217"),
        ("concluded_timezone", "Tokyo", "time zone"),
        ("expires_on", "2001-01-01", "is before"),
        ("lines-0-hs_code", "28053", "28053"),
        ("lines-0-elements", "Nd, Xx", "Xx"),
        ("lines-0-purity", "101", "100"),
        ("lines-0-content", '[{"origin": "CN", "value_share": 0.5}]', "put it in quotes"),
        ("lines-0-tariff_codes", '{"CN": 28}', "put it in quotes"),
        ("lines-0-ship_until", "2001-01-01", "is before"),
    ],
)
def test_what_an_import_refuses_the_admin_refuses(administrator, field, value, words):
    address = page(Contract, Contract.objects.get(reference="MAG-2025-DY-27"))
    sent = {**form_of(administrator, address), "lines-0-ship_from": "2026-01-01", field: value}
    errors = errors_of(administrator.post(address, sent))
    assert words in str(errors[field])


def test_codes_that_are_unknown_and_codes_that_there_are_none_of(administrator):
    contract = Contract.objects.get(reference="MAG-2025-DY-27")
    address = page(Contract, contract)
    for typed, kept in (("", None), ("-", []), ("CN-DUAL:1C902、CN-DUAL:1C117", ["CN-DUAL:1C902", "CN-DUAL:1C117"])):
        sent = {**form_of(administrator, address), "lines-0-control_codes": typed}
        assert administrator.post(address, sent).status_code == 302
        assert contract.lines.get().control_codes == kept


def test_owners_are_checked_together(administrator):
    group = Organization.objects.get(reference="CHIXIA-GRP")
    address = page(Organization, group)
    sent = form_of(administrator, address)
    errors = errors_of(administrator.post(address, {**sent, "owners-0-percent": "90"}))
    assert "hold" in str(errors["owners"])
    twice = {**sent, "owners-1-owner": sent["owners-0-owner"]}
    assert "same days" in str(errors_of(administrator.post(address, twice))["owners-1-owner"])


def test_a_name_is_kept_in_its_composed_form(administrator):
    sent = form_of(administrator, page(Organization))
    sent |= {"reference": "NEW-1", "name": "Cafe\u0301"}
    assert administrator.post(page(Organization), sent).status_code == 302
    created = Organization.objects.get(reference="NEW-1")
    assert created.name == "Caf\u00e9"
    assert by_field(created.provenance)["name"].keys() == {"administrator@example.com"}


def test_a_buyer_keeps_to_the_own_departments(opened):
    buyer = opened("buyer", departments=("MAGNET",))
    contract = Contract.objects.get(reference="MAG-2025-DY-27")
    address = page(Contract, contract)
    sent = form_of(buyer, address)
    other = Contract.objects.filter(department__reference="SEMICON").first().department_id
    assert "department" in errors_of(buyer.post(address, {**sent, "department": other}))
    assert "department" in errors_of(buyer.post(address, {**sent, "department": ""}))


def test_publishing_asks_first_and_takes_the_role(opened, django_capture_on_commit_callbacks):
    change = PolicyChange.objects.create(reference="D-1", timezone="Asia/Tokyo", status="draft")
    address = reverse("admin:policies_policychange_publish", args=[change.pk])
    assert opened("policy_editor").post(address).status_code == 403
    publisher = opened("policy_publisher")
    assert publisher.get(address).status_code == 200
    assert PolicyChange.objects.get(reference="D-1").status == "draft"
    with django_capture_on_commit_callbacks() as rings:
        assert publisher.post(address).status_code == 302
    assert len(rings) == 1
    assert PolicyChange.objects.get(reference="D-1").status == "published"
    assert publisher.post(reverse("admin:policies_policychange_withdraw", args=[change.pk])).status_code == 302
    assert PolicyChange.objects.get(reference="D-1").status == "withdrawn"


def test_a_draft_with_a_measure_is_written(opened):
    editor = opened("policy_editor")
    sent = form_of(editor, page(PolicyChange)) | {
        "reference": "D-1",
        "timezone": "Asia/Tokyo",
        "measures-TOTAL_FORMS": 1,
        "measures-0-key": "1",
        "measures-0-effect": "ban",
        "measures-0-timeline": '[{"status": "in_force", "from": "2026-01-01"}]',
        "measures-0-scope": '{"commodities": [{"hs": ["2805.30"]}]}',
    }
    bad = {**sent, "measures-0-scope": '{"commodities": [{}], "colour": 1}'}
    refused = str(errors_of(editor.post(page(PolicyChange), bad))["measures-0-scope"])
    assert "commodities/0" in refused
    assert "colour" in refused
    assert editor.post(page(PolicyChange), sent).status_code == 302
    change = PolicyChange.objects.get(reference="D-1")
    assert change.measures.get().scope["commodities"] == [{"hs": ["280530"]}]
    assert by_field(change.provenance)["measures"].keys() == {"policy_editor@example.com"}


def test_a_user_is_added_and_changed(administrator):
    add = page(User)
    sent = {**form_of(administrator, add), "email": "New@Example.com", "usable_password": "false"}
    answer = administrator.post(add, sent)
    assert answer.status_code == 302, errors_of(answer)
    user = User.objects.get(email="new@example.com")
    address = page(User, user)
    sent = form_of(administrator, address) | {"roles": ["viewer", "buyer"], "timezone": "Asia/Tokyo"}
    answer = administrator.post(address, sent)
    assert answer.status_code == 302, errors_of(answer)
    assert User.objects.get(pk=user.pk).roles == ["viewer", "buyer"]
    assert "timezone" in errors_of(administrator.post(address, sent | {"timezone": "Mars"}))
