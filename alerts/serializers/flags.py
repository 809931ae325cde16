"""Flags over REST: read; only what people do about them is written."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer as Read

from alerts.bundle.output import exact
from alerts.escalation.outlook import Next
from alerts.flag_report import Told, Why, name_of
from alerts.models import (
    Channel,
    EscalationStep,
    Flag,
    FlagAction,
    FlagEvent,
    Standing,
    Step,
)
from policies.serializers import EvidenceSerializer


class ExposureSerializer(serializers.Serializer[Any]):
    amount = serializers.CharField(help_text="the exact amount")
    currency = serializers.CharField()


class FlagSerializer(Read[Flag]):
    """A flag as lists hold it; the page of one says why."""

    contract = serializers.CharField(source="contract.reference")
    measure = serializers.SerializerMethodField()
    policy_change = serializers.CharField(source="measure.change.reference")
    exposure = serializers.SerializerMethodField()
    owner = serializers.CharField(source="contract.owner", allow_null=True)
    department = serializers.CharField(source="contract.department.reference", allow_null=True, default=None)
    state = serializers.SerializerMethodField(help_text="what people made of it")
    assignee = serializers.CharField(source="disposition.assignee.email", allow_null=True, default=None)
    expires_on = serializers.DateField(source="disposition.expires_on", allow_null=True, default=None)

    class Meta:
        model = Flag
        fields = (
            "id",
            "contract",
            "measure",
            "policy_change",
            "kind",
            "certainty",
            "basis",
            "lines",
            "act_by",
            "exposure",
            "owner",
            "department",
            "state",
            "assignee",
            "expires_on",
            "contract_version",
            "policy_version",
            "opened_at",
            "updated_at",
            "closed_at",
            "closed_because",
        )

    @extend_schema_field(serializers.ChoiceField(Standing.choices))
    def get_state(self, flag: Flag) -> str:
        """Of a flag that nobody has done anything about there is no disposition."""
        disposition = getattr(flag, "disposition", None)
        return str(disposition.standing) if disposition else Standing.OPEN.value

    def get_measure(self, flag: Flag) -> str:
        return name_of(flag.measure)

    @extend_schema_field(ExposureSerializer(allow_null=True))
    def get_exposure(self, flag: Flag) -> dict[str, str] | None:
        return exact(flag.exposure)


COMMITMENT = inline_serializer(
    "Commitment",
    {
        "act": serializers.ChoiceField(["conclusion", "call_off", "amendment", "renewal"]),
        "contract": serializers.CharField(help_text="the flag's contract or a call-off of it"),
        "on": serializers.DateField(allow_null=True, help_text="the day as reported; of a renewal the new end"),
        "in_force": serializers.BooleanField(help_text="before the flag opened, but the measure stood against it"),
    },
    many=True,
    allow_null=True,
)


class EventSerializer(Read[FlagEvent]):
    concluded = serializers.SerializerMethodField(help_text="what was concluded in spite of the flag")

    class Meta:
        model = FlagEvent
        fields = (
            "at",
            "kind",
            "run",
            "certainty_before",
            "certainty",
            "basis_before",
            "basis",
            "act_by_before",
            "act_by",
            "concluded",
        )

    @extend_schema_field(COMMITMENT)
    def get_concluded(self, event: FlagEvent) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = event.concluded
        return found


class ActionSerializer(Read[FlagAction]):
    """What somebody did about the flag; `by` is null where the machine re-opened it."""

    by = serializers.CharField(
        source="done_by", allow_null=True, help_text="the address; from a mail it need not be a user's"
    )
    from_mail = serializers.SerializerMethodField(help_text="by the link in a mail to that address")
    assignee = serializers.CharField(source="assignee.email", allow_null=True, default=None)

    class Meta:
        model = FlagAction
        fields = ("at", "act", "by", "from_mail", "assignee", "reason", "text", "expires_on", "because", "changed")

    def get_from_mail(self, action: FlagAction) -> bool:
        return bool(action.address)


class NextMoveSerializer(serializers.Serializer[Next]):
    """When the flag moves on unless somebody acknowledges it, and to whom as things stand."""

    at = serializers.DateTimeField()
    step = serializers.ChoiceField(Step.choices)
    recipient = serializers.CharField()


class EscalationSerializer(Read[EscalationStep]):
    """The flag moved to somebody because nobody had acknowledged it in time."""

    class Meta:
        model = EscalationStep
        fields = ("at", "step", "recipient", "unacknowledged_by", "message")


class ToldSerializer(serializers.Serializer[Told]):
    """Who heard of the flag, by which message, and whether it has left."""

    message = serializers.IntegerField(source="message.pk")
    recipient = serializers.CharField(source="message.recipient")
    channel = serializers.ChoiceField(Channel.choices, source="message.channel")
    event = serializers.CharField(source="event.kind")
    state = serializers.CharField(source="message.state")
    sent_at = serializers.DateTimeField(source="message.sent_at", allow_null=True)


REASON = inline_serializer(
    "Reason",
    {
        "line": serializers.IntegerField(allow_null=True),
        "criterion": serializers.CharField(),
        "verdict": serializers.ChoiceField(["matched", "unknown"]),
        "contract_says": serializers.JSONField(allow_null=True),
        "measure_says": serializers.JSONField(allow_null=True),
    },
    many=True,
)
CLEARING = inline_serializer(
    "Clearing",
    {"field": serializers.CharField(), "values": serializers.ListField(child=serializers.JSONField())},
    many=True,
)


class WholeFlagSerializer(FlagSerializer):
    """A flag with its reasons, what would clear it, the evidence, its history and who was told."""

    reasons = serializers.SerializerMethodField()
    would_clear_if = serializers.SerializerMethodField()
    outdated = serializers.SerializerMethodField(
        help_text="the contract has changed since and has not been screened again: then there are no reasons"
    )
    evidence = EvidenceSerializer(source="measure.change.evidence", many=True)
    history = EventSerializer(many=True)
    told = ToldSerializer(many=True)
    actions = ActionSerializer(source="acts", many=True)
    escalates_next = NextMoveSerializer(allow_null=True)
    escalations = EscalationSerializer(source="moves", many=True)
    facts = serializers.SerializerMethodField(
        help_text="of what it was decided on; sent back with a dismissal, it is refused where the facts have changed"
    )

    class Meta(FlagSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *FlagSerializer.Meta.fields,
            "reasons",
            "would_clear_if",
            "outdated",
            "evidence",
            "history",
            "told",
            "actions",
            "escalates_next",
            "escalations",
            "facts",
        )

    @property
    def _why(self) -> Why:
        why: Why = self.context["why"]
        return why

    @extend_schema_field(REASON)
    def get_reasons(self, flag: Flag) -> list[dict[str, Any]]:
        return [asdict(reason) for reason in self._why.reasons]

    @extend_schema_field(CLEARING)
    def get_would_clear_if(self, flag: Flag) -> list[dict[str, Any]]:
        return [asdict(clearing) for clearing in self._why.would_clear_if]

    def get_facts(self, flag: Flag) -> str | None:
        return self._why.token

    def get_outdated(self, flag: Flag) -> bool:
        return self._why.outdated
