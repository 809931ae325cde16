"""Repeating a POST without doing it twice: the answer to an `Idempotency-Key` is kept, and given again.

Source: draft-ietf-httpapi-idempotency-key-header-07 (October 2025). A key belongs to the user who sent it, and to one
method, address, content type and body: 422 where it comes with others, 409 while the first request is at work. Keys
are taken under a lease on the database's clock, so that a request that died frees its own. Answers of 5xx, and those
that say who may ask or how often, are not kept: the key is free again.
"""

import re
import zlib
from collections.abc import Collection, Iterator
from hashlib import sha256
from itertools import chain
from typing import Any, ClassVar, NamedTuple, cast
from uuid import UUID, uuid4

from django.db import connection
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from people.conflict import Conflict
from people.models import KeptAnswer, User

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
FORMAT = re.compile(r'"([\x20-\x21\x23-\x5b\x5d-\x7e]{1,255})"|([!#-~]{1,255})')
"""A string of RFC 8941 without escapes; a bare token is taken as well."""
LEASE_SECONDS = 300
KEPT_HOURS = 24
MOST_KEPT = 8 * 1024 * 1024
"""Bytes of an answer; of a longer one is kept only that it was given."""
HEADERS = ("Content-Type", "Location", "ETag", "Link")
FREED_BY = (401, 403, 413, 429)

_TABLE = KeptAnswer._meta.db_table

# One that is taken already is taken over where its time is up, or where the request that had it must have died.
_CLAIM = f"""
    INSERT INTO {_TABLE} AS kept (user_id, key, fingerprint, token, lease_until, expires_at, headers)
    VALUES (%(user)s, %(key)s, %(fingerprint)s, %(token)s, clock_timestamp() + %(lease)s * interval '1 second',
            clock_timestamp() + %(hours)s * interval '1 hour', '{{}}')
    ON CONFLICT (user_id, key) DO UPDATE SET
        fingerprint = EXCLUDED.fingerprint, token = EXCLUDED.token, lease_until = EXCLUDED.lease_until,
        expires_at = EXCLUDED.expires_at, status = NULL, headers = EXCLUDED.headers, body = NULL
    WHERE kept.expires_at <= clock_timestamp() OR (kept.status IS NULL AND kept.lease_until <= clock_timestamp())
"""  # noqa: S608


class Replay(Exception):  # noqa: N818
    """The answer was given before."""

    def __init__(self, kept: KeptAnswer) -> None:
        self.kept = kept


class KeyReused(APIException):
    """422: the key came with another request before."""

    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = f"This {HEADER} was sent with another request before: a new request needs a new key."


class Claim(NamedTuple):
    """A key that this request alone may answer."""

    user: int
    key: str
    token: UUID

    @property
    def _row(self) -> Any:
        return KeptAnswer.objects.filter(user=self.user, key=self.key, token=self.token, status=None)

    def keep(self, status: int, headers: dict[str, str], body: bytes | None) -> None:
        """`body` None: too long. A claim that somebody else has taken over keeps nothing."""
        packed = None if body is None else zlib.compress(body, 1)
        self._row.update(status=status, headers=headers, body=packed)

    def free(self) -> None:
        if not connection.needs_rollback:  # else it lapses
            self._row.delete()


class Repeatable(APIView):
    """POST may be repeated under an `Idempotency-Key`."""

    secret_actions: ClassVar[Collection[str]] = ()
    """Actions whose answer holds a secret that is shown once and kept nowhere: they take no key."""
    longest_body: ClassVar[int | None] = None
    """Bytes, where these may be more than of all other addresses."""
    _claim: Claim | None = None

    @property
    def takes_key(self) -> bool:
        return (getattr(self, "action", None) or "post") not in self.secret_actions

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and HEADER in request.headers:
            self._claim = self._claimed(request)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except BaseException:
            if self._claim is not None:
                self._claim.free()
            raise

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Replay):
            return cast(Response, _again(exc.kept))  # rendered already
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        claim, self._claim = self._claim, None
        if claim is not None:
            _keep(claim, final)
        return final

    def _claimed(self, request: Request) -> Claim:
        if not self.takes_key:
            raise _refused("not_repeatable", "the answer holds a secret that is shown once; it is not kept under a key")
        key = _key(request.headers[HEADER])
        user = request.user
        if not isinstance(user, User):
            raise _refused("not_repeatable", "only the requests of somebody who is signed in can be repeated")
        if self.longest_body is not None and not hasattr(request._request, "_body"):
            request._request._body = request._request.read(self.longest_body + 1)
        return claimed(user, key, _fingerprint(request))


def claimed(user: User, key: str, fingerprint: str) -> Claim:
    """The key, for this request alone. Replay where it was answered, Conflict while it is; KeyReused."""
    claim = Claim(user.pk, key, uuid4())
    given = {"fingerprint": fingerprint, "lease": LEASE_SECONDS, "hours": KEPT_HOURS, **claim._asdict()}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, given)
            if cursor.rowcount:
                return claim
        kept = KeptAnswer.objects.filter(user=user, key=key).first()
        if kept is None:  # freed in between
            continue
        if kept.fingerprint != fingerprint:
            raise KeyReused
        if kept.status is None:
            raise Conflict(f"The request with this {HEADER} is still at work; ask again in a moment.")
        if kept.body is None:
            raise Conflict("The request was answered; the answer was too long to be kept.", status_given=kept.status)
        raise Replay(kept)


def forget_expired() -> int:
    """Remove what nobody can ask for any more; return how many answers."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {_TABLE} WHERE expires_at <= clock_timestamp()")  # noqa: S608
        return int(cursor.rowcount)


def _again(kept: KeptAnswer) -> HttpResponse:
    """A kept answer as it was given."""
    content = zlib.decompress(kept.body or b"")
    return HttpResponse(content, status=kept.status, headers={**kept.headers, REPLAYED: "true"})


def _keep(claim: Claim, response: HttpResponseBase) -> None:
    if response.status_code >= 500 or response.status_code in FREED_BY:
        claim.free()
        return
    if isinstance(response, Response):
        response.render()
    body = _streamed(response) if isinstance(response, StreamingHttpResponse) else _whole(response)
    claim.keep(response.status_code, {name: response[name] for name in HEADERS if name in response}, body)


def _whole(response: HttpResponseBase) -> bytes | None:
    content: bytes = response.content if isinstance(response, HttpResponse) else b""
    return content if len(content) <= MOST_KEPT else None


def _streamed(response: StreamingHttpResponse) -> bytes | None:
    """What is about to be sent, which is made now; None where it is too long."""
    rest: Iterator[bytes] = iter(response)
    made, length = [], 0
    for part in rest:
        made.append(part)
        length += len(part)
        if length > MOST_KEPT:
            response.streaming_content = chain(made, rest)
            return None
    response.streaming_content = iter(made)
    return b"".join(made)


def _key(header: str) -> str:
    found = FORMAT.fullmatch(header.strip())
    if found is None:
        raise _refused("invalid_idempotency_key", f"{HEADER} is 1 to 255 visible characters, in quotes or without")
    return found[1] or found[2]


def _fingerprint(request: Request) -> str:
    plain = request._request
    digest = sha256()
    for part in (plain.method or "", plain.get_full_path(), plain.content_type or ""):
        digest.update(part.encode("utf-8", "surrogateescape") + b"\n")
    digest.update(plain.body)
    return digest.hexdigest()


def _refused(code: str, detail: str) -> ValidationError:
    return ValidationError([ErrorDetail(detail, code)])
