"""A Content-Security-Policy on every answer outside /admin/ that brings none of its own: nothing is loaded or framed.

Django has this in its core from 6.0 on, which needs Python 3.12. The admin's pages evaluate expressions in attributes
(Alpine.js) and go without.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
Answer = Callable[[HttpRequest], HttpResponseBase]


def content_policy(answer: Answer) -> Answer:
    """Middleware; it stands before those that answer themselves, such as with static files."""

    def restricted(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        if not request.path.startswith("/admin/"):
            response.headers.setdefault("Content-Security-Policy", NOTHING)
        return response

    return restricted
