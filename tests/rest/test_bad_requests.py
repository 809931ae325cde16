"""A corpus of bad requests, every address with every fault: each is the sender's error, said as a problem, at once."""

import time
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest
from django.db import connection

from config.problem_codes import CODES

SECONDS = 2
JSON = "application/json"
PATCH = "application/merge-patch+json"
HUGE = 10 * 1024 * 1024


class Bad(NamedTuple):
    verb: str
    address: str
    status: frozenset[int]
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


OBJECTS = {
    # address: an object that would be good there
    "departments/MAGNET": b'{"reference": "MAGNET"%s}',
    "users/new@example.com": b'{"email": "new@example.com"%s}',
    "organizations/NEW": b'{"reference": "NEW"%s}',
    "contracts/NEW": b'{"reference": "NEW", "kind": "purchase", "supplier": "SULA", "buyer": "AOM-US"%s}',
    "policy-changes/NEW": b'{"reference": "NEW", "timezone": "Asia/Tokyo"%s}',
    "party-lists/NEW": b'{"reference": "NEW", "timezone": "Asia/Tokyo"%s}',
    "licences/NEW": b'{"reference": "NEW", "exporter": "SULA"%s}',
}
ACTS = ["flags/1/acknowledge", "flags/1/assign", "flags/1/comment", "flags/1/dismiss", "flags/1/mitigate"]
POSTS = [*ACTS, "flags/1/reopen", "contracts/bulk/close", "auth/token", "webhooks/X/replay", "webhooks/X/rotate"]
NOT_OBJECTS = [b"[]", b'"x"', b"1", b"true", b"[[[[]]]]"]
BROKEN = [
    b"{",
    b'{"a": }',
    b"\xff\xfe",
    b'{"a": "\xed\xa0\x80"}',
    b"\x00",
    b'{"a": "\x00"}',
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": -Infinity}',
    b'{"reference": "A", "reference": "A"}',
    b'{"a": 1} {"a": 1}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]
FAULTS = [
    b', "colour": "red"',
    b', "reference": null, "email": null',
    b', "__proto__": {}',
    b', "id": 1',
    b', "version": 7',
    b', "provenance": {}',
    b', "is_superuser": true',
    b', "\\u0000": 1',
    b', "\\ud800": 1',
    b', "a.b/c~d": 1',
    b', "name": "\\u0000", "title": "\\u0000"',
    b', "name": "\\ud800", "title": "\\udfff"',
    b', "name": 7, "title": 7',
    b', "name": [], "title": {}',
    b', "name": "' + b"x" * 600 + b'", "title": "' + b"x" * 600 + b'"',
    b', "x": ' + b"9" * 5000,
    b', "x": 1e99999',
    b', "x": ' + b"[" * 900 + b"]" * 900,
    b"".join(b', "k%d": 1' % number for number in range(20_000)),
]
LISTS = ["departments", "users", "organizations", "suppliers", "contracts", "policy-changes", "party-lists", "licences"]
LEDGERS = ["flags", "messages", "runs", "set-aside", "webhooks", "webhook-deliveries", "jobs"]
QUERIES = [
    "nonsense=1",
    "limit=0",
    "limit=1001",
    "limit=-1",
    "limit=x",
    "limit=%00",
    "limit=",
    "limit=1&limit=2",
    "cursor=x",
    "cursor=%00",
    "cursor=bnVsbA",
    "cursor=eyJhIjoxfQ",
    "cursor=W10",
    "cursor=" + "A" * 5000,
    "cursor=%ED%A0%80",
    "ordering=x",
    "ordering=reference;DROP",
    "ordering=-",
    "fields=x",
    "fields=__class__",
    "fields=,",
    "format=xml",
    "reference__startswith=A",
]
FILTERS = {
    "contracts": ["kind", "expires_before"],
    "organizations": ["kind", "is_supplier"],
    "policy-changes": ["status", "formality", "revised"],
    "licences": ["valid_until_before"],
    "flags": ["kind", "certainty", "basis", "open", "state", "act_by_before"],
    "messages": ["state"],
    "runs": ["cause", "finished"],
    "webhook-deliveries": ["state", "type"],
}
VALUES = ["", "x", "%00", "0001-01-01", "9999-12-31", "2026-02-30", "' OR 1=1 --", "%F0%28%8C"]


def corpus() -> Iterator[Bad]:
    refused, bad, gone = frozenset({400}), frozenset({400, 404, 409}), frozenset({404})
    for address, body in product(OBJECTS, [*BROKEN, *NOT_OBJECTS]):
        yield Bad("put", address, refused, body)
    for (address, good), fault in product(OBJECTS.items(), FAULTS):
        yield Bad("put", address, refused, good.replace(b"%s", fault))
    for address, body in product(OBJECTS, [*BROKEN[:8], *NOT_OBJECTS]):
        yield Bad("patch", address, bad, body, PATCH, (("If-Match", "*"),))
    for address, body in product(POSTS, [*BROKEN, b'"x"', b"[1]"]):
        yield Bad("post", address, bad | {401}, body)
    for name, query in product([*LISTS, *LEDGERS], QUERIES):
        yield Bad("get", f"{name}?{query}", refused)
    for name, filters in FILTERS.items():
        for parameter, value in product(filters, VALUES):
            yield Bad("get", f"{name}?{parameter}={value}", refused)
    for name, kind in product(OBJECTS, ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x"]):
        yield Bad("put", name, frozenset({415}), b"{}", kind)
    for name in OBJECTS:
        yield Bad("put", name, frozenset({413}), b'{"name": "' + b"x" * HUGE + b'"}')
        yield Bad("delete", name, frozenset({428}))
        yield Bad("patch", name, frozenset({428}), b"{}", PATCH)
        yield Bad("post", name, frozenset({405}), b"{}")
        yield Bad("get", name, frozenset({406, 404}), headers=(("Accept", "text/html"),))
        yield Bad("put", name, frozenset({412}), OBJECTS[name].replace(b"%s", b""), JSON, (("If-Match", '"no"'),))
    for name in [*LISTS, *LEDGERS]:
        yield Bad("post", name, frozenset({405}), b"{}")
        yield Bad("get", f"{name}/%00", gone)
        yield Bad("get", f"{name}/{'9' * 400}", gone)
        yield Bad("get", f"{name}/..%2f..%2fetc", gone)
    for query in ("after=x", "after=%00", "types=x", "types=", "limit=x", "after=now&after=now", "since=1"):
        yield Bad("get", f"changes?{query}", refused)
    for address in ("contracts/bulk", "organizations/bulk"):
        for body in (*BROKEN, *NOT_OBJECTS[1:4]):
            yield Bad("post", address, refused, body)


@pytest.mark.filterwarnings("ignore")
def test_every_bad_request_is_answered_with_a_problem_and_at_once(administrator):
    requests = list(corpus())
    wrong = []
    assert administrator.get("/api/v1/contracts?limit=1").status_code == 200  # the first one loads everything
    with connection.cursor() as cursor:  # most of them never reach the database, which must not hang up meanwhile
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    for number, one in enumerate(requests):
        began = time.perf_counter()
        headers = {"X-Request-ID": f"bad-{number}", **dict(one.headers)}
        call = getattr(administrator, one.verb)
        content = {} if one.verb in ("get", "delete") else {"data": one.body, "content_type": one.content_type}
        answer = call(f"/api/v1/{one.address}", **content, headers=headers)
        took = time.perf_counter() - began
        problem = answer.json() if answer["Content-Type"] == "application/problem+json" else {}
        good = answer.status_code in one.status and problem.get("request_id") == f"bad-{number}" and problem["errors"]
        known = {error["code"] for error in problem.get("errors", ())} <= CODES.keys()
        if not good or not known or took > SECONDS:
            wrong.append((one._replace(body=one.body[:60]), answer.status_code, round(took, 2), answer.content[:200]))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(requests) > 1100
