"""Every request has an id, its client's own where it sent a decent one: in the logs, in problems, in the answer."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

DECENT = re.compile(r"[A-Za-z0-9._:-]{1,64}")
Answer = Callable[[HttpRequest], HttpResponseBase]


def request_ids(answer: Answer) -> Answer:
    """Middleware; it stands before the one that logs, which takes the id from the request's header."""

    def identified(request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        request.META["HTTP_X_REQUEST_ID"] = known = sent if DECENT.fullmatch(sent) else str(uuid.uuid4())
        response = answer(request)
        response.headers["X-Request-ID"] = known
        return response

    return identified
