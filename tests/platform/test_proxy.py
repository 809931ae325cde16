"""The proxy of the production shape: whole requests only, the product's own limits, its only door."""

import getpass
import http.client
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from threading import Thread

import pytest
import yaml
from django.conf import settings

from alerts.urls import urlpatterns
from alerts.views.bulk import MOST_BYTES
from config.embedded.places import CHECKOUT
from config.request_ids import DECENT
from people.resources import TooLarge

FILE = (CHECKOUT / "docker" / "nginx.conf").read_text()
COMPOSE = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
LIMITS = [int(megabytes) * 1024 * 1024 for megabytes in re.findall(r"client_max_body_size (\d+)m;", FILE)]
OPERATOR = "127.0.0.9"
"""In the place of the machine that runs the containers."""


def test_nobody_reaches_the_web_server_but_the_proxy():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:8000:8080"], "mailpit": ["127.0.0.1:8025:8025"]}
    assert {name for name, service in SERVICES.items() if "front" in service.get("networks", ())} == {"proxy", "web"}
    assert SERVICES["proxy"]["networks"] == ["front"]
    assert "./docker/nginx.conf:/etc/nginx/nginx.conf:ro" in SERVICES["proxy"]["volumes"]
    assert "listen 8080;" in FILE
    assert "server web:8000 resolve;" in FILE


def test_the_web_server_believes_the_proxy_and_the_proxy_the_machine_it_runs_on():
    (front,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == front["subnet"]
    assert ip_address(front["gateway"]) in ip_network(front["subnet"])
    assert set(re.findall(r"\b10(?:\.\d+){3}\b", FILE)) == {front["gateway"]}


def test_the_limits_are_those_of_the_product():
    assert LIMITS == [settings.DATA_UPLOAD_MAX_MEMORY_SIZE, MOST_BYTES]
    (long_ones,) = re.findall(r"location ~ (\^/api/v1/\S+bulk\$)", FILE)
    bulk = {path.name for path in urlpatterns if getattr(path.callback, "actions", {}).get("post") == "bulk"}
    assert bulk == {"contracts-bulk", "organizations-bulk"}
    assert {path.name for path in urlpatterns if re.match(long_ones, f"/api/v1/{path.pattern}")} == bulk


def test_its_problems_are_worded_as_the_products():
    problems = [(int(code), json.loads(text)) for code, text in re.findall(r"return (\d+) '(.*)';", FILE)]
    assert [code for code, _ in problems] == [413, 429, 502, 504]
    for code, problem in problems:
        (error,) = problem["errors"]
        assert (problem["status"], problem["title"]) == (code, HTTPStatus(code).phrase)
        assert problem["type"] == f"urn:tocsin:problem:{'server' if code >= 500 else 'client'}_error"
        assert (problem["request_id"], problem["detail"], error["pointer"]) == ("$known_id", error["detail"], None)
    too_large = problems[0][1]["errors"][0]
    assert (too_large["code"], too_large["detail"]) == (TooLarge.default_code, TooLarge.default_detail)
    assert f'"~^{DECENT.pattern}$" $http_x_request_id;' in FILE


class Web(BaseHTTPRequestHandler):
    """Keeps what reached it: address, headers, length of the body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        self.server.heard.append((self.path, self.headers, len(self.rfile.read(length))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Proxy:
    """nginx with the file of the production shape; only addresses, places and one patience are others."""

    def __init__(self, place, web_port):
        self.log = place / "access.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        text = FILE
        for ours, here in {
            "user nginx;": f"user {getpass.getuser()};",
            "/run/nginx.pid": f"{place}/pid",
            "/dev/stderr": f"{place}/error.log",
            "/dev/stdout": str(self.log),
            "/var/cache/nginx": str(place),
            "web:8000 resolve": f"127.0.0.1:{web_port}",
            "listen 8080": f"listen 127.0.0.1:{self.port}",
            "10.87.17.1": OPERATOR,
            "client_body_timeout 20s": "client_body_timeout 2s",
            "worker_processes auto": "worker_processes 1",
        }.items():
            assert ours in text
            text = text.replace(ours, here)
        self.command = ["nginx", "-e", f"{place}/error.log", "-c", str(place / "nginx.conf")]
        (place / "nginx.conf").write_text(text)

    def ask(self, method, path, body=None, *, by="127.0.0.1", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10, source_address=(by, 0))
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def logged(self, request_id):
        """Every line up to that of this request; nginx writes it when its answer has left."""
        deadline = time.monotonic() + 10
        while f" id={request_id}\n" not in (text := self.log.read_text()):
            assert time.monotonic() < deadline, text
            time.sleep(0.02)
        return text

    def begin(self, text):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(text)
        return connection


@pytest.fixture(scope="module")
def web() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    server.heard = []
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, web) -> Iterator[Proxy]:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    proxy = Proxy(tmp_path_factory.mktemp("proxy"), web.server_port)
    tried = subprocess.run([*proxy.command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    with subprocess.Popen([*proxy.command, "-g", "daemon off;"]) as running:
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", proxy.port)) == 0:
                    break
            time.sleep(0.05)
        yield proxy
        running.terminate()


def test_half_a_request_reaches_nobody_holds_up_nobody_and_is_given_up(proxy, web):
    web.heard.clear()
    body = b'POST /api/v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"documents": ['
    with ExitStack() as slow:
        halves = [slow.enter_context(proxy.begin(body)) for _ in range(50)]
        heads = [slow.enter_context(proxy.begin(b"GET / HTTP/1.1\r\nHost: loc")) for _ in range(50)]
        assert (len(halves), len(heads)) == (50, 50)
        assert proxy.ask("GET", "/health/live")[0].status == 200
        assert halves[0].recv(1) == b""
    assert [path for path, *_ in web.heard] == ["/health/live"]


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/checks", LIMITS[0]),
        ("/api/v1/contracts/bulk/close", LIMITS[0]),
        ("/admin/login/", LIMITS[0]),
        ("/api/v1/contracts/bulk?dry_run=true", LIMITS[1]),
        ("/api/v1/organizations/bulk", LIMITS[1]),
    ],
)
def test_a_body_is_passed_up_to_the_limit_and_refused_beyond_it(proxy, web, path, most):
    assert proxy.ask("POST", path, b" " * most)[0].status == 200
    assert (web.heard[-1][0], web.heard[-1][2]) == (path, most)
    before = len(web.heard)
    with proxy.begin(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {most + 1}\r\n\r\n".encode()) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert len(web.heard) == before


def test_what_is_too_large_is_a_problem_with_the_clients_id(proxy):
    answer, content = proxy.ask("POST", "/api/v1/checks", b" " * (LIMITS[0] + 1), X_Request_ID="erp-4711")
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert (answer.headers["X-Request-ID"], json.loads(content)["request_id"]) == ("erp-4711", "erp-4711")
    assert answer.headers["Server"] == "nginx"  # and no version


@pytest.mark.parametrize(
    ("by", "sent", "heard"),
    [
        # a client is who it is connected as, whatever it says
        ("127.0.0.1", {"X_Forwarded_For": "203.0.113.7", "X_Forwarded_Proto": "https"}, ("127.0.0.1", "http")),
        # the operator's proxy says whom it forwards for: the last it saw, not the first that was claimed
        (OPERATOR, {"X_Forwarded_For": "10.0.0.1, 192.0.2.9", "X_Forwarded_Proto": "https"}, ("192.0.2.9", "https")),
        (OPERATOR, {}, (OPERATOR, "http")),
    ],
)
def test_the_web_server_hears_who_the_client_is(proxy, web, by, sent, heard):
    proxy.ask("GET", "/api/v1/contracts", by=by, Host="tocsin.example:8000", **sent)
    headers = web.heard[-1][1]
    assert (headers.get_all("X-Forwarded-For"), headers["X-Forwarded-Proto"]) == ([heard[0]], heard[1])
    assert headers["Host"] == "tocsin.example:8000"


@pytest.mark.parametrize(("sent", "kept"), [("erp-4711", True), ("x" * 65, False), ('a"b', False)])
def test_a_request_has_one_id_in_both_logs(proxy, web, sent, kept):
    proxy.ask("GET", "/api/v1/contracts", X_Request_ID=sent)
    (known,) = web.heard[-1][1].get_all("X-Request-ID")
    assert (known == sent) is kept
    assert proxy.logged(known)


def test_figures_are_for_this_machine_and_keys_for_no_log(proxy):
    asked = [proxy.ask("GET", "/metrics", by=by)[0].status for by in (OPERATOR, "127.0.0.1")]
    assert asked == [200, 403]
    assert proxy.ask("GET", "/metrics", by=OPERATOR, X_Forwarded_For="203.0.113.9")[0].status == 403
    assert proxy.ask("GET", "//x/../%6detrics")[0].status == 403
    for path in ("/calendar/a-key.ics", "/acknowledge/a-key"):
        assert proxy.ask("GET", path)[0].status == 200
    proxy.ask("GET", "/", X_Request_ID="after-keys")
    assert "a-key" not in proxy.logged("after-keys")


def test_one_address_has_a_hundred_requests_at_once_and_others_still_theirs(proxy):
    half = b"POST /api/v1/checks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    with ExitStack() as slow:
        for _ in range(100):
            slow.enter_context(proxy.begin(half))
        answer, content = proxy.ask("GET", "/api/v1/contracts")
        assert (answer.status, answer.headers["Retry-After"], json.loads(content)["status"]) == (429, "1", 429)
        assert proxy.ask("GET", "/api/v1/contracts", by="127.0.0.5")[0].status == 200
