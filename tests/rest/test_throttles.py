"""How often somebody may ask: counted for all processes together, announced, and no reason to fail without Redis."""

import runpy
import subprocess
import sys
import time
from uuid import uuid4

import pytest
import redis
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework.test import APIClient

from config.embedded.places import CHECKOUT
from people import throttles
from people.models import User
from people.throttles import Quota, address, counters, spend

CONTRACTS = "/api/v1/contracts"
LOGIN = "/api/v1/auth/token"
KEYS = "/api/v1/checks/keys"


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch):
    """All processes of a test run have one Redis, and users of the same numbers."""
    monkeypatch.setattr(throttles, "PREFIX", f"test:{uuid4().hex}")
    counters.forget()
    yield
    counters.forget()


@pytest.fixture
def dead_redis(settings):
    """A broker that is not there."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


def test_answers_say_how_one_stands_and_beyond_the_quota_is_a_429(administrator, settings):
    settings.REQUESTS_PER_MINUTE = 3
    left = []
    for _ in range(3):
        answer = administrator.get(CONTRACTS)
        assert (answer.status_code, answer["RateLimit-Policy"]) == (200, '"principal";q=3;w=60')
        left.append(answer["RateLimit"].partition(";t=")[0])
    assert left == ['"principal";r=2', '"principal";r=1', '"principal";r=0']
    answer = administrator.get(CONTRACTS)
    assert (answer.status_code, answer["Content-Type"]) == (429, "application/problem+json")
    assert 55 <= int(answer["Retry-After"]) <= 60
    assert answer["RateLimit"] == f'"principal";r=0;t={answer["Retry-After"]}'
    assert [error["code"] for error in answer.json()["errors"]] == ["throttled"]


def test_everybody_has_a_quota_of_their_own(caller, settings):
    settings.REQUESTS_PER_MINUTE = 1
    first, second = caller("viewer"), caller("buyer")
    assert [one.get(CONTRACTS).status_code for one in (first, first, second, second)] == [200, 429, 200, 429]


def test_what_was_refused_counts_too(caller, settings):
    settings.REQUESTS_PER_MINUTE = 2
    viewer = caller("viewer")
    answers = [viewer.get("/api/v1/users"), viewer.get("/api/v1/users"), viewer.get("/api/v1/users")]
    assert [answer.status_code for answer in answers] == [403, 403, 429]


def test_a_long_body_counts_for_what_it_is_and_never_more_than_the_quota(administrator, settings):
    settings.REQUESTS_PER_MINUTE = 10
    answer = administrator.post("/api/v1/checks", {"documents": [], "x": "x" * (3 * throttles.BODY)})
    assert (answer.status_code, answer["RateLimit"].partition(";t=")[0]) == (400, '"principal";r=6')
    throttles.give_back(Quota("principal", 10, 60), f"u{User.objects.get(email='administrator@example.com').pk}")
    answer = administrator.post("/api/v1/checks", {"documents": [], "x": "x" * (50 * throttles.BODY)})
    assert (answer.status_code, answer["RateLimit"].partition(";t=")[0]) == (400, '"principal";r=0')


def test_who_is_not_signed_in_is_counted_by_address(db, settings):
    settings.REQUESTS_PER_MINUTE_PER_ADDRESS = 3
    client = APIClient()
    wrong = client.get(CONTRACTS, HTTP_AUTHORIZATION="Token wrong")
    assert (wrong.status_code, wrong["RateLimit-Policy"]) == (401, '"address";q=3;w=60')
    assert client.get(CONTRACTS).status_code == 401
    assert client.get(KEYS).status_code == 200
    answers = [client.get(KEYS), client.get(CONTRACTS), client.get(CONTRACTS, HTTP_AUTHORIZATION="Token wrong")]
    assert [answer.status_code for answer in answers] == [429, 429, 429]
    assert client.generic("POST", "/api/v1/oauth/token", "a=1").status_code == 429
    assert client.get(KEYS, REMOTE_ADDR="192.0.2.9").status_code == 200


def test_zero_is_no_limit_and_announces_none(administrator, settings):
    settings.REQUESTS_PER_MINUTE = 0
    answer = administrator.get(CONTRACTS)
    assert answer.status_code == 200
    assert "RateLimit" not in answer
    assert "RateLimit-Policy" not in answer


def test_without_redis_requests_are_served(administrator, settings, dead_redis, caplog):
    settings.REQUESTS_PER_MINUTE = settings.LOGIN_ATTEMPTS = 1
    begun = time.monotonic()
    answers = [administrator.get(CONTRACTS) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert "RateLimit" not in answers[0]
    assert time.monotonic() - begun < 4
    User.objects.create_user("grace@example.com", "correct horse battery")
    said = {"email": "grace@example.com", "password": "correct horse battery"}
    assert [APIClient().post(LOGIN, said).status_code for _ in range(2)] == [200, 200]
    assert sum("requests are not counted" in record.getMessage() for record in caplog.records) == 1  # not one each


def test_a_redis_that_takes_no_writes_is_no_reason_to_fail_either(administrator, settings, monkeypatch):
    settings.REQUESTS_PER_MINUTE = 1

    def full(self, *commands, **more):
        raise redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'.")

    monkeypatch.setattr(redis.client.Pipeline, "execute", full)
    assert [administrator.get(CONTRACTS).status_code for _ in range(2)] == [200, 200]


def test_one_round_trip_counts_a_request(administrator, settings, monkeypatch):
    settings.REQUESTS_PER_MINUTE = 100
    sent = []
    send = redis.connection.Connection.send_packed_command
    for kind in (redis.connection.Connection, redis.connection.UnixDomainSocketConnection):
        monkeypatch.setattr(
            kind, "send_packed_command", lambda self, *args, **more: sent.append(1) or send(self, *args, **more)
        )
    administrator.get(CONTRACTS)  # connects
    sent.clear()
    administrator.get(CONTRACTS)
    assert len(sent) == 1


def test_processes_count_together():
    who = uuid4().hex
    quota = Quota("test", 100, 60)
    code = (
        "import django; django.setup();"
        "from people import throttles; from people.throttles import Quota, spend;"
        f"throttles.PREFIX = '{throttles.PREFIX}';"
        f"print(max(spend(Quota('test', 100, 60), '{who}').used for _ in range(20)))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    highest = [int(process.communicate()[0]) for process in running]
    assert max(highest) == 40
    assert spend(quota, who).used == 41


def test_a_window_ends():
    quota, who = Quota("test", 1, 1), uuid4().hex
    assert [spend(quota, who).exceeded for _ in range(2)] == [False, True]
    time.sleep(1.1)
    assert not spend(quota, who).exceeded


# --- Log-in -----------------------------------------------------------------------------------------------------------


def log_in(password, email="grace@example.com", **more):
    return APIClient().post(LOGIN, {"email": email, "password": password}, **more)


def test_log_in_is_slowed_down_per_account_whether_or_not_it_exists(db, settings):
    settings.LOGIN_ATTEMPTS = 3
    User.objects.create_user("grace@example.com", "correct horse battery")
    for email in ("grace@example.com", "nobody@example.com"):
        answers = [log_in("wrong", email.upper(), REMOTE_ADDR=f"192.0.2.{n}") for n in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert [error["code"] for error in answers[-1].json()["errors"]] == ["throttled"]
        assert 290 <= int(answers[-1]["Retry-After"]) <= 300
    assert log_in("correct horse battery").status_code == 429


def test_who_logs_in_begins_anew(db, settings):
    settings.LOGIN_ATTEMPTS = 2
    User.objects.create_user("grace@example.com", "correct horse battery")
    passwords = ["wrong", "correct horse battery"] * 3
    assert [log_in(password).status_code for password in passwords] == [401, 200] * 3


def test_log_in_is_slowed_down_per_address(db, settings):
    settings.LOGIN_ATTEMPTS_PER_ADDRESS = 2
    answers = [log_in("wrong", f"{n}@example.com") for n in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert log_in("wrong", REMOTE_ADDR="192.0.2.9").status_code == 401


def test_the_admins_log_in_is_the_same_door(db, settings):
    settings.LOGIN_ATTEMPTS = 2
    User.objects.create_user("grace@example.com", "correct horse battery", roles=["viewer"])
    login = reverse("admin:login")
    assert log_in("wrong").status_code == 401
    page = Client().post(login, {"username": "grace@example.com", "password": "wrong"}).content.decode()
    assert "Please enter the correct" in page
    page = Client().post(login, {"username": "grace@example.com", "password": "correct horse battery"})
    assert page.status_code == 200
    assert "Too many attempts to log in. Try again in" in page.content.decode()
    assert log_in("correct horse battery").status_code == 429


# --- Whose address ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("connected", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),  # one customer has them all
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),  # a unix socket
        ("not an address", "unknown"),
    ],
)
def test_an_address_counts_for(connected, counted):
    assert address(RequestFactory().get("/", REMOTE_ADDR=connected)) == counted


@pytest.mark.parametrize(
    ("connected", "forwarded", "found"),
    [
        ("203.0.113.5", "192.0.2.1", "203.0.113.5"),  # not from a proxy of ours: said by anybody
        ("10.1.2.3", "192.0.2.1", "192.0.2.1"),
        ("10.1.2.3", "198.51.100.7, 192.0.2.1", "192.0.2.1"),  # what the client itself put in front
        ("10.1.2.3", "198.51.100.7, 192.0.2.1, 10.9.9.9", "192.0.2.1"),  # through two proxies
        ("10.1.2.3", "", "10.1.2.3"),
    ],
)
def test_forwarded_addresses_are_believed_of_trusted_proxies_alone(settings, monkeypatch, connected, forwarded, found):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    seen = {}
    monkeypatch.setattr("django.core.wsgi.get_wsgi_application", lambda: lambda environ, start: seen.update(environ))
    application = runpy.run_path(str(CHECKOUT / "config" / "wsgi.py"))["application"]
    application({"REMOTE_ADDR": connected, "HTTP_X_FORWARDED_FOR": forwarded}, None)
    assert seen["REMOTE_ADDR"] == found


def test_logs_have_the_address_that_is_counted(db, caplog):
    with caplog.at_level("INFO"):
        APIClient().get(
            KEYS, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="198.51.100.7", HTTP_X_REAL_IP="198.51.100.7"
        )
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert {event.get("ip") for event in told if event.get("event") == "request_finished"} == {"192.0.2.1"}
    assert "198.51.100.7" not in str(told)
