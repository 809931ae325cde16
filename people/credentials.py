"""Credentials of service accounts: issued, rotated and revoked by administrators, exchanged for access tokens.

Every function takes the real time as `at`: a credential expires by it, whatever people/clock.py shows.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import NamedTuple
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from knox.crypto import hash_token

from people.models import Credential, ServiceAccount, Token, User

NOTED_EVERY = timedelta(minutes=5)
"""When a token was used last is noted no more often than this."""
LONGEST_OVERLAP_HOURS = 7 * 24
"""How long the secret before may still be used while a new one takes its place."""

log = structlog.get_logger(__name__)


class NotPossible(ValueError):  # noqa: N818
    """How things stand does not allow what was asked."""


class InvalidClient(ValueError):  # noqa: N818
    """There is no such credential with this secret, or it may not be used any more."""


class InvalidScope(ValueError):  # noqa: N818
    """A scope was asked for that the credential does not have."""


class Issued(NamedTuple):
    """A credential, and the secret that is shown this once."""

    credential: Credential
    secret: str


def log_in(user: User, *, at: datetime) -> tuple[Token, str]:
    """A token of a person's log-in, and its text; what has expired of theirs is forgotten."""
    Token.objects.filter(user=user, kind=Token.Kind.LOGIN, expiry__lte=at).delete()
    return _made(user, kind=Token.Kind.LOGIN)


def issue(account: ServiceAccount, *, name: str, scopes: Collection[str], days: int, by: User, at: datetime) -> Issued:
    """A new credential whose secret expires after so many days."""
    with transaction.atomic():
        credential = Credential.objects.create(
            account=account, name=name, scopes=sorted(scopes), created_at=at, created_by=by.email
        )
        secret = _secret(credential, days)
    log.info("credential issued", account=account.email, credential=credential.pk, by=by.email)
    return Issued(credential, secret)


def rotate(credential: Credential, *, days: int, overlap_hours: int, by: User, at: datetime) -> str:
    """A new secret under the same client_id, which expires after so many days. Those before are good for
    `overlap_hours` more at the most. NotPossible for a revoked one."""
    with transaction.atomic():
        held = Credential.objects.select_for_update().get(pk=credential.pk)
        if held.revoked_at is not None:
            raise NotPossible(f"{held.name} is revoked; issue another one")
        until = at + timedelta(hours=overlap_hours)
        before = Token.objects.filter(credential=held, kind=Token.Kind.SECRET)
        before.filter(Q(expiry__gt=until) | Q(expiry__isnull=True)).update(expiry=until)
        secret = _secret(held, days)
    log.info("credential rotated", credential=credential.pk, overlap_hours=overlap_hours, by=by.email)
    return secret


def revoke(credential: Credential, *, by: User, at: datetime) -> None:
    """Void it, its secrets and its access tokens at once and for good. Repeating it changes nothing."""
    Credential.objects.filter(pk=credential.pk, revoked_at__isnull=True).update(revoked_at=at, revoked_by=by.email)
    credential.refresh_from_db()
    log.info("credential revoked", credential=credential.pk, by=by.email)


def give_back(token: Token, *, at: datetime) -> None:
    """It expires now; of a credential's secret the row stays, for its history."""
    Token.objects.filter(pk=token.pk).update(expiry=at)


def note_use(token: Token, *, at: datetime) -> None:
    """Whoever notes it already is not waited for: a long transaction of the same token would hold up all others."""
    if token.last_used_at is not None and token.last_used_at > at - NOTED_EVERY:
        return
    free = Token.objects.filter(pk=token.pk).select_for_update(skip_locked=True)
    with transaction.atomic():
        Token.objects.filter(pk__in=free.values("pk")).update(last_used_at=at)


def exchange(client_id: str, secret: str, *, scopes: Collection[str] | None, at: datetime) -> tuple[Token, str]:
    """An access token, and its text, with the scopes asked for, or all; it lives ACCESS_TOKEN_SECONDS, and never longer
    than the secret. Raises InvalidClient or InvalidScope."""
    try:
        client = UUID(client_id)
    except ValueError:
        raise InvalidClient from None
    digest = hash_token(secret)
    with transaction.atomic():
        credential = (
            Credential.objects.select_for_update(of=("self",), no_key=True)
            .filter(client_id=client, revoked_at__isnull=True, account__is_active=True)
            .select_related("account")
            .first()
        )
        kept = None if credential is None else _current(credential, digest, at)
        if credential is None or kept is None:
            raise InvalidClient
        if scopes is not None and not set(scopes) <= set(credential.scopes):
            raise InvalidScope
        lifetime = min(timedelta(seconds=settings.ACCESS_TOKEN_SECONDS), (kept.expiry or at) - at)
        Token.objects.filter(credential=credential, kind=Token.Kind.ACCESS, expiry__lte=at).delete()
        note_use(kept, at=at)
        return _made(
            credential.account,
            kind=Token.Kind.ACCESS,
            credential=credential,
            scopes=None if scopes is None else sorted(set(scopes)),
            lifetime=lifetime,
        )


def _current(credential: Credential, digest: str, at: datetime) -> Token | None:
    secrets = Token.objects.filter(credential=credential, kind=Token.Kind.SECRET, expiry__gt=at)
    return next((one for one in secrets if compare_digest(one.digest, digest)), None)


def _secret(credential: Credential, days: int) -> str:
    return _made(credential.account, kind=Token.Kind.SECRET, credential=credential, lifetime=timedelta(days=days))[1]


def _made(
    user: User,
    *,
    kind: Token.Kind,
    credential: Credential | None = None,
    scopes: list[str] | None = None,
    lifetime: timedelta | None = None,
) -> tuple[Token, str]:
    """A token of knox's, with its text; without a lifetime it has that of a log-in."""
    limits = {} if lifetime is None else {"expiry": lifetime}
    token, text = Token.objects.create(  # type: ignore[no-untyped-call]
        user=user, kind=kind, credential=credential, scopes=scopes, **limits
    )
    token.last_four = text[-4:]
    token.save(update_fields=["last_four"])
    return token, text
