"""Pages of a list in a total order: no counting, no offsets; a cursor is where the last page ended."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

LONGEST_ID = 2**63 - 1
PARAMETERS: Sequence[str] = ("cursor", "limit", "ordering")


class Position(NamedTuple):
    """The last row of a page: its value of the column that orders, and its key."""

    value: Any
    key: str | int


@dataclass(frozen=True, slots=True)
class Order:
    """By a column, rows without a value last, and among equals by the unique key."""

    column: str
    key: str
    backwards: bool

    def rows(self, queryset: Any, after: Position | None, number: int) -> list[Any]:
        """So many rows behind a position, each part of the list read in the order of an index."""
        if self.column == self.key:
            return list(self._behind_key(queryset, after)[:number])
        rows: list[Any] = []
        if after is None or after.value is not None:
            valued = queryset.filter(**{f"{self.column}__isnull": False})
            rows = list(self._behind(valued, after).order_by(*self._by(self.column, self.key))[:number])
            after = None
        if len(rows) < number and queryset.model._meta.get_field(self.column).null:
            without = queryset.filter(**{f"{self.column}__isnull": True})
            rows += self._behind_key(without, after)[: number - len(rows)]
        return rows

    def position(self, row: Any) -> Position:
        return Position(getattr(row, self.column), getattr(row, self.key))

    def _behind_key(self, queryset: Any, after: Position | None) -> Any:
        if after is not None:
            queryset = queryset.filter(**{f"{self.key}__{'lt' if self.backwards else 'gt'}": after.key})
        return queryset.order_by(*self._by(self.key))

    def _behind(self, queryset: Any, after: Position | None) -> Any:
        """By row comparison, which an index bounds; the OR of conditions that means the same is not bounded."""
        if after is None:
            return queryset
        meta = queryset.model._meta
        columns = ", ".join(
            f'"{meta.db_table}"."{(meta.pk if name == "pk" else meta.get_field(name)).column}"'
            for name in (self.column, self.key)
        )
        beyond = f"({columns}) {'<' if self.backwards else '>'} (%s, %s)"
        return queryset.extra(where=[beyond], params=[*after])  # noqa: S610  (columns are the model's)

    def _by(self, *columns: str) -> list[str]:
        return [f"-{column}" if self.backwards else column for column in columns]


class KeysetPagination(BasePagination):
    """`?limit=` rows after `?cursor=`, `?ordering=` as the view allows; the answer's `next` is null on the last page.

    The view names its unique `page_key`, further `orderings`, and with `page_backwards` gives the latest first.
    """

    DEFAULT: ClassVar[int] = 100
    MOST: ClassVar[int] = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        order = _order(view, request.query_params.get("ordering"))
        limit = whole_number(request, "limit", self.MOST) or self.DEFAULT
        cursor = request.query_params.get("cursor")
        rows = order.rows(queryset, _position(cursor, order, queryset.model) if cursor else None, limit + 1)
        self.next: str | None = None
        if len(rows) > limit:
            rows = rows[:limit]
            place = _cursor(order, order.position(rows[-1]))
            self.next = replace_query_param(request.build_absolute_uri(), "cursor", place)
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
        limit = {"type": "integer", "minimum": 1, "maximum": self.MOST, "default": self.DEFAULT}
        return [
            _parameter("cursor", "from `next` of the page before", {"type": "string"}),
            _parameter("limit", "rows of a page", limit),
            _parameter("ordering", "rows without a value come last", {"type": "string", "enum": orderings(view)}),
            _parameter("fields", "those wanted, by their names with commas between them", {"type": "string"}),
        ]


def orderings(view: Any) -> list[str]:
    """What a list can be ordered by, as the parameter names it; `-` is the other way round."""
    names = [_shown(view.page_key), *getattr(view, "orderings", ())]
    return [sign + name for name in names for sign in ("", "-")]


def _shown(key: str) -> str:
    return "id" if key == "pk" else key


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _order(view: Any, asked: str | None) -> Order:
    key = str(getattr(view, "page_key", "pk"))
    if asked is None:
        return Order(key, key, bool(getattr(view, "page_backwards", False)))
    if asked not in orderings(view):
        detail = f"is none of {', '.join(orderings(view))}"
        raise ValidationError({"ordering": [detail]}, code="invalid_choice")
    name = asked.removeprefix("-")
    return Order(key if name == _shown(key) else name, key, asked.startswith("-"))


def whole_number(request: Request, name: str, most: int) -> int | None:
    """A parameter from 1 to `most`; None where it is not there."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most:
        return int(text)
    raise ValidationError({name: [f"has to be a whole number from 1 to {most}"]}, code="invalid")


def _cursor(order: Order, position: Position) -> str:
    place = position.key if order.column == order.key else [order.column, *position]
    text = json.dumps(place, default=lambda moment: moment.isoformat())  # to the microsecond
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str, order: Order, model: Any) -> Position:
    """Where a page ended. Whatever was tampered with is refused, and does not reach the database."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise _tampered() from None
    if order.column == order.key:
        return Position(None, _key(place, order.key))
    if not isinstance(place, list) or len(place) != 3 or place[0] != order.column:
        raise _tampered()
    return Position(_value(place[1], model._meta.get_field(order.column)), _key(place[2], order.key))


def _key(key: Any, name: str) -> str | int:
    if name != "pk" and isinstance(key, str) and key.isascii() and key.isprintable():
        return key
    if name == "pk" and type(key) is int and 0 <= key <= LONGEST_ID:
        return key
    raise _tampered()


def _value(value: Any, field: Any) -> Any:
    if value is not None and not isinstance(value, str):
        raise _tampered()
    try:
        return field.to_python(value)
    except DjangoValidationError:
        raise _tampered() from None


def _tampered() -> ValidationError:
    return ValidationError({"cursor": ["is not one that this list gave out"]}, code="invalid_cursor")
