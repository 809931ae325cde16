"""Whoever only reads is held back by the database for the whole of the request: see people/row_security.py."""

from collections.abc import Callable, Iterator
from typing import cast

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from alerts.changelog import one_moment
from people.models import User
from people.row_security import seen_by

READING = ("GET", "HEAD", "OPTIONS")
API, ADMIN = "/api/", "/admin/"
Answer = Callable[[HttpRequest], HttpResponseBase]


def row_security(answer: Answer) -> Answer:
    """Middleware, the innermost: what reads within the REST interface and the admin reads in one transaction, in which
    the rows are there that the asker may see.

    A REST request begins as nobody's, who sees nothing, until its resource knows who asks. A page of the admin is of
    one moment. What writes is held back where it looks up whom it acts on; its transactions are its own.
    """

    def restricted(request: HttpRequest) -> HttpResponseBase:
        if request.method not in READING and request.path != ADMIN:  # the first page only reads, whatever is sent
            return answer(request)
        if request.path.startswith(API):
            with seen_by(None):
                return _completed(request, answer(request))
        if request.path.startswith(ADMIN):
            user = request.user  # before: who asks is looked up in a transaction of its own
            with one_moment(), seen_by(user if user.is_authenticated else None):
                return _completed(request, answer(request))
        return answer(request)

    return restricted


def _completed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """After a failure nothing is kept; what is streamed is read as it is asked for, each part like the whole."""
    if response.status_code >= 500:
        transaction.set_rollback(True)
    if isinstance(response, StreamingHttpResponse) and not response.is_async:
        response.streaming_content = _streamed(request.user, cast("Iterator[bytes]", response.streaming_content))
    return response


def _streamed(user: object, parts: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        with seen_by(user if isinstance(user, User) else None):
            part = next(parts, None)
        if part is None:
            return
        yield part
