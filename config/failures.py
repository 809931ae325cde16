"""How operations of the REST interface fail: each status in plain words, with problem documents as they come."""

import http
from collections.abc import Mapping
from typing import Any

from people.conditions import PreconditionFailed, PreconditionRequired
from people.idempotency import HEADER, KeyReused
from people.resources import TooLarge

WORDS = {
    "400": "A parameter or the body is wrong; `errors` say where by JSON pointer. Sent again it will be wrong again.",
    "401": "Nobody is signed in, or the token is not, or no longer, valid.",
    "403": "The account's roles do not allow it, the credential lacks the scope, or a session sent no CSRF token.",
    "404": "There is no such object, or it is one that you may not see.",
    "406": "`Accept` asks for another format than this operation answers in.",
    "409": "As things stand it cannot be done, or somebody else wrote the same object at the same moment.",
    "410": "The token is too old to be continued from; `restart` says where to begin.",
    "412": "The object is not in the state that `If-Match` or `If-None-Match` names.",
    "413": "The body is too large, or has too many values.",
    "415": "The body is of a type that this operation does not read.",
    "422": f"The `{HEADER}` came with another request before.",
    "428": "`If-Match` is missing.",
    "429": "Too many requests; `Retry-After` says for how many seconds to wait.",
    "500": "A fault of this server. Its logs have the request under `request_id`.",
}
WORDS_WITH_KEY = f"{WORDS['409'][:-1]}, or the first request with this `{HEADER}` is still at work."


def _problem(
    status: int, code: str, detail: str, pointer: str | None = None, *, kind: str = "client_error", **members: object
) -> dict[str, Any]:
    return {
        "type": f"urn:tocsin:problem:{kind}",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "instance": "/api/v1/contracts/4600001234",
        "request_id": "8b7d2f5e-0d8e-4a2b-9b1e-3f6a2c1d4e5f",
        "errors": [{"code": code, "detail": detail, "pointer": pointer}],
        "detail": detail,
        **members,
    }


def _invalid(code: str, detail: str, pointer: str) -> dict[str, Any]:
    return _problem(400, code, detail, pointer, kind="validation_error")


EXAMPLES: Mapping[str, dict[str, Any]] = {
    "UnknownParameter": _invalid(
        "unknown_parameter", "unknown parameter 'colour'; this address takes no parameters", "#/colour"
    ),
    "WrongValue": _invalid(
        "not_a_string", "a number where text belongs: put it in quotes, or digits are lost", "#/lines/0/hs_code"
    ),
    "UnknownKey": _invalid("unknown_key", "unknown key 'titel'; did you mean 'title'?", "#/titel"),
    "NotJson": _problem(400, "parse_error", "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "NotAuthenticated": _problem(401, "not_authenticated", "Authentication credentials were not provided."),
    "NotValid": _problem(401, "authentication_failed", "This token is not, or no longer, valid."),
    "WrongPassword": _problem(401, "authentication_failed", "The address or the password is not right."),
    "PermissionDenied": _problem(403, "permission_denied", "You do not have permission to perform this action."),
    "InsufficientScope": _problem(
        403,
        "insufficient_scope",
        "This credential does not have the scope contracts:write.",
        scope="contracts:write",
    ),
    "NotFound": _problem(404, "not_found", "Not found."),
    "NotAcceptable": _problem(406, "not_acceptable", "Could not satisfy the request Accept header."),
    "Conflict": _problem(409, "conflict", "Somebody else wrote the same object at the same moment; send it again."),
    "KeyAtWork": _problem(409, "conflict", f"The request with this {HEADER} is still at work; ask again in a moment."),
    "TokenTooOld": _problem(
        410,
        "token_too_old",
        "The token is older than 30 days. Read the lists that you mirror once more, beginning with a new token.",
        restart="/api/v1/changes?after=now",
    ),
    "PreconditionFailed": _problem(412, PreconditionFailed.default_code, PreconditionFailed.default_detail),
    "TooLarge": _problem(413, TooLarge.default_code, TooLarge.default_detail),
    "UnsupportedMediaType": _problem(415, "unsupported_media_type", 'Unsupported media type "text/csv" in request.'),
    "KeyReused": _problem(422, KeyReused.default_code, KeyReused.default_detail),
    "PreconditionRequired": _problem(428, PreconditionRequired.default_code, PreconditionRequired.default_detail),
    "Throttled": _problem(429, "throttled", "Request was throttled. Expected available in 42 seconds."),
    "ServerError": _problem(500, "error", "A server error occurred.", kind="server_error"),
}
DECLARED = {"401": ["WrongPassword"], "404": ["NotFound"], "409": ["Conflict"], "410": ["TokenTooOld"]}
"""What a view says of its actions (`failures`) beyond what their kind has."""
