"""Endpoints and deliveries as the REST interface spells them."""

from typing import Any

from rest_framework import serializers

from alerts.models import WebhookDelivery, WebhookEndpoint, WebhookType
from alerts.webhooks.endpoints import LONGEST_OVERLAP_HOURS, why_not
from people.fields import Choice, Email, Instant, Reference, Text, Whole, YesNo, refuse
from people.strict import Errors, Rows, Strict

LONGEST_SEQUENCE = 2**63 - 1


class HookUrl(Text):
    """Where something may be sent, as far as its spelling tells."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if reason := why_not(text):
            refuse("not_public", f"nothing is sent there: {reason}")
        return text


class Types(Rows):
    """Event types, each once; none is an error, for an endpoint that hears nothing is a mistake."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Choice(choices=WebhookType.choices, required=True), at_least=1, **options)

    def examine(self, data: Any) -> tuple[list[Any], Errors]:
        values, errors = super().examine(data)
        return list(dict.fromkeys(values)), errors


class EndpointWritten(Strict):
    """What is stored of an endpoint; a missing key leaves its value."""

    reference = Reference()
    url = HookUrl()
    description = Text(longest=500)
    events = Types()
    department = Reference()
    owner = Email()


class Rotation(Strict):
    overlap_hours = Whole(most=LONGEST_OVERLAP_HOURS)


class Replay(Strict):
    """`since` or `from_sequence` is required; both ends are inclusive."""

    since = Instant()
    until = Instant()
    from_sequence = Whole(most=LONGEST_SEQUENCE)
    to_sequence = Whole(most=LONGEST_SEQUENCE)
    delivered = YesNo()


class Nothing(Strict):
    """No particulars."""


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint; its secret is told when it is made and never again."""

    owner = serializers.CharField(source="owner.email")
    department = serializers.CharField(source="department.reference", allow_null=True, default=None)
    events = serializers.ListField(child=serializers.ChoiceField(WebhookType.choices))
    enabled = serializers.BooleanField(source="is_enabled")
    disabled_because = serializers.CharField(help_text="`person`, `gone`, `failing`; empty while it is switched on")

    class Meta:
        model = WebhookEndpoint
        fields = (
            "reference",
            "url",
            "description",
            "owner",
            "department",
            "events",
            "enabled",
            "disabled_at",
            "disabled_because",
            "failures",
            "failing_since",
            "paused_until",
            "previous_secret_until",
            "created_at",
        )


class SecretSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="shown this once")


class NewEndpointSerializer(EndpointSerializer):
    secret = serializers.CharField(help_text="shown this once; only in the answer that creates")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class ReplayedSerializer(serializers.Serializer[Any]):
    queued = serializers.IntegerField()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    endpoint = serializers.CharField(source="endpoint.reference")
    type = serializers.CharField(source="event.type")
    sequence = serializers.IntegerField(source="event_id")
    message_id = serializers.CharField(source="event.message_id", help_text="the header webhook-id")

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "endpoint",
            "type",
            "sequence",
            "message_id",
            "state",
            "attempts",
            "last_status",
            "last_answer",
            "created_at",
            "next_attempt_at",
            "delivered_at",
        )
