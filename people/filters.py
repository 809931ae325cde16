"""Parameters of lists, read as strictly as the same kinds of value in a bundle; and by what users can be filtered."""

from typing import Any, cast

from django import forms
from django_filters import rest_framework as filters
from rest_framework.exceptions import ErrorDetail, ValidationError

from people.fields import Day
from people.models import Role, User


class DayField(forms.Field):
    """A day such as 2026-01-13, within the years that any date here may have."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return Day().to_internal_value(value)
        except ValidationError as error:
            ((code, words),) = ((fault.code, str(fault)) for fault in cast(list[ErrorDetail], error.detail))
            raise forms.ValidationError(words, code=code) from None


class DayFilter(filters.DateFilter):
    field_class = DayField


class YesNoField(forms.Field):
    """true or false; whatever else stands there is no filter to be left out."""

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("is neither true nor false", code="not_a_boolean")
        return value == "true"


class YesNoFilter(filters.BooleanFilter):
    field_class = YesNoField

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"widget": forms.TextInput, **options})


class UserFilter(filters.FilterSet):
    department = filters.CharFilter(field_name="departments__reference")
    role = filters.ChoiceFilter(choices=Role.choices, method="with_role")

    class Meta:
        model = User
        fields = ("department",)

    def with_role(self, users: Any, name: str, value: str) -> Any:
        return users.filter(roles__contains=[value])
