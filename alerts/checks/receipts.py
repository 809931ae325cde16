"""Receipts of answers: JSON Web Signatures (RFC 7515) with Ed25519 (RFC 9864), verified with the public key alone.

No database and no Django: the offline command uses the same code. The first key signs; all of them verify, so that a
key is rotated by putting a new one in front. A key is known by its thumbprint (RFC 7638).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
TYPE = "tocsin-check+jws"
SEED_BYTES = 32
"""Of the secret of a key."""
LONGEST = 100_000
"""Characters of a receipt that is looked at."""

Wrong = Literal["malformed", "other_kind", "unknown_key", "signature"]
Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a receipt claims, or why it is none of ours."""

    claims: Claims | None
    wrong: Wrong | None = None


class Keys:
    """Keys by their thumbprints."""

    def __init__(self, keys: Sequence[OKPKey]) -> None:
        self._keys = {key.thumbprint(): key for key in keys}
        self._signing = next(iter(self._keys), None)

    @classmethod
    def of_seeds(cls, seeds: Sequence[bytes]) -> "Keys":
        """From the 32 secret bytes of each."""
        return cls([_key(seed) for seed in seeds])

    @classmethod
    def of_public(cls, text: str | bytes) -> "Keys":
        """From a JWK Set as text. ValueError where it is none, or holds no key of ours."""
        try:
            listed = json.loads(text)["keys"]
            found = [OKPKey.import_key(key) for key in listed if key.get("crv") == "Ed25519"]
        except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
            raise ValueError(f"not a JWK Set (RFC 7517): {error}") from None
        if not found:
            raise ValueError("the JWK Set holds no Ed25519 key")
        return cls(found)

    def public(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set (RFC 7517) that anybody may have."""
        return {
            "keys": [
                {**key.as_dict(private=False), "kid": kid, "alg": ALGORITHM, "use": "sig"}
                for kid, key in self._keys.items()
            ]
        }

    def sign(self, claims: Claims) -> str:
        if self._signing is None:
            raise ValueError("there is no key to sign with")
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._signing}
        return jws.serialize_compact(header, canonical(claims), self._keys[self._signing], algorithms=[ALGORITHM])

    def verify(self, receipt: str) -> Verified:
        receipt = receipt.strip()
        if len(receipt) > LONGEST or receipt.count(".") != 2 or not receipt.isascii():
            return Verified(None, "malformed")
        try:
            header = jws.extract_compact(receipt.encode()).headers()
        except (JoseError, ValueError, TypeError, RecursionError):
            return Verified(None, "malformed")
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE or header.keys() - {"alg", "typ", "kid"}:
            return Verified(None, "other_kind")
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            return Verified(None, "unknown_key")
        try:
            claims = json.loads(jws.deserialize_compact(receipt, key, algorithms=[ALGORITHM]).payload)
        except (JoseError, ValueError, TypeError, RecursionError):
            return Verified(None, "signature")
        return Verified(claims) if isinstance(claims, dict) else Verified(None, "malformed")


def canonical(content: Any) -> bytes:
    """The same bytes for the same JSON, however it was written: keys in order, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(content: Any) -> str:
    return sha256(canonical(content)).hexdigest()


def _key(seed: bytes) -> OKPKey:
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": _text(seed), "x": _text(public)})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
