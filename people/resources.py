"""What all REST resources share: roles, strict parameters, JSON read without guessing, errors by JSON pointer."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import IO, Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpResponse
from rest_framework import viewsets
from rest_framework.exceptions import APIException, ErrorDetail, MethodNotAllowed, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from people import conditions
from people.constraints import REFERENCE
from people.idempotency import Repeatable
from people.models import Role
from people.paging import PARAMETERS, KeysetPagination
from people.principal import has_role
from people.row_security import see_as, seen_by
from people.scopes import ScopePermission
from people.strict import MOST_FAULTS

READERS = tuple(Role)
NUMBER = r"[0-9]{1,18}"
KEYS = {"reference": REFERENCE.strip("^$"), "email": r"[!-~]{3,254}"}
"""How the keys look under which objects are found; all others are numbers."""
FIELDS = "fields"
DIGITS = 40
"""Longer whole numbers are no number any field takes; reading them takes quadratic time."""


class RolePermission(BasePermission):
    """Reading and writing by role, as the view names them; which rows is the queryset's business."""

    def has_permission(self, request: Request, view: Any) -> bool:
        reads = request.method in SAFE_METHODS or request.method not in view.allowed_methods  # the latter is a 405
        roles = view.readers if reads else view.writers
        return has_role(request, *roles)


MOST_VALUES = 600_000
"""Of a body: reading a value takes longer than reading its text. A list of lines at its longest has 540,000."""


class TooLarge(APIException):
    status_code = 413
    default_detail = "The body is too large."
    default_code = "too_large"


def loads(text: str) -> Any:
    """JSON in which no key occurs twice and no number is NaN. Raises ValueError or RecursionError."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_int=_whole)


def body(stream: IO[Any], most: int) -> bytes:
    """What was sent; TooLarge beyond so many bytes."""
    sent: bytes = stream.read(most + 1)
    if len(sent) > most:
        raise TooLarge
    return sent


def allow_long_body(request: Request, most: int) -> None:
    """Read a body that may be longer than those of all other addresses; the parser refuses what is longer still."""
    if not hasattr(request._request, "_body"):
        request._request._body = request._request.read(most + 1)


class StrictJSONParser(JSONParser):
    """JSON read strictly; whatever is wrong with it is the sender's error."""

    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    before_values: ClassVar[tuple[bytes, ...]] = (b",", b"[", b"{")
    """What stands before each value but the first; where it stands in text it is counted as well."""

    def most_values(self, length: int) -> int:
        """Of a body of so many bytes."""
        return MOST_VALUES

    def text(self, stream: IO[Any]) -> str:
        sent = body(stream, self.most)
        if sum(map(sent.count, self.before_values)) > (most := self.most_values(len(sent))):
            raise TooLarge(f"The body has more than {most:,} values, counted by commas and opening brackets.")
        try:
            return sent.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ParseError(f"not UTF-8: the byte at {error.start} begins no character") from None

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return loads(self.text(stream))
        except RecursionError:
            raise ParseError("nested too deeply") from None
        except ValueError as error:
            raise ParseError(f"not JSON: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return read


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON's")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < DIGITS else float("inf")


def refusal(faults: Iterable[tuple[Sequence[str | int], str, str]]) -> ValidationError:
    """The error of a body from (path, code, detail) of each of its faults, the first MOST_FAULTS of them.

    A step that a pointer cannot show (a key with a dot in it) ends the path at the object that holds it.
    """
    detail: dict[str, Any] = {}
    own = api_settings.NON_FIELD_ERRORS_KEY
    told = list(islice(faults, MOST_FAULTS))
    if len(told) == MOST_FAULTS:
        told.append(((), "too_many_faults", f"there may be more: after {MOST_FAULTS} faults no other is told"))
    for path, code, words in told:
        node = detail
        for step in path:
            name = str(step).encode("utf-8", "replace").decode()
            if "." in name or not name:
                break
            node = node.setdefault(name, {})
        node.setdefault(own, []).append(ErrorDetail(words.encode("utf-8", "replace").decode(), code))
    return ValidationError(detail)


class MergePatchParser(StrictJSONParser):
    """A JSON Merge Patch (RFC 7396)."""

    media_type = "application/merge-patch+json"


def check_parameters(request: Request, known: Collection[str]) -> None:
    """Refuse parameters that are not known, stand twice or are empty: none is ignored, or read as what it is not."""
    detail = f"this address knows {', '.join(sorted(known))}" if known else "this address takes no parameters"
    faults = []
    for name, values in request.query_params.lists():
        if name not in known:
            faults.append(((name,), "unknown_parameter", f"unknown parameter {name[:100]!r}; {detail}"))
        elif len(values) > 1:
            faults.append(((name,), "twice", "stands here more than once"))
        elif not values[0].strip():
            faults.append(((name,), "blank", "is empty; leave the parameter out"))
    if faults:
        raise refusal(faults)


def keep_fields(serializer: Any, names: Sequence[str]) -> None:
    """Leave a serializer the fields that are named; refuse names that it does not have."""
    if unknown := [name for name in names if name not in serializer.fields]:
        detail = f"there is no {unknown[0][:100]!r} among {', '.join(serializer.fields)}"
        raise refusal([((FIELDS,), "unknown_field", detail)])
    for name in [name for name in serializer.fields if name not in names]:
        serializer.fields.pop(name)


class Bounded(Repeatable):
    """Counts each request before anything else is decided, also those of nobody; answers a body beyond
    DATA_UPLOAD_MAX_MEMORY_SIZE with 413."""

    scope: ClassVar[str] = ""
    """The resource whose scopes (people/scopes.py) a credential needs; without one no credential will do."""
    verbs: ClassVar[Mapping[str, str]] = {}
    """Of actions that need another verb than their method says."""
    failures: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Of actions: statuses with which they fail beyond those that the OpenAPI document has for their kind."""
    takes: ClassVar[Collection[str] | None] = ()
    """Parameters; None: they are not looked at here."""

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """What can be done here is in `Allow`; what it means is in the OpenAPI document."""
        return HttpResponse(status=204)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.takes is not None and request.method in self.allowed_methods:
            check_parameters(request, self.takes)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        finally:
            self.check_throttles(request)

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(TooLarge() if isinstance(exc, RequestDataTooBig) else exc)


class Resource(Bounded, viewsets.GenericViewSet[Any]):
    """Objects under their references, listed in pages; parameters that are not known are errors."""

    readers: ClassVar[Sequence[Role]] = READERS
    writers: ClassVar[Sequence[Role]] = (Role.ADMINISTRATOR,)
    permission_classes = (RolePermission, ScopePermission)
    parser_classes = (StrictJSONParser,)
    takes = None  # each action has its own
    pagination_class: type[KeysetPagination] | None = KeysetPagination
    lookup_field = "reference"
    lookup_value_regex = "[^/]+"
    page_key = "reference"
    page_backwards = False
    filterset_class: Any = None
    orderings: ClassVar[Sequence[str]] = ()
    """Columns by which a list can be ordered, besides its key."""
    other_parameters: ClassVar[Sequence[str]] = ()
    """Parameters of the list that neither filter nor page it."""
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Parameters of other actions."""
    conditional: ClassVar[Sequence[str]] = ()
    """Actions that write what somebody may have read under an ETag."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None:
            raise MethodNotAllowed(str(request.method))
        if request.method in SAFE_METHODS:  # of which the whole is one transaction, see config/row_security.py
            see_as(request.user)
        elif self.action not in self.conditional:
            conditions.check_untagged(request)
        known = set(self.parameters.get(self.action or "", ()))
        if self.action == "list":
            filters = self.filterset_class.base_filters if self.filterset_class else ()
            known |= {*filters, *self.other_parameters, *((*PARAMETERS, FIELDS) if self.pagination_class else ())}
        check_parameters(request, known)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return self.asked(super().get_serializer(*args, **kwargs))

    def asked(self, serializer: Any) -> Any:
        """A serializer, of a list or an object, with the fields alone that `fields` names."""
        asked = self.request.query_params.get(FIELDS)
        if asked is not None and self.request.method in SAFE_METHODS:
            keep_fields(getattr(serializer, "child", serializer), asked.split(","))
        return serializer

    def get_object(self) -> Any:
        """An address that cannot be that of an object is that of none; neither is that of one not to be seen."""
        value = str(self.kwargs[self.lookup_url_kwarg or self.lookup_field])
        if not re.fullmatch(KEYS.get(self.lookup_field, NUMBER), value, re.ASCII):
            raise Http404
        if self.request.method in SAFE_METHODS:
            return super().get_object()
        with seen_by(self.request.user):
            return super().get_object()
