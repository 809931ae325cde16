"""One attempt, against a real web server that answers well, badly, slowly, endlessly or not at all."""

import shutil
import socket
import ssl
import subprocess
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from alerts.webhooks import addresses, sender
from alerts.webhooks.sender import Outcome, post, retry_after
from tests.webhooks.conftest import (
    Receiver,
    endless_continue,
    huge,
    huge_headers,
    hung_up,
    no_http,
    serving,
    silent,
    trickling,
)

AT = datetime(2026, 1, 13, 0, 0, tzinfo=UTC)


def send(url: str, seconds: float = 1, body: str = '{"title":"镝"}') -> Outcome:
    return post(url, body, {"webhook-id": "msg_1"}, deadline=time.monotonic() + seconds, at=AT)


def test_what_arrives_is_what_was_sent(receiver: Receiver) -> None:
    outcome = send(receiver.url("/in?tenant=1"))
    assert outcome == Outcome(sender.Fate.DELIVERED, 200, "OK")
    (got,) = receiver.received
    assert (got.path, got.body) == ("/in?tenant=1", '{"title":"镝"}')
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["webhook-id"] == "msg_1"
    assert got.headers["user-agent"] == "Tocsin-Webhooks/1"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_acceptance(receiver: Receiver, status: int) -> None:
    receiver.always = status
    assert send(receiver.url()).fate == "delivered"


@pytest.mark.parametrize(
    ("status", "fate", "ailing"),
    [
        (300, "failed", True),
        (304, "failed", True),
        (400, "failed", False),
        (401, "failed", False),
        (404, "failed", False),
        (408, "failed", True),
        (410, "gone", False),
        (422, "failed", False),
        (429, "failed", True),
        (500, "failed", True),
        (503, "failed", True),
        (599, "failed", True),
    ],
)
def test_everything_else_is_not(receiver: Receiver, status: int, fate: str, ailing: bool) -> None:
    receiver.always = status
    outcome = send(receiver.url())
    assert (outcome.fate, outcome.status, outcome.ailing) == (fate, status, ailing)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_failures_and_never_followed(receiver: Receiver, status: int) -> None:
    receiver.always = (status, {"Location": receiver.url("/elsewhere")})
    outcome = send(receiver.url())
    assert [one.path for one in receiver.received] == ["/hook"]
    assert outcome.fate == "failed"
    assert outcome.answer == f"{status}: redirects are not followed; register the address it leads to"


@pytest.mark.parametrize("behaviour", [silent, trickling, endless_continue], ids=lambda one: one.__name__)
def test_nobody_is_waited_for_longer_than_the_time_of_an_attempt(receiver: Receiver, behaviour: Any) -> None:
    receiver.always = behaviour
    began = time.monotonic()
    outcome = send(receiver.url(), seconds=0.5)
    assert time.monotonic() - began < 1.5
    assert (outcome.fate, outcome.status, outcome.ailing) == ("failed", None, True)


@pytest.mark.parametrize("behaviour", [huge, huge_headers, no_http, hung_up], ids=lambda one: one.__name__)
def test_nonsense_and_floods_are_read_no_further_than_needed(receiver: Receiver, behaviour: Any) -> None:
    receiver.always = behaviour
    began = time.monotonic()
    outcome = send(receiver.url())
    assert time.monotonic() - began < 1.5
    assert (outcome.fate, outcome.ailing) == ("failed", True)
    assert len(outcome.answer) <= 500


def test_the_answer_to_a_refusal_is_kept_in_one_harmless_line(receiver: Receiver) -> None:
    receiver.always = 422
    assert send(receiver.url()).answer == "422 Unprocessable Entity: said the receiver"

    def rude(connection: Any) -> None:
        connection.wfile.write(b"HTTP/1.1 400 No\r\nContent-Length: 15\r\n\r\na\n\x00\xff\xe2\x80\xaeb<b>\x1b[31m")

    receiver.always = rude
    assert "\n" not in (answer := send(receiver.url()).answer)
    assert "\u202e" not in answer
    assert "\x00" not in answer


def test_a_port_on_which_nobody_listens_is_a_failure_of_the_endpoint(settings: Settings) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        outcome = send(f"http://127.0.0.1:{nobody.getsockname()[1]}/")
    assert (outcome.fate, outcome.status, outcome.ailing) == ("failed", None, True)
    assert "ConnectionRefusedError" in outcome.answer


def test_an_attempt_whose_time_is_over_sends_nothing(receiver: Receiver) -> None:
    """As for a process that was stopped for long between the claim and the sending."""
    assert send(receiver.url(), seconds=-1).answer == "no answer in time"
    assert receiver.received == []


def test_the_next_address_is_tried_where_one_does_not_answer(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "resolve", lambda place: ["127.99.0.1", "127.0.0.1"])
    assert send(receiver.url()).fate == "delivered"


def test_proxies_of_the_environment_are_not_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert send(receiver.url()).fate == "delivered"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        (format_datetime(AT + timedelta(minutes=3), usegmt=True), 180),
        ("Tue, 13 Jan 2026 00:10:00 -0000", 600),
        (format_datetime(AT - timedelta(hours=1), usegmt=True), 0),
        ("999999999", 999_999_999),
        ("9" * 40, None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Tue, 99 Jan 2026 00:10:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, AT) == seconds


@pytest.mark.parametrize(("status", "heard"), [(429, 77), (503, 77), (500, None), (200, None)])
def test_it_is_heard_where_it_means_something(receiver: Receiver, status: int, heard: float | None) -> None:
    receiver.always = (status, {"Retry-After": "77"})
    assert send(receiver.url()).retry_after == heard


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for erp.example.com, which is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=erp.example.com -keyout key.pem -out cert.pem"
    command = ["openssl", *request.split(), "-addext", "subjectAltName=DNS:erp.example.com"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.parametrize(
    ("host", "trusted", "said"),
    [
        ("erp.example.com", True, "OK"),
        ("other.example.com", True, "Hostname mismatch"),
        ("erp.example.com", False, "self-signed certificate"),
    ],
)
def test_tls_verifies_the_name_though_the_connection_goes_to_an_address(
    authority: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, said: str
) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    asked: list[str | None] = []
    server.sni_callback = lambda _sock, name, _context: asked.append(name)
    client = ssl.create_default_context(cafile=authority / "cert.pem" if trusted else None)
    monkeypatch.setattr(sender, "tls", lambda: client)
    monkeypatch.setattr(addresses, "resolve", lambda place: ["127.0.0.1"])
    with serving(Receiver(), lambda sock: server.wrap_socket(sock, server_side=True)) as receiver:
        outcome = send(f"https://{host}:{receiver.port}/", seconds=5)
    assert said in outcome.answer
    assert asked == [host]
    assert len(receiver.received) == (1 if said == "OK" else 0)
