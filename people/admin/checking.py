"""Forms that check what people type by the very rules that an import and the REST interface keep.

A form's values are put into the shape of a bundle and read by its serializer; the faults come back to their fields.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextInputWidget

from people.faults import Rule, Values, examined
from people.strict import OWN, Strict


def spelled(value: Any) -> Any:
    """A form's value as a bundle spells it: references for objects, text for numbers and days."""
    if isinstance(value, models.Model):
        return getattr(value, "reference", None) or getattr(value, "email", None)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, models.QuerySet):
        return [spelled(row) for row in value]
    return None if value == "" else value


def messages(errors: Any, at: str = "") -> list[str]:
    """The faults of one field in words; those deep inside a value name their place."""
    if isinstance(errors, Mapping):
        found: list[str] = []
        for step, nested in errors.items():
            found += messages(nested, at if step == OWN else f"{at}/{step}" if at else str(step))
        return found
    return [f"{at}: {error}" if at else str(error) for error in errors]


class CheckedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose values a serializer checks; `values` holds them as it read them.

    Texts left empty are not established, not empty.
    """

    serializer: ClassVar[Strict | None] = None
    values: Values

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, value in self.initial.items():
            if isinstance(value, Decimal):
                self.initial[name] = Decimal(f"{value.normalize():f}")  # without the zeros of the column

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, field in self.fields.items():
            if cleaned.get(name) == "" and isinstance(field, forms.CharField):
                cleaned[name] = None if _nullable(self._meta.model, name) else ""
        self.values = {}
        if self.serializer is not None:
            self._examine(self.serializer, cleaned)
        return cleaned

    def _examine(self, serializer: Strict, cleaned: dict[str, Any]) -> None:
        stored = {name: str(field.source).partition(".")[0] for name, field in serializer.fields.items()}
        sent = {name: spelled(cleaned[column]) for name, column in stored.items() if column in cleaned}
        self.values, errors = serializer.examine(sent)
        for name, found in errors.items():
            if name not in sent and not (name == OWN or isinstance(found, Mapping)):
                continue  # the form does not have it, or has said already what is wrong with it
            field = stored.get(name)
            self.add_error(field if field in self.fields else None, messages(found))
        for column, value in self.values.items():
            if column in cleaned and not isinstance(cleaned[column], models.Model | models.QuerySet):
                cleaned[column] = value


def _nullable(model: type[models.Model], name: str) -> bool:
    try:
        return bool(getattr(model._meta.get_field(name), "null", False))
    except LookupError:
        return False


class CheckedFormSet(PaginationInlineFormSet):
    """The rows of a part; the rules of the whole object that concern them are checked over all of them.

    `retires` keeps rows that are taken out, marked as retired, in place of deleting them.
    """

    section: ClassVar[str | None] = None
    rules: ClassVar[tuple[Rule, ...]] = ()

    def clean(self) -> None:
        super().clean()
        if self.section is None:
            return
        rows = [form for form in self.forms if form.has_changed() or form.instance.pk]
        rows = [form for form in rows if form not in self.deleted_forms]
        whole = {self.section: [getattr(form, "values", None) or None for form in rows]}
        loose: list[str] = []
        for fault in examined(self.rules, whole):
            step = fault.path[1] if len(fault.path) > 1 else None
            if not isinstance(step, int):
                loose.append(fault.detail)
                continue
            field = str(fault.path[2]) if len(fault.path) > 2 else None
            form = rows[step]
            form.add_error(field if field in form.fields else None, fault.detail)
        if loose:
            raise ValidationError(loose)


class CodesField(forms.Field):
    """Codes separated by commas. Empty is not established; a dash says that there are none."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, none_is_empty: bool = False, **options: Any) -> None:
        self.none_is_empty = none_is_empty
        super().__init__(required=False, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return ", ".join(value) if value or self.none_is_empty else "-"
        return value

    def to_python(self, value: Any) -> Any:
        text = "" if value is None else str(value).strip()
        if text in ("-", "–"):
            return []
        if not text:
            return [] if self.none_is_empty else None
        return [code for part in text.replace("、", ",").replace("，", ",").split(",") if (code := part.strip())]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(initial != self.to_python(data))


class IndentedJSONField(forms.JSONField):
    """JSON as people can read it."""

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, ensure_ascii=False, indent=1)
