"""A POST that is repeated under its Idempotency-Key is answered as before, and nothing is done twice."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.urls import get_resolver
from rest_framework.test import APIClient

from alerts.models import Check
from alerts.views.checks import ChecksViewSet
from people import idempotency
from people.idempotency import Repeatable
from people.models import KeptAnswer, User
from tests.alerts.conftest import World, live_world, world

__all__ = ["live_world", "world"]

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'
DOCUMENT = {"purpose": "new_contract", "reference": "PO-1", "kind": "purchase", "supplier": "GANJ", "buyer": "AOYA"}
SECRETS = {
    "auth/token",
    "oauth/token",
    "calendar",
    "webhooks/{}/rotate",
    "service-accounts/{}/credentials",
    "service-accounts/{}/credentials/{}/rotate",
}
"""Their answers hold a secret that is shown once."""


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def erp(world: World) -> APIClient:
    return client_of(world.user("erp@example.com", roles=["administrator"]))


def ask(client: APIClient, reference: str = "PO-1", key: str | None = KEY) -> Any:
    headers = {} if key is None else {"idempotency-key": key}
    body = {"documents": [{**DOCUMENT, "reference": reference}]}
    return client.post("/api/v1/checks", body, format="json", headers=headers)


def asked() -> list[str]:
    """The documents of the checks that were made."""
    return list(Check.objects.order_by("id").values_list("reference", flat=True))


def test_the_second_time_it_is_answered_as_the_first(erp: APIClient) -> None:
    first, second = ask(erp), ask(erp)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert (first.headers.get("Idempotent-Replayed"), second.headers["Idempotent-Replayed"]) == (None, "true")
    assert second.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert asked() == ["PO-1"]


def test_without_a_key_or_with_another_it_is_done_again(erp: APIClient) -> None:
    for key in (KEY, None, "another", None):
        assert ask(erp, key=key).status_code == 200
    assert len(asked()) == 4


def test_a_key_in_quotes_and_without_is_one(erp: APIClient) -> None:
    ask(erp, key='"abc"')
    assert ask(erp, key="abc").headers["Idempotent-Replayed"] == "true"


def test_with_another_request_the_key_is_refused(erp: APIClient) -> None:
    ask(erp)
    other = ask(erp, "PO-2")
    assert (other.status_code, other.headers["Content-Type"]) == (422, "application/problem+json")
    assert other.json()["errors"][0]["code"] == "idempotency_key_reused"
    same = {"documents": [DOCUMENT]}
    elsewhere = erp.post("/api/v1/checks/verify", same, format="json", headers={"idempotency-key": KEY})
    assert elsewhere.status_code == 422
    assert asked() == ["PO-1"]


def test_a_key_belongs_to_whoever_sent_it(erp: APIClient, world: World) -> None:
    other = client_of(world.user("other@example.com", roles=["administrator"]))
    ask(erp)
    assert "Idempotent-Replayed" not in ask(other).headers
    assert len(asked()) == 2


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        "two words",
        '"unclosed',
        '"a"b"',
        "x" * 256,
        "schlüssel",
    ],
)
def test_what_is_no_key_is_refused(erp: APIClient, key: str) -> None:
    answer = ask(erp, key=key)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_idempotency_key")
    assert asked() == []


def test_while_the_first_is_at_work_the_second_is_told_so(erp: APIClient) -> None:
    at_work(erp)
    answer = ask(erp)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "The request with this Idempotency-Key is still at work; ask again in a moment.",
    )
    assert asked() == ["PO-1"]


def test_the_key_of_a_request_that_died_is_free_when_its_lease_ends(erp: APIClient) -> None:
    at_work(erp)
    past("lease_until")
    assert "Idempotent-Replayed" not in ask(erp).headers
    assert ask(erp).headers["Idempotent-Replayed"] == "true"
    assert asked() == ["PO-1", "PO-1"]


def test_whoever_lost_its_lease_keeps_nothing(erp: APIClient) -> None:
    lost = at_work(erp)
    past("lease_until")
    first = ask(erp)
    lost.keep(200, {}, b"late")
    lost.free()
    assert ask(erp).content == first.content


def test_an_answer_is_kept_for_a_day(erp: APIClient) -> None:
    ask(erp)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM people_keptanswer")
        (seconds,) = cursor.fetchone() or (0,)
    assert 24 * 3600 - 60 < seconds <= 24 * 3600
    assert idempotency.forget_expired() == 0
    past("expires_at")
    assert "Idempotent-Replayed" not in ask(erp).headers
    past("expires_at")
    assert idempotency.forget_expired() == 1
    assert not KeptAnswer.objects.exists()


def test_a_refusal_is_kept_and_a_failure_is_not(erp: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        refused = erp.post("/api/v1/checks", {"documents": []}, format="json", headers={"idempotency-key": KEY})
        assert refused.status_code == 400
    assert refused.headers["Idempotent-Replayed"] == "true"
    assert refused.headers["Content-Type"] == "application/problem+json"

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("planted")

    erp.raise_request_exception = False
    with monkeypatch.context() as planted:
        planted.setattr(ChecksViewSet, "ask", fails)
        assert ask(erp, key="again").status_code == 500
    assert ask(erp, key="again").status_code == 200
    assert asked() == ["PO-1"]


def test_who_may_not_takes_no_key(world: World) -> None:
    assert ask(client_of(world.user("nobody@example.com", roles=[]))).status_code == 403
    assert ask(APIClient()).status_code == 401
    assert not KeptAnswer.objects.exists()


def test_checks_are_made_once_and_their_receipts_are_the_same(erp: APIClient, world: World) -> None:
    ask = {"path": "/api/v1/checks", "data": {"documents": [DOCUMENT]}, "format": "json"}
    first, second = (erp.post(**ask, headers={"idempotency-key": KEY}) for _ in range(2))
    assert first.status_code == 200
    assert second.json()["results"][0]["receipt"] == first.json()["results"][0]["receipt"]
    assert Check.objects.count() == 1


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_streamed_answers_are_kept_too(erp: APIClient, world: World, content_type: str) -> None:
    row = '{"reference": "V-1", "kind": "company"}'
    body = row if "nd" in content_type else f"[{row}]"
    first, second = (
        erp.generic("POST", "/api/v1/organizations/bulk", body, content_type, headers={"idempotency-key": KEY})
        for _ in range(2)
    )
    told = b"".join(first.streaming_content)
    assert b'"outcome": "created"' in told
    assert (second.content, second.headers["Content-Type"]) == (told, content_type)


def test_of_an_answer_that_is_too_long_it_is_kept_that_it_was_given(
    erp: APIClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEPT", 100)
    rows = [{"reference": f"V-{number}", "kind": "company"} for number in range(20)]
    first, second = (
        erp.post("/api/v1/organizations/bulk", rows, format="json", headers={"idempotency-key": KEY}) for _ in range(2)
    )
    assert b"".join(first.streaming_content).count(b'"outcome": "created"') == 20
    assert (second.status_code, second.json()["status_given"]) == (409, 200)


def test_what_answers_with_a_secret_takes_no_key(erp: APIClient, world: World) -> None:
    for path in ("calendar", "auth/token"):
        answer = erp.post(f"/api/v1/{path}", {}, format="json", headers={"idempotency-key": KEY})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_repeatable"), path
    assert not KeptAnswer.objects.exists()


def test_every_post_takes_a_key_or_answers_with_a_secret() -> None:
    (resolver,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    posts, secret = 0, set()
    for pattern in resolver.url_patterns:
        view = pattern.callback.cls
        action = getattr(pattern.callback, "actions", {}).get("post")
        if action is None and not hasattr(view, "post"):
            continue
        assert issubclass(view, Repeatable), pattern
        posts += 1
        if (action or "post") in view.secret_actions:
            secret.add(re.sub(r"<\w+:\w+>", "{}", str(pattern.pattern)))
    assert (posts >= 29, secret) == (True, SECRETS)


def test_of_fifty_at_once_one_is_carried_out(live_world: World) -> None:
    user = live_world.user("erp@example.com", roles=["administrator"])
    together = Barrier(10)

    def send(_: int) -> tuple[int, bool]:
        client = client_of(user)
        together.wait(timeout=30)
        try:
            answer = ask(client)
            return answer.status_code, "Idempotent-Replayed" in answer.headers
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(50)))
    assert asked() == ["PO-1"]
    assert answers.count((200, False)) == 1
    assert {status for status, _ in answers} == {200, 409}


def at_work(client: APIClient) -> idempotency.Claim:
    """The claim of a request that has begun, and has not answered yet."""
    ask(client)
    KeptAnswer.objects.update(status=None, headers={}, body=None)
    kept = KeptAnswer.objects.get()
    return idempotency.Claim(kept.user_id, kept.key, kept.token)


def past(moment: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE people_keptanswer SET {moment} = clock_timestamp() - interval '1 second'")
