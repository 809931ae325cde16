"""Errors of the REST interface as RFC 9457 problem documents, with one JSON pointer per error."""

import http
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_spectacular.utils import OpenApiParameter
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.openapi import AutoSchema
from drf_standardized_errors.types import ErrorResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.failures import DECLARED, WORDS, WORDS_WITH_KEY
from people.fields import Code, Text
from people.idempotency import HEADER, REPLAYED, Repeatable
from people.scopes import needed

MEDIA_TYPE = "application/problem+json"


class ProblemFormatter(ExceptionFormatter):
    """Words the errors that the library collected as a problem document."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        status = self.exc.status_code
        kind = getattr(error_response.type, "value", error_response.type)
        body: dict[str, Any] = {
            "type": f"urn:tocsin:problem:{kind}",
            "title": http.HTTPStatus(status).phrase,
            "status": status,
            **_of_request(self.context["request"]),
            "errors": [
                {"code": error.code, "detail": error.detail, "pointer": pointer(error.attr)}
                for error in error_response.errors
            ],
        }
        if len(error_response.errors) == 1:
            body["detail"] = error_response.errors[0].detail
        body |= getattr(self.exc, "members", {})
        return body


def _of_request(request: HttpRequest | Request | None) -> dict[str, Any]:
    """Which request it was, and the id under which the logs have it."""
    if request is None:
        return {"instance": None, "request_id": None}
    return {"instance": request.path, "request_id": request.META.get("HTTP_X_REQUEST_ID")}


def pointer(attr: str | None) -> str | None:
    """The JSON pointer (RFC 6901, as a URI fragment) of the library's dotted path; None for errors of no field."""
    if not attr or attr == "non_field_errors":
        return None
    steps = [step for step in attr.split(".") if step != "non_field_errors"]
    return "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


class ProblemHandler(ExceptionHandler):
    """Sends problem documents under their own media type, and as JSON where answers are something else, too."""

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Response:
        if (request := self.context["request"]) is not None:
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        response: Response = super().get_response(exc, data)
        response.content_type = MEDIA_TYPE
        return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What fails before a view is reached; within the REST interface a problem document, too."""
    return _outside(request, 400) or defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _outside(request, 404) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _outside(request, 500) or defaults.server_error(request)


def _outside(request: HttpRequest, status: int) -> HttpResponse | None:
    if not request.path.startswith("/api/"):
        return None
    phrase = http.HTTPStatus(status).phrase
    kind = "server_error" if status == 500 else "client_error"
    error = {"code": phrase.lower().replace(" ", "_"), "detail": f"{phrase}.", "pointer": None}
    body = {"type": f"urn:tocsin:problem:{kind}", "title": phrase, "status": status, **_of_request(request)}
    return JsonResponse({**body, "detail": f"{phrase}.", "errors": [error]}, status=status, content_type=MEDIA_TYPE)


class ProblemError(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="one of `x-codes`, to which others may be added")
    detail = serializers.CharField()
    pointer = serializers.CharField(allow_null=True)


class Problem(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)
    instance = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False, help_text="under which the logs have the request")
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]  # a field, not the property


REPEATED = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    pattern='^("[ !#-\\[\\]-~]{1,255}"|[!#-~]{1,255})$',
    description=f"Of your making, new for each request. Sent again with the same request it is answered as the first"
    f" time, with `{REPLAYED}: true`, and nothing is done twice; 409 while the first is at work, 422 with another one.",
)


class ProblemSchema(AutoSchema):
    """Documents every error response of the OpenAPI schema as a problem document."""

    def get_override_parameters(self) -> list[Any]:
        found: list[Any] = super().get_override_parameters()
        return [*found, REPEATED] if self._repeatable else found

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """With the answers of conditional requests: what was new, and what has not changed."""
        found: dict[str, Any] = super()._get_response_bodies(direction)
        if "If-None-Match" in {parameter.name for parameter in self.get_override_parameters()}:
            if self.method == "PUT":
                found.setdefault("201", {**found["200"], "description": "It is new."})
            elif self.method == "GET":
                found["304"] = {"description": "It is still in the state that If-None-Match names."}
        for status, response in found.items():
            if MEDIA_TYPE in response.get("content", {}):
                found[status] = self._documented(status, response)
        return dict(sorted(found.items()))

    def _get_allowed_error_status_codes(self) -> list[str]:
        return list(self._failures())

    def _should_add_error_response(self, responses: dict[str, Any], status_code: str) -> bool:
        """A view that words its own 400 answers every body by itself."""
        return status_code not in responses and not ("400" in responses and status_code in ("413", "415"))

    def _failures(self) -> dict[str, list[str]]:
        """The statuses with which the operation can fail, and the names of examples of each."""
        headers = {one.name: one for one in self.get_override_parameters() if one.location == OpenApiParameter.HEADER}
        found = {"400": ["UnknownParameter"], "406": ["NotAcceptable"], "500": ["ServerError"]}
        if self.get_auth():
            found["401"] = ["NotAuthenticated", "NotValid"]
            found["403"] = ["PermissionDenied", *(["InsufficientScope"] if needed(self.view, self.method) else [])]
        if "{" in self.path:
            found["404"] = ["NotFound"]
        if self.view.get_throttles():
            found["429"] = ["Throttled"]
        if self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer() is not None:
            found["400"] += ["WrongValue", "UnknownKey", "NotJson"]
            found |= {"413": ["TooLarge"], "415": ["UnsupportedMediaType"]}
        if "If-Match" in headers:
            found |= {"409": ["Conflict"], "412": ["PreconditionFailed"]}
            if headers["If-Match"].required:
                found["428"] = ["PreconditionRequired"]
        if self._repeatable:
            found |= {"409": ["Conflict", "KeyAtWork"], "413": ["TooLarge"], "422": ["KeyReused"]}
        view: Any = self.view
        declared = view.failures.get(getattr(view, "action", None) or self.method.lower(), ())
        return found | {status: found.get(status, DECLARED[status]) for status in declared}

    @property
    def _repeatable(self) -> bool:
        return self.method == "POST" and isinstance(self.view, Repeatable) and self.view.takes_key

    def _documented(self, status: str, response: dict[str, Any]) -> dict[str, Any]:
        """A problem in words, with its examples."""
        shown = self._failures()[status]
        words = WORDS_WITH_KEY if "KeyAtWork" in shown else WORDS[status]
        examples = {name: {"$ref": f"#/components/examples/{name}"} for name in shown}
        content = {MEDIA_TYPE: {**response["content"][MEDIA_TYPE], "examples": examples}}
        return {**response, "description": words, "content": content}

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> dict[str, Any]:
        """What a field takes, as far as JSON Schema can say it."""
        found: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, Text) and "enum" not in found and "$ref" not in found:
            found.setdefault("minLength", 1)
            if field.longest:
                found["maxLength"] = field.longest
        if isinstance(field, Code) and field.pattern is not None:
            found["pattern"] = f"^(?:{field.pattern.pattern.strip('^$')})$"
        return found

    def _get_error_response_serializer(self, status_code: str) -> type[Problem]:
        return Problem

    def _get_error_response_examples(self) -> list[Any]:
        return []

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: list[str] | None = None, direction: str = "response"
    ) -> Any:
        if media_types is None and str(status_code) >= "400":
            media_types = [MEDIA_TYPE]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]
