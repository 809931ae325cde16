"""Credentials of service accounts over REST and OAuth2: no more than scopes and roles, shown once, and ended."""

import base64
import logging
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.db import IntegrityError, transaction
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from config.embedded.places import CHECKOUT
from people import credentials
from people.models import Credential, ServiceAccount, Token, User
from people.scopes import ANY, SCOPES, ScopePermission, needed

ACCOUNT = "/api/v1/service-accounts/sap@example.com"
ISSUED = f"{ACCOUNT}/credentials"
TOKEN = "/api/v1/oauth/token"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def account(administrator):
    made = administrator.put(ACCOUNT, {"roles": ["buyer"], "departments": ["MAGNET"]})
    assert made.status_code == 201
    return ServiceAccount.objects.get()


@pytest.fixture
def issue(administrator, account):
    """A new credential of the account as the REST interface tells it."""

    def issued(*scopes, **more):
        answer = administrator.post(ISSUED, {"name": "ERP", "scopes": list(scopes), **more})
        assert answer.status_code == 201, answer.json()
        return answer.json()

    return issued


def bearer(secret, keyword="Token"):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"{keyword} {secret}")
    return client


def exchange(form, client=None, **headers):
    text = "&".join(f"{name}={value}" for name, value in form.items())
    return (client or APIClient()).post(TOKEN, text, content_type=FORM, **headers)


def grant(issued, **more):
    form = {"grant_type": "client_credentials", "client_id": issued["client_id"], "client_secret": issued["secret"]}
    return exchange({**form, **more})


# --- Service accounts -------------------------------------------------------------------------------------------------


def test_a_service_account_is_written_like_everything_else(administrator, account):
    assert administrator.put(ACCOUNT, {"name": "SAP"}).status_code == 200
    shown = administrator.get(ACCOUNT).json()
    expected = {"email": "sap@example.com", "name": "SAP", "departments": ["MAGNET"], "roles": ["buyer"]}
    assert shown == {**expected, "active": True}
    assert [one["email"] for one in administrator.get("/api/v1/service-accounts").json()["results"]] == [account.email]
    assert administrator.get("/api/v1/service-accounts/nobody@example.com").status_code == 404


@pytest.mark.parametrize(
    ("address", "said", "pointer", "code"),
    [
        ("sap@example.com", {"departments": ["NOWHERE"]}, "#/departments/0", "unknown_reference"),
        ("sap@example.com", {"roles": ["king"]}, "#/roles/0", "invalid_choice"),
        ("sap@example.com", {"email": "other@example.com"}, "#/email", "other_reference"),
        ("sap@example.com", {"password": "x"}, "#/password", "unknown_key"),
        ("sap@example.com", {"is_service": False}, "#/is_service", "unknown_key"),
        ("administrator@example.com", {}, "#/email", "taken"),
        ("no-address", {}, None, "invalid_email"),
        ("a%00b@example.com", {}, None, "nul"),
    ],
)
def test_what_is_wrong_with_an_account_is_said(administrator, address, said, pointer, code):
    answer = administrator.put(f"/api/v1/service-accounts/{address}", said)
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert not ServiceAccount.objects.exists()


def test_only_administrators_keep_them(account, caller):
    other = caller("buyer", "policy_publisher")
    for verb, address in (("get", ACCOUNT), ("put", ACCOUNT), ("get", ISSUED), ("post", ISSUED)):
        assert getattr(other, verb)(address, {}).status_code == 403


def test_the_database_lets_no_service_account_have_a_password(account):
    account.set_password("correct horse battery")
    with pytest.raises(IntegrityError, match="service_account_without_password"), transaction.atomic():
        account.save()


# --- Credentials ------------------------------------------------------------------------------------------------------


def test_a_secret_is_shown_once_and_stored_as_a_hash(administrator, issue):
    issued = issue("contracts:read", days=30)
    stored = Token.objects.get()
    assert issued["secret"] not in str(Token.objects.values()) + str(Credential.objects.values())
    assert stored.expiry - stored.created == pytest.approx(timedelta(days=30), abs=timedelta(seconds=5))
    (listed,) = administrator.get(ISSUED).json()["results"]
    assert "secret" not in listed
    (secret,) = listed["secrets"]
    assert (secret["last_four"], secret["last_used_at"]) == (issued["secret"][-4:], None)
    assert (listed["scopes"], listed["created_by"]) == (["contracts:read"], "administrator@example.com")
    assert bearer(issued["secret"]).get("/api/v1/contracts").status_code == 200
    assert administrator.get(f"{ISSUED}/{issued['id']}").json()["secrets"][0]["last_used_at"] is not None


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"scopes": ["contracts:read"]}, "#/name", "required"),
        ({"name": "x"}, "#/scopes", "required"),
        ({"name": "x", "scopes": []}, "#/scopes", "empty"),
        ({"name": "x", "scopes": ["contracts:burn"]}, "#/scopes/0", "invalid_choice"),
        ({"name": "x", "scopes": ["contracts:read"], "days": 366}, "#/days", "out_of_range"),
        ({"name": "x", "scopes": ["contracts:read"], "days": 0}, "#/days", "out_of_range"),
        ({"name": "x", "scopes": ["contracts:read"], "client_id": "x"}, "#/client_id", "unknown_key"),
    ],
)
def test_what_is_wrong_with_a_credential_is_said(administrator, account, said, pointer, code):
    answer = administrator.post(ISSUED, said)
    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]
    assert not Credential.objects.exists()


def test_a_missing_scope_is_named(issue):
    client = bearer(issue("contracts:read")["secret"])
    assert client.get("/api/v1/contracts").status_code == 200
    for verb, address, scope in (
        ("put", "/api/v1/contracts/C-1", "contracts:write"),
        ("get", "/api/v1/flags", "flags:read"),
        ("get", "/api/v1/contracts/C-1/flags", "flags:read"),
        ("post", "/api/v1/checks", "checks:write"),
        ("post", "/api/v1/contracts/bulk", "contracts:write"),
        ("get", "/api/v1/changes", "changes:read"),
    ):
        answer = getattr(client, verb)(address, {})
        assert answer.status_code == 403
        problem = answer.json()
        assert ([error["code"] for error in problem["errors"]], problem["scope"]) == (["insufficient_scope"], scope)
        assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


def test_a_credential_never_does_more_than_its_accounts_roles(administrator, issue):
    secret = issue(*SCOPES)["secret"]
    assert bearer(secret).put("/api/v1/policy-changes/P-1", {}).status_code == 403  # a buyer writes none
    assert bearer(secret).get("/api/v1/users").status_code == 403
    administrator.put(ACCOUNT, {"roles": ["viewer"]})
    answer = bearer(secret).put("/api/v1/contracts/C-1", {})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "permission_denied")
    seen = {one["department"] for one in bearer(secret).get("/api/v1/contracts?limit=1000").json()["results"]}
    assert seen == {"MAGNET"}


def test_an_account_that_is_not_active_is_shut_out(administrator, issue):
    issued = issue("contracts:read")
    administrator.put(ACCOUNT, {"active": False})
    assert bearer(issued["secret"]).get("/api/v1/contracts").status_code == 401
    assert grant(issued).json()["error"] == "invalid_client"


def test_a_secret_expires(issue):
    client = bearer(issue("contracts:read")["secret"])
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/v1/contracts").status_code == 401
    assert Token.objects.count() == 1  # the list still tells of it


def test_while_it_is_rotated_both_secrets_are_good_for_the_overlap(administrator, issue):
    issued = issue("contracts:read")
    rotated = administrator.post(f"{ISSUED}/{issued['id']}/rotate", {"overlap_hours": 1, "days": 10}).json()
    assert rotated["client_id"] == issued["client_id"]
    assert [secret["last_four"] for secret in rotated["secrets"]] == [issued["secret"][-4:], rotated["secret"][-4:]]
    old, new = Token.objects.order_by("created")
    assert old.expiry - timezone.now() == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    assert new.expiry - timezone.now() == pytest.approx(timedelta(days=10), abs=timedelta(seconds=5))
    for secret in (issued["secret"], rotated["secret"]):
        assert bearer(secret).get("/api/v1/contracts").status_code == 200
    last = administrator.post(f"{ISSUED}/{issued['id']}/rotate", {"overlap_hours": 0}).json()["secret"]
    answers = [bearer(secret).get("/api/v1/contracts").status_code for secret in (issued["secret"], rotated["secret"])]
    assert (answers, bearer(last).get("/api/v1/contracts").status_code) == ([401, 401], 200)
    assert administrator.post(f"{ISSUED}/{issued['id']}/rotate", {"overlap_hours": 169}).status_code == 400


def test_a_rotation_lengthens_the_life_of_no_old_secret(administrator, issue):
    issued = issue("contracts:read")
    soon = timezone.now() + timedelta(minutes=5)
    Token.objects.update(expiry=soon)
    administrator.post(f"{ISSUED}/{issued['id']}/rotate", {})
    assert Token.objects.order_by("created").first().expiry == soon


def test_revoked_it_is_void_with_all_its_tokens(administrator, issue):
    issued = issue("contracts:read")
    access = grant(issued).json()["access_token"]
    for _ in range(2):
        revoked = administrator.post(f"{ISSUED}/{issued['id']}/revoke")
        assert (revoked.status_code, revoked.json()["revoked_by"]) == (200, "administrator@example.com")
    for secret in (issued["secret"], access):
        assert bearer(secret).get("/api/v1/contracts").status_code == 401
    assert grant(issued).json()["error"] == "invalid_client"
    assert administrator.post(f"{ISSUED}/{issued['id']}/rotate").status_code == 409


def test_a_credential_of_another_account_is_not_there(administrator, issue):
    issued = issue("contracts:read")
    administrator.put("/api/v1/service-accounts/other@example.com", {})
    for step in ("", "/rotate", "/revoke"):
        address = f"/api/v1/service-accounts/other@example.com/credentials/{issued['id']}{step}"
        assert (administrator.post if step else administrator.get)(address).status_code == 404
    for address in ("nobody@example.com", "administrator@example.com", "%00", "sap@example.com%00"):
        assert administrator.get(f"/api/v1/service-accounts/{address}/credentials").status_code == 404


def test_a_credential_issues_no_scopes_that_it_does_not_have(administrator, issue):
    administrator.put(ACCOUNT, {"roles": ["administrator"]})
    wide = issue("contracts:write")
    client = bearer(issue("service-accounts:write", "contracts:read")["secret"])
    refused = client.post(ISSUED, {"name": "x", "scopes": ["contracts:read", "contracts:write"]})
    assert [(error["code"], error["pointer"]) for error in refused.json()["errors"]] == [("not_yours", "#/scopes")]
    assert client.post(f"{ISSUED}/{wide['id']}/rotate", {}).json()["errors"][0]["code"] == "not_yours"
    assert client.post(ISSUED, {"name": "x", "scopes": ["contracts:read"]}).status_code == 201


def test_a_log_in_does_what_the_roles_allow(account):
    User.objects.create_user("grace@example.com", "correct horse battery", roles=["administrator"])
    said = {"email": "grace@example.com", "password": "correct horse battery"}
    answer = APIClient().post("/api/v1/auth/token", said)
    assert answer["Cache-Control"] == "no-store"
    for keyword in ("Token", "Bearer", "bearer"):
        client = bearer(answer.json()["token"], keyword)
        for address in ("contracts", "users", "service-accounts", "schema"):
            assert client.get(f"/api/v1/{address}").status_code == 200


def test_a_token_can_be_given_back(issue):
    client = bearer(issue("contracts:read")["secret"])
    assert client.delete("/api/v1/auth/token/current").status_code == 204
    assert client.get("/api/v1/contracts").status_code == 401


@pytest.mark.parametrize("sent", ["", " ", "x", "x y", "\xff\xfe", "tocsin_" + "0" * 64, "a" * 5000, "Token Token"])
@pytest.mark.parametrize("keyword", ["Token", "Bearer"])
def test_what_is_no_token_is_a_401(db, keyword, sent):
    answer = APIClient().get("/api/v1/contracts", HTTP_AUTHORIZATION=f"{keyword} {sent}")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token, Bearer")


# --- OAuth2 -----------------------------------------------------------------------------------------------------------


def test_a_credential_is_exchanged_for_a_token_that_lives_for_minutes(issue, settings):
    settings.ACCESS_TOKEN_SECONDS = 600
    answer = grant(issue("contracts:read", "flags:read"))
    assert (answer.status_code, answer["Cache-Control"], answer["Pragma"]) == (200, "no-store", "no-cache")
    told = answer.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, "contracts:read flags:read")
    client = bearer(told["access_token"], "Bearer")
    assert client.get("/api/v1/contracts").status_code == client.get("/api/v1/flags").status_code == 200
    Token.objects.filter(kind="access").update(expiry=timezone.now())
    assert client.get("/api/v1/contracts").status_code == 401


def test_the_client_may_authenticate_in_the_header(issue):
    issued = issue("contracts:read")
    basic = base64.b64encode(f"{issued['client_id']}:{issued['secret']}".encode()).decode()
    answer = exchange({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=f"Basic {basic}")
    assert answer.status_code == 200
    both = {"grant_type": "client_credentials", "client_secret": issued["secret"]}
    assert exchange(both, HTTP_AUTHORIZATION=f"Basic {basic}").json()["error"] == "invalid_request"
    other = {"grant_type": "client_credentials", "client_id": str(uuid4())}
    assert exchange(other, HTTP_AUTHORIZATION=f"Basic {basic}").json()["error"] == "invalid_request"


def test_a_token_has_the_scopes_that_were_asked_for(administrator, issue):
    issued = issue("contracts:read", "flags:read")
    told = grant(issued, scope="flags:read").json()
    assert told["scope"] == "flags:read"
    client = bearer(told["access_token"], "Bearer")
    assert client.get("/api/v1/flags").status_code == 200
    assert client.get("/api/v1/contracts").json()["scope"] == "contracts:read"
    for scope in ("contracts:write", "flags:read contracts:write", "everything", "flags:read++contracts:read"):
        answer = grant(issued, scope=scope.replace(" ", "+"))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_token_never_outlives_its_secret(issue):
    issued = issue("contracts:read")
    Token.objects.update(expiry=timezone.now() + timedelta(seconds=100))
    assert 98 <= grant(issued).json()["expires_in"] <= 100


def test_an_access_token_is_no_client_secret_and_expired_ones_are_forgotten(issue):
    issued = issue("contracts:read")
    access = grant(issued).json()["access_token"]
    assert grant({**issued, "secret": access}).json()["error"] == "invalid_client"
    Token.objects.filter(kind="access").update(expiry=timezone.now())
    grant(issued)
    assert Token.objects.filter(kind="access").count() == 1


WRONG = [
    ({}, "invalid_client", 401),
    ({"grant_type": "client_credentials"}, "invalid_client", 401),
    ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, "invalid_client", 401),
    ({"grant_type": "client_credentials", "client_id": "%00", "client_secret": "%ED%A0%80"}, "invalid_client", 401),
    ({"grant_type": "client_credentials", "client_id": str(uuid4()), "client_secret": "y"}, "invalid_client", 401),
    ({"grant_type": "password", "client_id": "x", "client_secret": "y"}, "unsupported_grant_type", 400),
    ({"client_id": "x", "client_secret": "y"}, "invalid_request", 400),
    ({"grant_type": "x&grant_type=x", "client_id": "x", "client_secret": "y"}, "invalid_request", 400),
]


@pytest.mark.parametrize(("form", "error", "code"), WRONG)
def test_errors_are_those_of_rfc_6749(db, form, error, code):
    answer = exchange(form)
    assert (answer.status_code, answer.json()["error"], answer["Cache-Control"]) == (code, error, "no-store")
    assert answer["Content-Type"] == "application/json"
    assert ("WWW-Authenticate" in answer) == (code == 401)


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"a" * 20_000, FORM), (b"&a=1" * 3000, FORM), (b"a=1", "text/plain")],
)
def test_what_is_no_form_is_an_invalid_request(db, body, kind):
    answer = APIClient().generic("POST", TOKEN, body, content_type=kind)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_no_body_is_no_client(db):
    answer = APIClient().generic("POST", TOKEN, b"", content_type=FORM)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic ???", "Basic eA==", "Basic /w==", "Bearer x", "x"])
def test_a_header_that_is_no_clients_is_an_invalid_client(db, header):
    answer = exchange({"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"] == 'Basic realm="tocsin"'


# --- Every address ----------------------------------------------------------------------------------------------------

FOR_ANY_TOKEN = {"token", "current-token", "oauth-token", "checks-keys", "schema", "docs"}


def addresses():
    """Every view under /api/v1/ with the methods and actions it has, from the URL configuration."""
    (resolver,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    for pattern in resolver.url_patterns:
        if pattern.name == "nothing":
            continue  # 404 whoever asks
        actions = getattr(pattern.callback, "actions", None) or {
            verb: None for verb in ("get", "post", "put", "patch", "delete") if hasattr(pattern.callback.cls, verb)
        }
        for verb, action in list(actions.items()):
            if verb == "head":  # added for requests to whatever has `get`
                continue
            view = pattern.callback.cls(**getattr(pattern.callback, "initkwargs", {}))
            view.action = action
            yield pattern.name, verb.upper(), view


def test_every_address_has_a_scope_of_the_table_or_is_for_any_token():
    used = set()
    for name, method, view in addresses():
        if name in FOR_ANY_TOKEN:
            assert view.scope == ANY
            continue
        scope = needed(view, method)
        assert scope in SCOPES, f"{method} {name} needs {scope}"
        used.add(scope)
    assert used == set(SCOPES)  # none is granted that allows nothing


def test_every_address_asks_for_the_scope():
    for name, _method, view in addresses():
        classes = view.permission_classes
        assert ScopePermission in classes or (classes == (AllowAny,) and not view.authentication_classes), name


def test_without_any_of_its_scopes_a_credential_of_an_administrator_does_nothing(administrator, issue):
    """Every address, with a credential whose one scope is another's."""
    administrator.put(ACCOUNT, {"roles": ["administrator"]})
    clients = {scope: bearer(issue(scope)["secret"]) for scope in ("digests:read", "jobs:read")}
    tried = 0
    (resolver,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    routes = {pattern.name: str(pattern.pattern) for pattern in resolver.url_patterns}
    for name, method, view in addresses():
        scope = needed(view, method)
        if scope is None:
            continue
        client = clients["jobs:read" if scope == "digests:read" else "digests:read"]
        address = re.sub(r"<\w+:\w+>", "1", f"/api/v1/{routes[name]}")
        answer = client.generic(method, address)
        assert (answer.status_code, answer.json().get("scope")) == (403, scope), f"{method} {address}"
        tried += 1
    assert tried > 90


def test_the_guide_has_the_table_of_scopes():
    guide = (CHECKOUT / "docs" / "erp.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([a-z-]+:[a-z]+)` \| (.+) \|$", guide, re.MULTILINE)) == SCOPES


def test_the_openapi_document_names_the_scope_of_every_operation(administrator):
    schema = administrator.get("/api/v1/schema", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    assert schema["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"] == SCOPES
    told = {
        schema["paths"][path][verb]["operationId"]: schema["paths"][path][verb]["security"]
        for path, verb in (
            ("/api/v1/contracts/{reference}", "put"),
            ("/api/v1/checks", "post"),
            ("/api/v1/policy-changes/{reference}/publish", "post"),
            ("/api/v1/auth/token/current", "delete"),
        )
    }
    scopes = [["contracts:write"], ["checks:write"], ["policy-changes:publish"], []]
    assert list(told.values()) == [[{"knoxApiToken": one}, {"oauth2": one}, {"cookieAuth": []}] for one in scopes]


# --- Nothing secret is told -------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log(administrator, issue, caplog):
    user = User.objects.create_user("grace@example.com", "correct horse battery", roles=["viewer"])
    secrets = ["correct horse battery", "wrong horse battery", user.password]
    with caplog.at_level(logging.DEBUG):
        for password in ("correct horse battery", "wrong horse battery"):
            answer = APIClient().post("/api/v1/auth/token", {"email": "grace@example.com", "password": password})
            secrets += [answer.json().get("token", password)]
        issued = issue("contracts:read")
        rotated = administrator.post(f"{ISSUED}/{issued['id']}/rotate", {}).json()
        access = grant(rotated).json()["access_token"]
        grant({**issued, "secret": "no-such-secret"})
        for secret in (access, "no-such-token"):
            bearer(secret).get("/api/v1/contracts")
            bearer(secret).put("/api/v1/contracts/C-1", {})
        administrator.post(f"{ISSUED}/{issued['id']}/revoke")
        bearer(rotated["secret"]).get("/api/v1/contracts")
    secrets += [issued["secret"], rotated["secret"], access, "no-such-secret", "no-such-token"]
    told = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "credential issued" in told
    assert "request_finished" in told
    assert [secret for secret in secrets if secret in told] == []
    assert not [token.digest for token in Token.objects.all() if token.digest in told]


def test_what_a_log_in_says_and_costs_does_not_tell_whether_the_account_exists(account, monkeypatch):
    User.objects.create_user("grace@example.com", "correct horse battery")
    User.objects.create_user("gone@example.com", "correct horse battery", is_active=False)
    hashed = []
    hasher = identify_hasher(User.objects.get(email="grace@example.com").password)
    encode = type(hasher).encode
    monkeypatch.setattr(type(hasher), "encode", lambda *args, **more: hashed.append(1) or encode(*args, **more))
    answers = []
    for email in ("grace@example.com", "gone@example.com", "sap@example.com", "nobody@example.com"):
        hashed.clear()
        answer = APIClient().post("/api/v1/auth/token", {"email": email, "password": "wrong"})
        answers.append((answer.status_code, answer.json()["errors"], len(hashed)))
    assert answers[0][0] == 401
    assert answers == [answers[0]] * 4
    assert answers[0][2] == 1


def test_the_right_password_of_an_inactive_account_looks_like_a_wrong_one(db):
    User.objects.create_user("gone@example.com", "correct horse battery", is_active=False)
    right, wrong = (
        APIClient().post("/api/v1/auth/token", {"email": "gone@example.com", "password": password})
        for password in ("correct horse battery", "wrong")
    )
    assert (right.status_code, right.json()["errors"]) == (wrong.status_code, wrong.json()["errors"])


def test_expired_log_ins_are_forgotten_with_the_next_one(db):
    user = User.objects.create_user("grace@example.com", "x")
    credentials.log_in(user, at=timezone.now())
    Token.objects.update(expiry=timezone.now() - timedelta(hours=1))
    credentials.log_in(user, at=timezone.now())
    assert Token.objects.count() == 1
