"""Service accounts and credentials in the admin: the secret once, steps that ask first, administrators only."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from people import credentials
from people.authentication import find
from people.models import Credential, ServiceAccount, Token, User

ADD = "/admin/people/credential/add/"
LIST = "/admin/people/credential/"


@pytest.fixture
def account(administrator):
    form = {"email": "SAP@example.com", "name": "SAP", "roles": ["buyer"], "is_active": "on"}
    assert administrator.post(reverse("admin:people_serviceaccount_add"), form).status_code == 302
    return ServiceAccount.objects.get()


@pytest.fixture
def issued(account):
    return credentials.issue(
        account, name="ERP", scopes=["contracts:read"], days=30, by=User.objects.first(), at=timezone.now()
    )


def at(credential, step):
    return reverse(f"admin:people_credential_{step}", args=[credential.pk])


def secret_in(page):
    return re.search(r"tocsin_[0-9a-f]+", page.content.decode())[0]


def test_a_service_account_is_a_user_without_a_password(administrator, account):
    assert (account.email, account.is_service, account.has_usable_password()) == ("sap@example.com", True, False)
    assert account.provenance["administrator@example.com"]
    password = reverse("admin:auth_user_password_change", args=[account.pk])
    assert administrator.post(password, {"password1": "x" * 20, "password2": "x" * 20}).status_code == 403
    taken = administrator.post(reverse("admin:people_serviceaccount_add"), {"email": "administrator@example.com"})
    assert "There is a user with this address." in taken.content.decode()


def test_a_new_credential_shows_its_secret_once(administrator, account):
    form = {"account": account.pk, "name": "ERP", "scopes": ["contracts:read", "checks:write"], "days": "30"}
    page = administrator.post(ADD, form)
    kept = Credential.objects.get()
    secret = secret_in(page)
    assert "no-store" in page["Cache-Control"]
    assert str(kept.client_id) in page.content.decode()
    assert (kept.scopes, kept.created_by) == (["checks:write", "contracts:read"], "administrator@example.com")
    assert find(secret, at=timezone.now()).credential == kept
    for address in (LIST, at(kept, "change")):
        text = administrator.get(address).content.decode()
        assert f"...{secret[-4:]}" in text
        assert secret not in text


@pytest.mark.parametrize("wrong", [{"days": "0"}, {"days": "366"}, {"scopes": ["everything"]}, {"scopes": []}])
def test_what_no_credential_may_have_is_refused(administrator, account, wrong):
    form = {"account": account.pk, "name": "ERP", "scopes": ["contracts:read"], "days": "30", **wrong}
    assert administrator.post(ADD, form).status_code == 200
    assert not Credential.objects.exists()


def test_a_person_gets_no_credential(administrator, account):
    person = User.objects.get(email="administrator@example.com")
    form = {"account": person.pk, "name": "ERP", "scopes": ["contracts:read"], "days": "30"}
    assert administrator.post(ADD, form).status_code == 200
    assert not Credential.objects.exists()


def test_rotating_shows_the_new_secret_and_ends_the_old_one(administrator, issued):
    assert administrator.get(at(issued.credential, "rotate")).status_code == 200
    assert Token.objects.count() == 1
    new = secret_in(administrator.post(at(issued.credential, "rotate"), {"days": "30", "overlap_hours": "0"}))
    assert find(issued.secret, at=timezone.now()) is None
    assert find(new, at=timezone.now()).credential == issued.credential


def test_revoking_asks_first_and_is_for_good(administrator, issued):
    assert administrator.get(at(issued.credential, "revoke")).status_code == 200
    assert find(issued.secret, at=timezone.now())
    page = administrator.post(at(issued.credential, "revoke"), follow=True)
    assert "Nothing can be done with it any more." in page.content.decode()
    assert find(issued.secret, at=timezone.now()) is None
    page = administrator.post(at(issued.credential, "rotate"), {"days": "1", "overlap_hours": "0"}, follow=True)
    assert "ERP is revoked" in page.content.decode()
    assert Token.objects.count() == 1


def test_nobody_else_sees_them(issued, opened):
    other = opened("buyer", "policy_editor", "policy_publisher", "viewer")
    for address in (LIST, ADD, at(issued.credential, "change"), reverse("admin:people_serviceaccount_changelist")):
        assert other.get(address).status_code == 403
    for step in ("rotate", "revoke"):
        assert other.post(at(issued.credential, step), {"days": "1", "overlap_hours": "0"}).status_code == 403
    assert Credential.objects.get().revoked_at is None
    assert Token.objects.count() == 1
