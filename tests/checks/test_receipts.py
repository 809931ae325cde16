"""Receipts: genuine with the public key alone, void when touched, and verified on while keys are rotated."""

import base64
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from alerts.checks import asking
from alerts.checks.receipts import Keys, digest
from alerts.models import Check
from config.embedded.places import CHECKOUT
from people.models import User
from tests.checks.conftest import AT, Ask, World, document

OLD, NEW = Keys.of_seeds([bytes(32)]), Keys.of_seeds([bytes(range(32)), bytes(32)])
CLAIMS = {"document": "PO-1", "decision": "clear", "name": "株式会社"}


def parts(receipt: str) -> list[Any]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in receipt.split(".")[:2]]


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_a_receipt_says_what_was_answered_and_is_stored(world: World, ask: Ask, buyer: User) -> None:
    world.change(measure={"effect": "ban", "scope": {"end_uses": ["military"]}})
    sent = document(end_use=None, department="MAG")
    (result,) = ask(sent)
    claims = asking.keys().verify(result["receipt"]).claims
    check = Check.objects.get()
    assert claims == {
        "iss": "http://localhost:8000",
        "sub": "erp@example.com",
        "jti": result["id"],
        "iat": int(AT.timestamp()),
        "document": "PO-1",
        "document_sha256": digest(sent),
        "purpose": "new_contract",
        "decision": "review",
        "lines": {"10": "review"},
        "measures": ["CN-REPORT/existing"],
        "release": None,
        "policy_version": check.policy_version,
        "checked_at": "2026-01-13T00:00:00Z",
        "valid_until": "2026-01-20T00:00:00Z",
        "watched_until": "2026-04-13T00:00:00Z",
    }
    assert (check.receipt, str(check.uuid), check.document) == (result["receipt"], result["id"], sent)
    assert (check.owner, check.department) == (buyer, world.magnets)


def test_the_digest_is_of_the_document_however_it_is_written() -> None:
    assert digest({"a": 1, "b": "ü"}) == digest(json.loads('{"b": "\\u00fc", "a": 1}'))
    assert digest({"a": 1}) != digest({"a": "1"})


def test_a_rotated_key_signs_and_the_old_one_still_verifies() -> None:
    before, after = OLD.sign(CLAIMS), NEW.sign(CLAIMS)
    assert (NEW.verify(before).claims, NEW.verify(after).claims) == (CLAIMS, CLAIMS)
    assert OLD.verify(after).wrong == "unknown_key"
    assert [key["kid"] for key in NEW.public()["keys"]] == [parts(after)[0]["kid"], parts(before)[0]["kid"]]
    assert all("d" not in key for key in NEW.public()["keys"])


def test_public_keys_are_enough() -> None:
    published = Keys.of_public(json.dumps(NEW.public()))
    assert published.verify(OLD.sign(CLAIMS)).claims == CLAIMS


def _tampered() -> dict[str, tuple[str, str]]:
    head, body, signature = OLD.sign(CLAIMS).split(".")
    other = OLD.sign({**CLAIMS, "decision": "blocked"}).split(".")
    header = parts(OLD.sign(CLAIMS))[0]
    hmac = OctKey.import_key({"kty": "oct", "k": OLD.public()["keys"][0]["x"]})
    confused = jws.serialize_compact({**header, "alg": "HS256"}, b"{}", hmac)
    return {
        "another decision": (f"{head}.{encoded({**CLAIMS, 'decision': 'blocked'})}.{signature}", "signature"),
        "another's signature": (f"{head}.{body}.{other[2]}", "signature"),
        "no signature": (f"{head}.{body}.", "signature"),
        "no algorithm": (f"{encoded({**header, 'alg': 'none'})}.{body}.", "other_kind"),
        "a public key as a password": (confused, "other_kind"),
        "another type": (f"{encoded({**header, 'typ': 'JWT'})}.{body}.{signature}", "other_kind"),
        "a header of its own": (f"{encoded({**header, 'jwk': {}})}.{body}.{signature}", "other_kind"),
        "another key": (f"{encoded({**header, 'kid': 'x'})}.{body}.{signature}", "unknown_key"),
        "a kid that is none": (f"{encoded({**header, 'kid': ['x']})}.{body}.{signature}", "unknown_key"),
        "nothing": ("", "malformed"),
        "two parts": (f"{head}.{body}", "malformed"),
        "no base64": ("!.!.!", "malformed"),
        "no JSON": ("eA.eA.eA", "malformed"),
        "a list": (f"{encoded([])}.{body}.{signature}", "malformed"),
        "very long": (f"{head}.{'A' * 200_000}.{signature}", "malformed"),
        "characters": (f"{head}.株.{signature}", "malformed"),
    }


TAMPERED = _tampered()


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_is_not_genuine_and_says_why(how: str) -> None:
    receipt, wrong = TAMPERED[how]
    found = OLD.verify(receipt)
    assert (found.claims, found.wrong) == (None, wrong)


def test_verifying_says_whether_it_expired_and_what_the_answer_is_now(world: World, ask: Ask, buyer: User) -> None:
    (result,) = ask(document())
    until = datetime.fromisoformat(result["valid_until"])
    for at, expired in ((until - timedelta(seconds=1), False), (until, True)):
        told = asking.verified(result["receipt"], by=buyer, at=at)
        assert (told["genuine"], told["expired"], told["stands"]) == (True, expired, "clear")
    stranger = User.objects.create_user("stranger@example.com", roles=["viewer"])
    assert asking.verified(result["receipt"], by=stranger, at=AT)["stands"] is None


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    sent = document()
    contents = {
        "receipt": OLD.sign({**CLAIMS, "document_sha256": digest(sent)}),
        "keys": json.dumps(OLD.public()),
        "document": json.dumps(sent, indent=4),
        "other": json.dumps(document(end_use="military")),
        "bad": "{}",
        "stranger": json.dumps(Keys.of_seeds([bytes(range(32))]).public()),
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return {name: str(tmp_path / name) for name in (*contents, "missing")}


# What the command is given, its status and what it says first.
COMMANDS: list[tuple[list[str], int, str]] = [
    (["receipt", "--keys", "keys"], 0, "genuine"),
    (["receipt", "--keys", "keys", "--document", "document"], 0, "genuine"),
    (["receipt", "--keys", "keys", "--document", "other"], 1, "genuine, but of another document"),
    (["bad", "--keys", "keys"], 1, "not genuine: malformed"),
    (["receipt", "--keys", "stranger"], 1, "not genuine: unknown_key"),
    (["receipt"], 2, ""),
    (["missing", "--keys", "keys"], 2, ""),
    (["receipt", "--keys", "bad"], 2, ""),
    (["receipt", "--keys", "keys", "--document", "receipt"], 2, ""),
]


@pytest.mark.parametrize(("given", "status", "first"), COMMANDS)
def test_the_command_needs_public_keys_and_nothing_else(
    files: dict[str, str], given: list[str], status: int, first: str
) -> None:
    """No settings and no environment: it says nothing of what the rest of the product would miss."""
    command = [sys.executable, "-m", "alerts.checks.verify", *(files.get(word, word) for word in given)]
    ended = subprocess.run(command, cwd=CHECKOUT, env={}, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.partition("\n")[0]) == (status, first)
    assert bool(ended.stderr) == (status == 2)
