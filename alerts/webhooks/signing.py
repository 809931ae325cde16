"""Signatures of Standard Webhooks 1.0: `v1`, HMAC-SHA256 over id, timestamp and body; two while a secret rotates."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook

SECRET_BYTES = 32
"""The standard asks for 24 to 64."""


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(message_id: str, body: str, *, at: datetime, with_secrets: Sequence[str]) -> dict[str, str]:
    """The headers of an attempt at an instant in UTC, with a signature for each secret, the newest first."""
    signatures = (Webhook(secret).sign(message_id, at, body) for secret in with_secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
