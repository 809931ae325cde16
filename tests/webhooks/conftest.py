"""A receiver that does what a test tells it to, and endpoints that send to it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db.models import F
from pytest_django import Settings

from alerts.models import WebhookDelivery, WebhookEndpoint, WebhookType
from alerts.webhooks.signing import new_secret
from tests.alerts.conftest import World, live_world, world

__all__ = ["live_world", "world"]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: str

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A web server of this machine; `received` is the truth about what arrived, `answers` are used up one by one.

    An answer is a status, a status with headers, or a function that is given the connection.
    """

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    always: Any = 200

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def types(self) -> list[str]:
        return [one.content["type"] for one in self.received]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOKS_TO_LOOPBACK = True
    settings.WEBHOOK_TIMEOUT = 1
    made = Receiver()
    with serving(made):
        yield made


class serving:  # noqa: N801
    """The receiver on a free port, in threads of its own."""

    def __init__(self, receiver: Receiver, wrap: Callable[[Any], Any] | None = None) -> None:
        self.receiver, self.wrap = receiver, wrap

    def __enter__(self) -> Receiver:
        receiver = self.receiver

        class Hook(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                answer = receiver.answers.pop(0) if receiver.answers else receiver.always
                with suppress(OSError):
                    if callable(answer):
                        self.close_connection = True
                        answer(self)
                        return
                    status, more = answer if isinstance(answer, tuple) else (answer, {})
                    self.send_response(status)
                    for name, value in more.items():
                        self.send_header(name, value)
                    text = b"" if status == 204 else b"said the receiver"
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Hook)
        if self.wrap:
            self.server.socket = self.wrap(self.server.socket)
        receiver.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return receiver

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def silent(connection: BaseHTTPRequestHandler) -> None:
    """Takes the request and says nothing."""
    time.sleep(3)


def trickling(connection: BaseHTTPRequestHandler) -> None:
    """A byte of the answer at a time, each well within any time limit of a single reading."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
        connection.wfile.write(bytes([byte]))
        time.sleep(0.1)


def huge(connection: BaseHTTPRequestHandler) -> None:
    """Refuses with a body that never ends."""
    connection.wfile.write(b"HTTP/1.1 500 Oh\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        connection.wfile.write(b"no " * 20_000)


def huge_headers(connection: BaseHTTPRequestHandler) -> None:
    connection.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.wfile.write(b"X-Header: " + b"x" * 5_000 + b"\r\n")


def endless_continue(connection: BaseHTTPRequestHandler) -> None:
    while True:
        connection.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def no_http(connection: BaseHTTPRequestHandler) -> None:
    connection.wfile.write(b"\x15\x03\x01 this is not HTTP\r\n\r\n")


def hung_up(connection: BaseHTTPRequestHandler) -> None:
    connection.connection.close()


def endpoint(world: World, url: str, reference: str = "ERP", **fields: Any) -> WebhookEndpoint:
    """An endpoint of a buyer of the magnets department, for all events."""
    if "owner" not in fields:
        fields["owner"] = world.user(f"{reference.lower()}@example.com", roles=["buyer"])
        fields["owner"].departments.add(world.magnets)
    made = WebhookEndpoint.objects.create(
        **{"reference": reference, "url": url, "events": WebhookType.values, "secret": new_secret(), **fields}
    )
    made.refresh_from_db()
    return made


def pass_time(**waited: float) -> None:
    """As if so much time had passed on the database's clock."""
    ago = timedelta(**waited)
    WebhookDelivery.objects.update(next_attempt_at=F("next_attempt_at") - ago, lease_until=F("lease_until") - ago)
    WebhookEndpoint.objects.update(
        paused_until=F("paused_until") - ago,
        failing_since=F("failing_since") - ago,
        previous_secret_until=F("previous_secret_until") - ago,
    )
