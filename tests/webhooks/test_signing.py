"""Signatures against the standard's own vector, the reference library and a computation by hand."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts.webhooks.signing import new_secret, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}'
MOMENT = datetime.fromtimestamp(1614265330, UTC)
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def by_hand(secret: str, message: str, timestamp: int, body: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    content = f"{message}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_the_reference_vector() -> None:
    assert signed(MESSAGE, BODY, at=MOMENT, with_secrets=[SECRET]) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }
    assert by_hand(SECRET, MESSAGE, 1614265330, BODY) == SIGNATURE


@pytest.mark.parametrize("body", ["", "{}", '{"title":"ジスプロシウム 镝 🧲"}', "\r\n", "x" * 100_000])
def test_what_is_signed_is_what_a_receiver_verifies(body: str) -> None:
    secret, now = new_secret(), datetime.now(UTC)
    headers = signed("msg_1", body, at=now, with_secrets=[secret])
    Webhook(secret).verify(body, headers, json_parse=False)
    assert headers["webhook-signature"] == by_hand(secret, "msg_1", int(now.timestamp()), body)


def test_fractions_of_a_second_are_cut_off_alike() -> None:
    at = datetime(2026, 1, 13, 0, 0, 0, 999_999, tzinfo=UTC)
    headers = signed("msg_1", "{}", at=at, with_secrets=[SECRET])
    assert headers["webhook-timestamp"] == "1768262400"
    assert headers["webhook-signature"] == by_hand(SECRET, "msg_1", 1768262400, "{}")


def test_while_a_secret_rotates_either_verifies_and_no_third() -> None:
    new, old, other = new_secret(), new_secret(), new_secret()
    headers = signed("msg_1", "{}", at=datetime.now(UTC), with_secrets=[new, old])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        Webhook(secret).verify("{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify("{}", headers)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 1)},
        {"webhook-signature": "v1," + base64.b64encode(b"x" * 32).decode()},
    ],
)
def test_whatever_is_altered_on_the_way_does_not_verify(spoiled: dict[str, str]) -> None:
    secret = new_secret()
    headers = {**signed("msg_1", "{}", at=datetime.now(UTC), with_secrets=[secret]), **spoiled}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify("{}", headers)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(24 <= len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) <= 64 for one in made)
