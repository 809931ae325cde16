"""Serializers that find every fault at once, whole-object rules included, and let no unknown key pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any, ClassVar

from rapidfuzz import fuzz, process
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import empty
from rest_framework.settings import api_settings

from people.faults import Fault, Rule, Values, examined
from people.fields import Code, Fact, found

Errors = dict[Any, Any]
OWN = api_settings.NON_FIELD_ERRORS_KEY
MOST_FAULTS = 100
"""Of an object or a list, in all that is in it; what comes after so many is not looked at."""
_most_faults = ContextVar("most_faults", default=MOST_FAULTS)


@contextmanager
def at_most(faults: int) -> Iterator[None]:
    """Look for fewer: where many objects are answered at once, each for itself."""
    token = _most_faults.set(faults)
    try:
        yield
    finally:
        _most_faults.reset(token)


class Strict(serializers.Serializer[Any]):
    """An object of a bundle. `rules` see its values, those that are good, and report what contradicts what."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    def __init__(self, *args: Any, required: bool = False, **options: Any) -> None:
        options.setdefault("allow_null", not required)
        super().__init__(*args, required=required, **options)
        self._fields: list[tuple[str, str, serializers.Field[Any, Any, Any, Any]]] | None = None

    def run_validation(self, data: Any = empty) -> Any:
        if data is None and self.allow_null and self.parent is not None:
            return None
        return self.to_internal_value(None if data is empty else data)

    def to_internal_value(self, data: Any) -> Values:
        values, errors = self.examine(data)
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def examine(self, data: Any) -> tuple[Values, Errors]:
        """The values that are good, by the names under which they are stored, and the errors of all others."""
        if not isinstance(data, dict):
            return {}, {OWN: [ErrorDetail(f"{found(data)} where an object belongs", "not_an_object")]}
        values: Values = {}
        errors: Errors = {}
        known = self.fields.fields  # the dict inside: a key is looked up without a call
        most = _most_faults.get()
        for key in islice((key for key in data if key not in known), most):
            errors[key] = [ErrorDetail(_unknown(key, known), "unknown_key")]
        if self._fields is None:
            self._fields = [(name, stored_name(field), field) for name, field in known.items()]
        faults = 0
        for name, stored, field in self._fields:
            if faults >= most:
                return values, errors
            if name not in data:
                if field.required and not (self.partial and self.parent is None):
                    errors[name] = [ErrorDetail("is missing", "required")]
                continue
            value, wrong = examine(field, data[name])
            if wrong:
                errors[name] = wrong
                faults += faults_in(wrong)
            if not wrong or value:
                values[stored] = value
        for fault in islice(examined(self.rules, values), most):
            place(errors, fault)
        return values, errors


def stored_name(field: serializers.Field[Any, Any, Any, Any]) -> str:
    """The name under which a field's value is stored."""
    return (field.source or "").partition(".")[0]


MOST_ROWS = 20_000
"""Of one list of one object: longer ones take longer than anybody waits."""


class Rows(Fact, serializers.ListField):
    """A list; null is none of it. Its rows are reported by position."""

    def __init__(self, child: serializers.Field[Any, Any, Any, Any], *, at_least: int = 0, **options: Any) -> None:
        self.at_least = at_least
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        values, errors = self.examine(data)
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def examine(self, data: Any) -> tuple[list[Any], Errors]:
        """The rows in their places, bad ones as far as they are good, and the errors by position."""
        if not isinstance(data, list):
            return [], {OWN: [ErrorDetail(f"{found(data)} where a list belongs", "not_a_list")]}
        if len(data) > MOST_ROWS:
            return [], {OWN: [ErrorDetail(f"{MOST_ROWS} rows are the most of a list, not {len(data)}", "too_many")]}
        values: list[Any] = []
        errors: Errors = {}
        faults, most = 0, _most_faults.get()
        for index, row in enumerate(data):
            value, wrong = examine(self.child, row) if row is not None else (None, _null())
            values.append(value)
            if wrong:
                errors[index] = wrong
                faults += faults_in(wrong)
                if faults >= most:
                    return values, errors
        if len(data) < self.at_least:
            errors[OWN] = [ErrorDetail(f"at least {self.at_least} belongs here", "empty")]
        return values, errors

    def to_representation(self, data: Any) -> list[Any]:
        rows = data.all() if hasattr(data, "all") else data
        return [self.child.to_representation(row) for row in rows]


class ByCode(Fact, serializers.DictField):
    """An object whose keys are codes, such as countries."""

    def __init__(self, key: Code, child: serializers.Field[Any, Any, Any, Any], **options: Any) -> None:
        self.key = key
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values, errors = self.examine(data)
        if errors:
            raise serializers.ValidationError(errors)
        return values

    def examine(self, data: Any) -> tuple[dict[str, Any], Errors]:
        if not isinstance(data, dict):
            return {}, {OWN: [ErrorDetail(f"{found(data)} where an object belongs", "not_an_object")]}
        values: dict[str, Any] = {}
        errors: Errors = {}
        faults, most = 0, _most_faults.get()
        for key, entry in data.items():
            _, wrong = examine(self.key, key)
            if not wrong:
                values[key], wrong = examine(self.child, entry) if entry is not None else (None, _null())
            if wrong:
                errors[key] = wrong
                faults += faults_in(wrong)
                if faults >= most:
                    break
        return values, errors


def examine(field: serializers.Field[Any, Any, Any, Any], data: Any) -> tuple[Any, Any]:
    """A field's value, or as much of it as is good, and its errors."""
    if data is not None and isinstance(field, (Strict, Rows, ByCode)):
        return field.examine(data)
    try:
        return field.run_validation(data), None
    except serializers.ValidationError as error:
        return None, error.detail


def faults_in(errors: Any) -> int:
    """How many there are in nested errors."""
    return sum(map(faults_in, errors.values())) if isinstance(errors, dict) else len(errors)


def place(errors: Errors, fault: Fault) -> None:
    """Put a fault where its path leads, unless something is wrong there already."""
    node: Any = errors
    for step in fault.path[:-1]:
        node = node.setdefault(step, {})
        if not isinstance(node, dict):
            return
    last: Any = fault.path[-1] if fault.path else OWN
    if isinstance(node.get(last), dict):  # the faults of its rows or fields; this one is of the whole
        node, last = node[last], OWN
    node.setdefault(last, [ErrorDetail(fault.detail, fault.code)])


def _null() -> list[ErrorDetail]:
    return [ErrorDetail("null has no meaning here", "null")]


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    close = process.extractOne(key, known.keys(), scorer=fuzz.ratio, score_cutoff=60) if len(key) < 100 else None
    return f"unknown key {key[:100]!r}" + (f"; did you mean {close[0]!r}?" if close else "")
