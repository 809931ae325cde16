"""Messages and the attempts at sending them over REST."""

from rest_framework import serializers
from rest_framework.serializers import ModelSerializer as Read

from alerts.models import (
    Message,
    MessageAttempt,
)


class MessageSerializer(Read[Message]):
    policy_change = serializers.CharField(source="policy_change.reference", allow_null=True, default=None)

    class Meta:
        model = Message
        fields = (
            "id",
            "recipient",
            "channel",
            "purpose",
            "state",
            "policy_change",
            "run",
            "language",
            "subject",
            "message_id",
            "attempts",
            "last_answer",
            "created_at",
            "rendered_at",
            "next_attempt_at",
            "sent_at",
        )


class AttemptSerializer(Read[MessageAttempt]):
    """One attempt at sending a message; without a fate it is under way."""

    class Meta:
        model = MessageAttempt
        fields = ("number", "started_at", "ended_at", "stage", "fate", "answer")


class WholeMessageSerializer(MessageSerializer):
    """A message with the flags it tells of, and its text once it is written: when it is first about to leave."""

    flags = serializers.SerializerMethodField()
    log = AttemptSerializer(many=True)
    in_place_of = serializers.IntegerField(source="in_place_of_id", allow_null=True)

    class Meta(MessageSerializer.Meta):
        fields = (*MessageSerializer.Meta.fields, "text", "html", "flags", "log", "in_place_of")  # type: ignore[assignment]

    def get_flags(self, message: Message) -> list[int]:
        return list(message.told().order_by("flag_id").values_list("flag_id", flat=True).distinct())
