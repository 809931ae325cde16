"""Settings refuse to start on what is missing or malformed, and name all of it at once."""

import os
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime, time

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment
from config.embedded.places import CHECKOUT, EmbeddedError
from config.environment import Environment
from config.run.record import RunLock, RunRecord

COMPLETE = {
    "SECRET_KEY": "a-secret-of-the-test-and-of-nothing-else",
    "RECEIPT_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "BASE_URL": "https://tocsin.example",
    "DATABASE_URL": "postgresql://tocsin_app:pw@db.example/tocsin",
    "REDIS_URL": "redis://redis.example:6379/0",
    "EMAIL_URL": "smtp+tls://user:pw@mail.example:587",
    "DEFAULT_FROM_EMAIL": "tocsin@example.com",
    "COMPLIANCE_MAILBOX": "compliance@example.com",
    "OPERATORS_MAILBOX": "operators@example.com",
}


@pytest.fixture
def settings_with(monkeypatch):
    """The names of config/settings.py as it reads an environment of these variables and no others of ours."""

    def read(**variables):
        monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], **variables})
        return runpy.run_path(str(CHECKOUT / "config" / "settings.py"))

    return read


def test_production_starts_when_everything_is_given(settings_with):
    settings = settings_with(**COMPLETE)
    assert settings["EMBEDDED"] is False
    assert settings["DEBUG"] is False
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert settings["DATABASE_OWNER"] is None  # a process that does not migrate does not know the owner
    assert settings["DATABASE_RUNNING_ROLE"] == "tocsin_app"
    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"], settings["EMAIL_USE_TLS"]) == ("mail.example", 587, True)
    assert settings["EMAIL_TIMEOUT"] == 20
    assert settings["TIME_ZONE"] == "Asia/Tokyo"
    assert settings["CLOCK_START"] is None


def test_what_is_to_be_acknowledged_when_is_read_and_has_defaults(settings_with):
    settings = settings_with(**COMPLETE)
    assert settings["ACKNOWLEDGE_WITHIN"] == {"urgent": 4, "normal": 9, "review": 27}
    assert settings["WORKING_HOURS"] == (time(9), time(18))
    assert settings["ACKNOWLEDGE_LINK_HOURS"] == 120
    said = {
        "ACKNOWLEDGE_WITHIN": "urgent=1.5, review=40",
        "WORKING_HOURS": "08:30-17:00",
        "ACKNOWLEDGE_LINK_HOURS": "1",
    }
    settings = settings_with(**COMPLETE, **said)
    assert settings["ACKNOWLEDGE_WITHIN"] == {"urgent": 1.5, "normal": 9, "review": 40}
    assert settings["WORKING_HOURS"] == (time(8, 30), time(17))
    assert settings["ACKNOWLEDGE_LINK_HOURS"] == 1


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ACKNOWLEDGE_WITHIN", "soon=4", "'soon' is none of urgent, normal, review"),
        ("ACKNOWLEDGE_WITHIN", "urgent=0", "0 hours are not between 0 and 1000"),
        ("ACKNOWLEDGE_WITHIN", "urgent", "could not convert"),
        ("ACKNOWLEDGE_WITHIN", "urgent=nan", "nan hours are not between"),
        ("WORKING_HOURS", "09:00", "not of the form"),
        ("WORKING_HOURS", "18:00-09:00", "ends before it begins"),
        ("WORKING_HOURS", "9-18", "Invalid isoformat"),
        ("CHECK_VALID_DAYS", "0", "0 is not between 1 and 366"),
        ("MAIL_LANGUAGE", "de", "de is none of en, ja, zh-hans"),
        ("ACKNOWLEDGE_LINK_HOURS", "169", "169 is not between 1 and 168"),
        ("ACKNOWLEDGE_LINK_HOURS", "0", "0 is not between 1 and 168"),
    ],
)
def test_times_that_cannot_be_are_refused(settings_with, name, value, fault):
    with pytest.raises(ImproperlyConfigured, match=f"- {name} cannot be read: .*{fault}"):
        settings_with(**COMPLETE, **{name: value})


@pytest.mark.parametrize("missing", sorted(COMPLETE.keys() - {"DATABASE_URL"}))
def test_production_names_what_is_missing(settings_with, missing):
    with pytest.raises(ImproperlyConfigured, match=f"- {missing} is not set"):
        settings_with(**{name: value for name, value in COMPLETE.items() if name != missing})


def test_everything_that_is_missing_is_named_at_once(settings_with):
    with pytest.raises(ImproperlyConfigured) as caught:
        settings_with(TOCSIN_EMBEDDED="0")
    assert sorted(re.findall("^- ([A-Z_]+) is not set", str(caught.value), re.MULTILINE)) == sorted(COMPLETE)


def test_a_command_says_it_without_a_traceback():
    kept = {"PATH": os.environ["PATH"], "TOCSIN_EMBEDDED": "0"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=CHECKOUT, env=kept, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "SECRET_KEY is not set" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://root@localhost/tocsin"),
        ("DATABASE_URL", "postgresql://localhost/tocsin"),  # no user: whoever runs it, a superuser perhaps
        ("REDIS_URL", "localhost:6379"),
        ("EMAIL_URL", "mail.example"),
        ("EMAIL_TIMEOUT", "soon"),
        ("DEBUG", "maybe"),
        ("TOCSIN_CLOCK_START", "2026-01-13T09:00:00"),  # in which zone?
    ],
)
def test_a_malformed_variable_is_named(settings_with, name, value):
    with pytest.raises(ImproperlyConfigured, match=f"- {name} cannot be read"):
        settings_with(**{**COMPLETE, name: value})


def test_the_embedded_mode_needs_nothing_and_keeps_its_secret(settings_with, tmp_path):
    first = settings_with(TOCSIN_STATE=str(tmp_path))
    assert first["EMBEDDED"] is True
    assert len(first["SECRET_KEY"]) >= 40
    assert settings_with(TOCSIN_STATE=str(tmp_path))["SECRET_KEY"] == first["SECRET_KEY"]
    assert settings_with(TOCSIN_STATE=str(tmp_path / "other"))["SECRET_KEY"] != first["SECRET_KEY"]


def test_a_database_url_ends_the_embedded_mode_and_its_defaults(settings_with, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set"):
        settings_with(TOCSIN_STATE=str(tmp_path), DATABASE_URL=COMPLETE["DATABASE_URL"])


def test_the_tests_and_the_demonstration_can_use_other_services(settings_with, tmp_path):
    urls = {name: COMPLETE[name] for name in ("DATABASE_URL", "REDIS_URL")}
    settings = settings_with(TOCSIN_STATE=str(tmp_path), TOCSIN_EMBEDDED="1", **urls)
    assert settings["EMBEDDED_SERVICES"] is False
    assert settings["DATABASES"]["default"]["HOST"] == "db.example"
    assert settings["DATABASE_OWNER"] is None


def test_a_command_takes_the_clock_of_a_running_demonstration(settings_with, tmp_path):
    start = datetime(2026, 1, 13, tzinfo=UTC)
    lock = RunLock(tmp_path)
    lock.publish(RunRecord("http://localhost:8001", "smtp://127.0.0.1:2525", start, 1000.0))
    settings = settings_with(TOCSIN_STATE=str(tmp_path))
    assert (settings["CLOCK_START"], settings["CLOCK_STARTED_REAL"]) == (start, 1000.0)
    assert (settings["BASE_URL"], settings["EMAIL_PORT"]) == ("http://localhost:8001", 2525)
    with pytest.raises(EmbeddedError, match="already running"):
        RunLock(tmp_path)
    lock.release()
    assert settings_with(TOCSIN_STATE=str(tmp_path))["CLOCK_START"] is None


def test_a_server_on_a_unix_socket():
    server = environment.server("postgresql://tocsin_app@/tocsin?host=/run/postgresql")
    assert server == {"NAME": "tocsin", "USER": "tocsin_app", "PASSWORD": "", "HOST": "/run/postgresql", "PORT": ""}


def test_a_password_with_special_characters():
    assert environment.server("postgresql://u:p%40ss%2F%3A@h:5433/n")["PASSWORD"] == "p@ss/:"


def test_the_broker_in_celerys_words():
    assert environment.broker("unix:///run/redis.sock") == "redis+socket:///run/redis.sock"
    assert environment.broker("rediss://h:6380/1") == "rediss://h:6380/1"


def test_an_instant_keeps_its_offset():
    assert environment.instant("2026-01-13T09:00:00+09:00") == datetime(2026, 1, 13, tzinfo=UTC)


def test_an_environment_without_faults_does_not_complain():
    Environment({}).complain()
    env = Environment({"N": "x"})
    assert env.number("N", 3) == 3
    with pytest.raises(ImproperlyConfigured, match="N cannot be read"):
        env.complain()


def test_keys_of_receipts_are_read_in_their_order_and_refused_when_malformed(settings_with):
    first, second = bytes(range(32)), bytes(32)
    given = f"{COMPLETE['RECEIPT_KEYS']}, {'A' * 43}"
    assert settings_with(**{**COMPLETE, "RECEIPT_KEYS": given})["RECEIPT_KEYS"] == [first, second]
    for value in ("c2hvcnQ", "not base64!", "A" * 44, "A" * 43 + ","):
        with pytest.raises(ImproperlyConfigured, match="RECEIPT_KEYS cannot be read"):
            settings_with(**{**COMPLETE, "RECEIPT_KEYS": value})
    with pytest.raises(ImproperlyConfigured, match="RECEIPT_KEYS is not set: they sign the receipts of checks"):
        settings_with(**{**COMPLETE, "RECEIPT_KEYS": ""})


def test_embedded_a_key_of_receipts_is_made_once(settings_with, tmp_path):
    keys = [settings_with(TOCSIN_STATE=str(tmp_path))["RECEIPT_KEYS"] for _ in range(2)]
    assert keys[0] == keys[1]
    assert [len(key) for key in keys[0]] == [32]
