"""Departments and users as a bundle and the REST interface spell them."""

from typing import Any

from rest_framework import serializers

from people.faults import in_order
from people.fields import Choice, Country, Day, Email, Reference, Text, Timezone, choices
from people.models import Language, Role
from people.strict import Rows, Strict


class Period(Strict):
    """An object with `from` and `until`: days inclusive, null where open."""

    rules = (in_order("from_on", "until_on", path="until"),)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "from": Day(source="from_on"), "until": Day(source="until_on")}


class DepartmentSerializer(Strict):
    reference = Reference(required=True)
    name = Text(longest=500)
    mailbox = Email()
    head = Email()
    country = Country()


class UserSerializer(Strict):
    email = Email(required=True)
    name = Text(longest=500)
    departments = Rows(Reference(required=True))
    roles = Rows(Choice(choices=Role.values, required=True))
    language = choices(Language.values)
    country = Country()
    timezone = Timezone()
    deputy = Email()
    away = Rows(Period(required=True), source="absences")
