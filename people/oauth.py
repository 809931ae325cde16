"""The token endpoint of OAuth 2.0 for client credentials (RFC 6749, section 4.4), with tokens that live for minutes."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from people.credentials import InvalidClient, InvalidScope, exchange
from people.resources import Bounded, TooLarge, body
from people.scopes import ANY

GRANT = "client_credentials"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
MOST = 16 * 1024
"""Bytes of a body; a form beyond that is no request for a token."""


class TokenRequest(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField([GRANT])
    scope = serializers.CharField(required=False, help_text="scopes with spaces between them; all without")
    client_id = serializers.CharField(required=False, help_text="here or in `Authorization: Basic`")
    client_secret = serializers.CharField(required=False, help_text="here or in `Authorization: Basic`")


class AccessTokenSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField(help_text="send it as `Authorization: Bearer ...`")
    token_type = serializers.ChoiceField(["Bearer"])
    expires_in = serializers.IntegerField(help_text="seconds")
    scope = serializers.CharField()


class OAuthErrorSerializer(serializers.Serializer[Any]):
    error = serializers.ChoiceField(["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"])
    error_description = serializers.CharField()


class Refused(Exception):  # noqa: N818
    """An error of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, code: int = status.HTTP_400_BAD_REQUEST) -> None:
        super().__init__(description)
        self.error, self.code = error, code


class Client(NamedTuple):
    id: str
    secret: str


class BoundedFormParser(FormParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        return QueryDict(body(stream, MOST), encoding="utf-8")


class OAuthTokenView(Bounded):
    """Errors are those of RFC 6749, section 5.2, in place of problem documents."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (BoundedFormParser,)
    scope = ANY
    secret_actions = ("post",)
    takes = None  # what is not known is ignored, as RFC 6749, section 3.2, has it

    @extend_schema(
        request={"application/x-www-form-urlencoded": TokenRequest},
        responses={
            200: AccessTokenSerializer,
            (400, "application/json"): OAuthErrorSerializer,
            (401, "application/json"): OAuthErrorSerializer,
        },
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """An access token for a credential, with all of its scopes or those in `scope`."""
        try:
            given = _answer(_form(request), request.headers.get("Authorization"))
        except Refused as refused:
            challenge = {"WWW-Authenticate": 'Basic realm="tocsin"'} if refused.code == 401 else {}
            told = {"error": refused.error, "error_description": str(refused)}
            return Response(told, refused.code, headers={**NO_STORE, **challenge})
        return Response(given, headers=NO_STORE)


def _form(request: Request) -> dict[str, str]:
    """The parameters; an empty one counts as left out, and none may stand twice (section 3.2)."""
    try:
        sent: Any = request.data
    except (ParseError, UnsupportedMediaType, TooLarge, TooManyFieldsSent):
        raise Refused("invalid_request", "a form belongs here: application/x-www-form-urlencoded") from None
    if not hasattr(sent, "lists"):  # there is no body
        return {}
    if any(len(values) > 1 for _name, values in sent.lists()):
        raise Refused("invalid_request", "a parameter stands here more than once")
    return {name: str(value) for name, value in sent.items() if value}


def _answer(form: Mapping[str, str], header: str | None) -> dict[str, str | int]:
    client = _client(form, header)
    if "grant_type" not in form:
        raise Refused("invalid_request", "grant_type is missing")
    if form["grant_type"] != GRANT:
        raise Refused("unsupported_grant_type", f"the only grant is {GRANT}")
    scopes = form["scope"].split(" ") if "scope" in form else None
    now = timezone.now()
    try:
        token, text = exchange(client.id, client.secret, scopes=scopes, at=now)
    except InvalidClient:
        raise Refused("invalid_client", "client_id or client_secret is not right", 401) from None
    except InvalidScope:
        raise Refused("invalid_scope", "the credential does not have these scopes") from None
    return {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": round(((token.expiry or now) - now).total_seconds()),
        "scope": " ".join(sorted(token.granted() or ())),
    }


def _client(form: Mapping[str, str], header: str | None) -> Client:
    """From the header (client_secret_basic) or the form (client_secret_post), never from both (section 2.3)."""
    if header is not None:
        if "client_secret" in form:
            raise Refused("invalid_request", "the client authenticates in the header or in the form, not in both")
        client = _basic(header)
        if form.get("client_id", client.id) != client.id:
            raise Refused("invalid_request", "header and form name different clients")
        return client
    if "client_id" not in form or "client_secret" not in form:
        raise Refused("invalid_client", "client_id and client_secret are missing", 401)
    return Client(form["client_id"], form["client_secret"])


def _basic(header: str) -> Client:
    scheme, _space, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Refused("invalid_client", "the Authorization header is not that of a client", 401) from None
    return Client(unquote_plus(name), unquote_plus(secret))
