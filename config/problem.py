"""Errors of the REST interface as RFC 9457 problem documents, with one JSON pointer per error."""

import http
from typing import Any

from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.openapi import AutoSchema
from drf_standardized_errors.types import ErrorResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.response import Response

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
            "instance": request.path if (request := self.context["request"]) else None,
            "errors": [
                {"code": error.code, "detail": error.detail, "pointer": pointer(error.attr)}
                for error in error_response.errors
            ],
        }
        if len(error_response.errors) == 1:
            body["detail"] = error_response.errors[0].detail
        body |= getattr(self.exc, "members", {})
        return body


def pointer(attr: str | None) -> str | None:
    """The JSON pointer (RFC 6901, as a URI fragment) of the library's dotted path; None for errors of no field."""
    if not attr or attr == "non_field_errors":
        return None
    steps = [step for step in attr.split(".") if step != "non_field_errors"]
    return "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


class ProblemHandler(ExceptionHandler):
    """Sends problem documents under their own media type."""

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Response:
        response: Response = super().get_response(exc, data)
        response.content_type = MEDIA_TYPE
        return response


class ProblemError(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(allow_null=True)


class Problem(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)
    instance = serializers.CharField(required=False)
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]  # a field, not the property


class ProblemSchema(AutoSchema):
    """Documents every error response of the OpenAPI schema as a problem document."""

    def _get_error_response_serializer(self, status_code: str) -> type[Problem]:
        return Problem

    def _get_error_response_examples(self) -> list[Any]:
        return []

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: list[str] | None = None, direction: str = "response"
    ) -> Any:
        if str(status_code) >= "400":
            media_types = [MEDIA_TYPE]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)  # type: ignore[no-untyped-call]
