"""Conditional requests (RFC 9110, section 13): which state of an object somebody has read, and is to overwrite."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response


class PreconditionFailed(APIException):
    status_code = 412
    default_detail = "The object is not the one that you have read; read it again."
    default_code = "precondition_failed"


class PreconditionRequired(APIException):
    status_code = 428
    default_detail = (
        "Name the state you have read: If-Match with the ETag of a GET, or If-Match: * for whatever is stored."
    )
    default_code = "precondition_required"


def tag(stored: Any, show: Callable[[Any], Mapping[str, Any]]) -> str:
    """The entity tag of an object: of its version where it has one, otherwise of what is shown of it."""
    version = getattr(stored, "version", None)
    if version is None:
        text = json.dumps(show(stored), sort_keys=True, default=str)
        version = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f'"{stored.pk}.{version}"'


def conditional(request: Request) -> bool:
    """Whether a writing request depends on what is stored."""
    return "If-Match" in request.headers or "If-None-Match" in request.headers


def check_untagged(request: Request) -> None:
    """PreconditionFailed where a writing request depends on a state, and the address tells of none."""
    if "If-None-Match" in request.headers or request.headers.get("If-Match", "*").strip() != "*":
        raise PreconditionFailed("This address has no ETag to compare; leave If-Match and If-None-Match out.")


def check(request: Request, current: str | None) -> None:
    """PreconditionFailed unless the object's tag, None where there is no object, is as a writing request demands.

    A tag that a proxy or compression has made weak is taken for the same: it names the version, not the bytes.
    """
    wanted, unwanted = (_tags(request.headers.get(name)) for name in ("If-Match", "If-None-Match"))
    if wanted is not None and not _among(current, wanted):
        raise PreconditionFailed
    if unwanted is not None and _among(current, unwanted):
        raise PreconditionFailed("There is such an object already, or it is the one named by If-None-Match.")


def tagged(request: Request, response: Response, current: str) -> HttpResponse:
    """The answer with its ETag; 304 for whoever has read the same."""
    response["ETag"] = current
    if request.method not in ("GET", "HEAD") or "If-None-Match" not in request.headers:
        return response
    answer = get_conditional_response(request._request, etag=current, response=response)
    return response if answer is None else answer


def _tags(header: str | None) -> list[str] | None:
    return None if header is None else [one.removeprefix("W/") for one in parse_etags(header)]


def _among(current: str | None, tags: list[str]) -> bool:
    return current is not None and (tags == ["*"] or current in tags)
