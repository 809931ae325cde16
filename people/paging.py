"""Pages of a list in order of a unique key: no counting, no offsets; a cursor is where the last page ended."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

LONGEST_ID = 2**63 - 1


class KeysetPagination(BasePagination):
    """`?limit=` rows after `?cursor=`; the answer's `next` is null on the last page.

    The view names its unique `page_key`; `page_backwards` gives the latest first.
    """

    DEFAULT: ClassVar[int] = 100
    MOST: ClassVar[int] = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        key = str(getattr(view, "page_key", "pk"))
        backwards = bool(getattr(view, "page_backwards", False))
        limit = _limit(request.query_params.get("limit"))
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(**{f"{key}__{'lt' if backwards else 'gt'}": _position(cursor, key)})
        rows = list(queryset.order_by(f"-{key}" if backwards else key)[: limit + 1])
        self.next: str | None = None
        if len(rows) > limit:
            rows = rows[:limit]
            self.next = replace_query_param(request.build_absolute_uri(), "cursor", _cursor(getattr(rows[-1], key)))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": ["string", "null"], "format": "uri", "description": "the next page"},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "from `next` of the page before",
                "schema": {"type": "string"},
            },
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": "rows of a page",
                "schema": {"type": "integer", "minimum": 1, "maximum": self.MOST, "default": self.DEFAULT},
            },
        ]


PARAMETERS: Sequence[str] = ("cursor", "limit")


def _limit(text: str | None) -> int:
    if text is None:
        return KeysetPagination.DEFAULT
    if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= KeysetPagination.MOST:
        return int(text)
    raise ValidationError({"limit": [f"has to be a whole number from 1 to {KeysetPagination.MOST}"]}, code="invalid")


def _cursor(position: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _position(cursor: str, key: str) -> str | int:
    """Where a page ended. Whatever was tampered with is refused, and does not reach the database."""
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        position = None
    if key == "reference" and isinstance(position, str) and position.isascii() and position.isprintable():
        return position
    if key != "reference" and type(position) is int and 0 <= position <= LONGEST_ID:
        return position
    raise ValidationError({"cursor": ["is not one that this list gave out"]}, code="invalid_cursor")
