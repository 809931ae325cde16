"""The page behind the link in a mail: it shows what would be acknowledged, and only a POST acknowledges it."""

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from alerts.acknowledging import LinkExpired, NoSuchLink, acknowledge_all, flags_of, message_of, standings
from alerts.mail import words
from alerts.mail.plain import one_line
from alerts.models import Flag
from people import clock

LISTED = 200
"""Contracts that the page names; more are counted."""


# The link alone is what allows it: there is no session that another site could make use of.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, for mail scanners follow links. 404 where the link is not ours, 410 where its time is up."""
    try:
        message = message_of(token)
        flags = flags_of(message, at=clock.now())
    except NoSuchLink:
        return _page(request, "unknown", status=404)
    except LinkExpired:
        return _page(request, "expired", status=410)
    with translation.override(message.language):
        waiting = standings(flags).waiting  # before, for they are what is acknowledged
        done = acknowledge_all(message, flags, at=clock.now()) if request.method == "POST" else 0
        now = standings(flags)
        context: dict[str, Any] = {
            "message": message,
            "done": done,
            "listed": [_row(flag) for flag in waiting[:LISTED]],
            "more": max(len(waiting) - LISTED, 0),
            "number": len(waiting),
            "standings": now,
            "before": now.acknowledged - done,
        }
        return _page(request, "done" if request.method == "POST" else "ask", **context)


def _row(flag: Flag) -> dict[str, str]:
    return {
        "reference": flag.contract.reference,
        "supplier": one_line(flag.contract.supplier, 120),
        "kind": str(words.KINDS[flag.kind]),
    }


def _page(request: HttpRequest, outcome: str, *, status: int = 200, **context: Any) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    context |= {"nonce": nonce, "outcome": outcome, "flags": f"{settings.BASE_URL}/admin/alerts/flag/"}
    response = render(request, "alerts/acknowledge.html", context, status=status)
    response["Referrer-Policy"] = "no-referrer"  # the address is a key
    response["X-Robots-Tag"] = "noindex"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
