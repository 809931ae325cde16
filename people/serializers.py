"""Departments and users as a bundle and the REST interface spell them; service accounts, which no bundle has."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from people.credentials import LONGEST_OVERLAP_HOURS
from people.faults import in_order
from people.fields import Choice, Country, Day, Email, Reference, Text, Timezone, Whole, YesNo, choices, refuse
from people.models import Credential, Language, Role, Token, User
from people.scopes import SCOPES
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


class ServiceAccountWritten(Strict):
    """What is stored of a service account; a missing key leaves its value."""

    email = Email()
    name = Text(longest=500)
    departments = Rows(Reference(required=True))
    roles = Rows(Choice(choices=Role.values, required=True))
    active = YesNo(source="is_active")


class ServiceAccountSerializer(serializers.ModelSerializer[User]):
    departments = serializers.SlugRelatedField[Any]("reference", many=True, read_only=True)
    active = serializers.BooleanField(source="is_active")

    class Meta:
        model = User
        fields = ("email", "name", "departments", "roles", "active")


class Days(Whole):
    """For how many days a secret is good: one to CREDENTIAL_DAYS, and as many where nothing is said."""

    def __init__(self, **options: Any) -> None:
        super().__init__(most=settings.CREDENTIAL_DAYS, **options)

    def to_internal_value(self, data: Any) -> int:
        days = super().to_internal_value(data)
        return days or refuse("out_of_range", f"0 does not lie between 1 and {self.most}")


class CredentialWritten(Strict):
    name = Text(longest=100, required=True)
    scopes = Rows(Choice(choices=list(SCOPES), required=True), at_least=1, required=True)
    days = Days()


class CredentialRotation(Strict):
    days = Days()
    overlap_hours = Whole(most=LONGEST_OVERLAP_HOURS)


class Nothing(Strict):
    """No particulars."""


class CredentialSecretSerializer(serializers.ModelSerializer[Token]):
    """A secret as far as it is ever told again."""

    expires_at = serializers.DateTimeField(source="expiry")

    class Meta:
        model = Token
        fields = ("last_four", "created", "expires_at", "last_used_at")


class CredentialSerializer(serializers.ModelSerializer[Credential]):
    secrets = CredentialSecretSerializer(many=True, help_text="the newest last; two while one takes the other's place")

    class Meta:
        model = Credential
        fields = (
            "id",
            "name",
            "client_id",
            "scopes",
            "created_at",
            "created_by",
            "revoked_at",
            "revoked_by",
            "secrets",
        )


class NewCredentialSerializer(CredentialSerializer):
    secret = serializers.CharField(help_text="a token, and the client_secret of OAuth2; it is shown this once")

    class Meta(CredentialSerializer.Meta):
        fields = (*CredentialSerializer.Meta.fields, "secret")  # type: ignore[assignment]
