"""Production shape: Django's own list of what is unsafe is empty; answers outside the admin have a strict policy."""

import os
import subprocess
import sys

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from config.embedded.places import CHECKOUT
from tests.platform.test_settings import COMPLETE, settings_with

__all__ = ["settings_with"]
PRODUCTION = {**COMPLETE, "SECRET_KEY": "kq8Zr2xW9vT5nB7mL4pS1dF6gH3jK0aQwErTyUiOpAsDfGhJkLzX", "BEHIND_TLS_PROXY": "1"}


def check(**variables):
    kept = {"PATH": os.environ["PATH"], "TOCSIN_EMBEDDED": "0", **variables}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=CHECKOUT,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_deployment_check_finds_nothing():
    done = check(**PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "System check identified no issues (2 silenced)." in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"DEBUG": "1"}, "security.W018"),
        ({"BASE_URL": "http://tocsin.example"}, "security.W012"),
        ({"HSTS_SECONDS": "0"}, "security.W004"),
        ({"BEHIND_TLS_PROXY": "0"}, "security.W008"),
    ],
)
def test_it_finds_what_is_wrong(wrong, found):
    done = check(**{**PRODUCTION, **wrong})
    assert done.returncode == 1
    assert found in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("BASE_URL", "tocsin.example", "not of the form"),
        ("BASE_URL", "ftp://tocsin.example", "not of the form"),
        ("BASE_URL", "https://tocsin.example/path", "not of the form"),
        ("ALLOWED_HOSTS", "*", "every host"),
        ("ALLOWED_HOSTS", "a.example, *", "every host"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "everybody"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,::/0", "everybody"),
        ("TRUSTED_PROXIES", "proxy.example", "does not appear to be"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set"),
        ("REQUESTS_PER_MINUTE", "-1", "not between"),
        ("CREDENTIAL_DAYS", "0", "not between"),
        ("ACCESS_TOKEN_SECONDS", "86401", "not between"),
    ],
)
def test_what_would_be_unsafe_or_mean_nothing_keeps_it_from_starting(settings_with, name, value, fault):
    with pytest.raises(Exception, match=f"{name} cannot be read: .*{fault}"):
        settings_with(**{**PRODUCTION, name: value})


def test_quotas_are_on_in_production_and_tls_is_insisted_on(settings_with):
    settings = settings_with(**PRODUCTION, TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1")
    quotas = ("REQUESTS_PER_MINUTE", "REQUESTS_PER_MINUTE_PER_ADDRESS", "LOGIN_ATTEMPTS", "LOGIN_ATTEMPTS_PER_ADDRESS")
    assert [settings[name] for name in quotas] == [6000, 300, 10, 100]
    assert settings["TRUSTED_PROXIES"] == ["10.0.0.0/8", "192.0.2.1/32"]
    assert (settings["SECURE_SSL_REDIRECT"], settings["SECURE_HSTS_SECONDS"]) == (True, 365 * 24 * 3600)
    assert settings_with(**COMPLETE)["SECURE_SSL_REDIRECT"] is False  # nobody says how it was reached


def test_health_is_asked_from_within_and_not_sent_to_tls(settings):
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/health/live").status_code == 200
    assert Client().get("/api/v1/contracts")["Location"] == "https://testserver/api/v1/contracts"


OUTSIDE = [
    "/",
    "/nowhere",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/v1/contracts",
    "/api/v1/nothing",
    "/api/v1/checks/keys",
    "/acknowledge/x",
    "/calendar/x.ics",
    "/static/alerts/tocsin.css",
]


@pytest.mark.parametrize("address", OUTSIDE)
def test_every_answer_outside_the_admin_has_a_strict_policy(db, address):
    assert finders.find("alerts/tocsin.css")
    policy = Client().get(address)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for directive in ("base-uri 'none'", "frame-ancestors 'none'", "form-action"):
        assert directive in policy


def test_the_style_of_the_page_behind_a_link_is_let_in_by_its_nonce(db):
    first, second = Client().get("/acknowledge/x"), Client().get("/acknowledge/x")
    nonces = [page["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0] for page in (first, second)]
    assert nonces[0] != nonces[1]
    assert f'<style nonce="{nonces[0]}">' in first.content.decode()
