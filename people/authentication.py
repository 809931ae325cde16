"""Who sends a request with a token: a person who logged in with it, or a service account by its credential."""

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from people.credentials import note_use
from people.models import Token, User
from people.scopes import SCOPES, needed

KEYWORDS = (b"token", b"bearer")


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Token ...` or, as RFC 6750 has it, `Authorization: Bearer ...`; found by its hash."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        keyword, _space, sent = get_authorization_header(request).partition(b" ")
        if keyword.lower() not in KEYWORDS:
            return None
        token = find(sent.strip().decode("latin-1"), at=timezone.now())
        if token is None:
            raise AuthenticationFailed("This token is not, or no longer, valid.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Token, Bearer"


def find(sent: str, *, at: datetime) -> Token | None:
    """The token as long as it may be used: not expired or revoked, and its user active. It counts as used."""
    token: Token | None = (
        Token.objects.select_related("user", "credential").filter(digest=hash_token(sent), user__is_active=True).first()
    )
    if token is None or (token.expiry is not None and token.expiry <= at):
        return None
    if token.credential is not None and token.credential.revoked_at is not None:
        return None
    note_use(token, at=at)
    return token


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document has it: a header, or OAuth2 client credentials, with the scope that is needed."""

    target_class = "people.authentication.TokenAuthentication"
    name = ["knoxApiToken", "oauth2"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        scope = needed(auto_schema.view, auto_schema.method)
        return [{name: [scope] if scope else []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        header = {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of a log-in or a credential; `Authorization: Token ...` means the same.",
        }
        flow = {"tokenUrl": reverse("oauth-token"), "scopes": SCOPES}
        return [header, {"type": "oauth2", "flows": {"clientCredentials": flow}}]
