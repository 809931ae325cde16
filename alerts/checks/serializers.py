"""Checks, releases and changes as the REST interface spells them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from alerts.checks.candidates import MOST, Candidate
from alerts.checks.decisions import NEXT_STEP, Decision
from alerts.models import Answer, Check, CheckRelease, CheckTurn
from alerts.models.actions import Reason
from alerts.models.checks import Purpose
from alerts.models.flags import Basis, Certainty, Kind
from alerts.serializers.flags import CLEARING, REASON, ExposureSerializer
from people.fields import Choice, Day, Text, Whole
from people.strict import Rows, Strict

LONGEST_TEXT = 5000
LONGEST_ID = 2**63 - 1
MOST_ACKNOWLEDGED = 1000
STEPS = list(NEXT_STEP.values())
DECISIONS = [(str(decision), str(decision)) for decision in Decision]


class ReleaseWritten(Strict):
    """`decision` may name the answer that was read: 409 where it is another one by now."""

    reason = Choice(choices=Reason.choices, required=True)
    text = Text(required=True, longest=LONGEST_TEXT)
    expires_on = Day(required=True)
    decision = Choice(choices=Answer.choices)


class TakenBack(Strict):
    text = Text(required=True, longest=LONGEST_TEXT)


class Acknowledgement(Strict):
    """Up to 1,000 changes by their ids."""

    changes = Rows(Whole(required=True, most=LONGEST_ID), at_least=1, required=True)


class VerificationAsked(Strict):
    receipt = Text(required=True, longest=100_000)


class LineAnswer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    decision = serializers.ChoiceField(DECISIONS)
    next_step = serializers.ChoiceField(STEPS)


class CandidateSerializer(serializers.Serializer[Candidate]):
    organization = serializers.CharField(help_text="its reference")
    name = serializers.CharField(allow_null=True)
    score = serializers.FloatField(help_text="0 to 100; a hint for a person, never a match")
    because = serializers.ChoiceField(["identifier", "name"])
    alike = serializers.CharField(help_text="the identifier or the name that is alike")


class UnidentifiedSerializer(serializers.Serializer[Any]):
    role = serializers.CharField(help_text="supplier, buyer or end_user")
    name = serializers.CharField()
    candidates = CandidateSerializer(many=True, help_text=f"the best first, at most {MOST}")


class FindingSerializer(serializers.Serializer[Any]):
    """A measure that stands against the step, as a flag has it."""

    measure = serializers.CharField()
    policy_change = serializers.CharField()
    effect = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    decision = serializers.ChoiceField(DECISIONS)
    certainty = serializers.ChoiceField(Certainty.choices)
    basis = serializers.ChoiceField(Basis.choices)
    lines = serializers.ListField(child=serializers.IntegerField())
    reasons = REASON
    would_clear_if = CLEARING
    act_by = serializers.DateField()
    exposure = ExposureSerializer(allow_null=True)


class ReleaseSerializer(serializers.Serializer[CheckRelease]):
    id = serializers.IntegerField()
    by = serializers.EmailField()
    at = serializers.DateTimeField()
    reason = serializers.ChoiceField(Reason.choices)
    text = serializers.CharField()
    expires_on = serializers.DateField(help_text="inclusive, in the business time zone")


FAULT = inline_serializer(
    "DocumentFault",
    {
        "pointer": serializers.CharField(help_text="JSON pointer into the call"),
        "code": serializers.CharField(),
        "detail": serializers.CharField(),
    },
    many=True,
)


class ResultSerializer(serializers.Serializer[Any]):
    """The answer about one document, in the order of the call."""

    document = serializers.CharField(allow_null=True)
    purpose = serializers.ChoiceField(Purpose.choices, allow_null=True)
    decision = serializers.ChoiceField(DECISIONS)
    next_step = serializers.ChoiceField(STEPS)
    lines = LineAnswer(many=True)
    findings = FindingSerializer(many=True)
    unidentified = UnidentifiedSerializer(many=True)
    release = ReleaseSerializer(allow_null=True)
    errors = FAULT  # type: ignore[assignment]  # a field, not the property
    valid_until = serializers.DateTimeField(required=False, help_text="of all but errors")
    id = serializers.UUIDField(required=False, help_text="with a receipt")
    watched_until = serializers.DateTimeField(required=False, help_text="with a receipt: up to when you hear of turns")
    receipt = serializers.CharField(required=False, help_text="a JSON Web Signature, see GET /checks/keys")


class AnswerSerializer(serializers.Serializer[Any]):
    policy_version = serializers.CharField(help_text="of the policies that the answer stands on")
    policies_set_aside = serializers.ListField(
        child=serializers.CharField(), help_text="measures and licences that cannot be read: with one nothing is clear"
    )
    checked_at = serializers.DateTimeField()
    results = ResultSerializer(many=True)


class TurnSerializer(serializers.ModelSerializer[CheckTurn]):
    """An answer that is another one now; it is listed until it is acknowledged."""

    check_id = serializers.UUIDField(source="parent.uuid")
    document = serializers.CharField(source="parent.reference")
    purpose = serializers.ChoiceField(Purpose.choices, source="parent.purpose")
    department = serializers.CharField(source="parent.department.reference", allow_null=True, default=None)
    decision = serializers.CharField(source="after")
    decision_before = serializers.CharField(source="before")
    next_step = serializers.SerializerMethodField()
    lines = serializers.DictField(source="lines_after", child=serializers.CharField(), help_text="decisions by line")
    lines_before = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = CheckTurn
        fields = (
            "id",
            "check_id",
            "document",
            "purpose",
            "department",
            "at",
            "decision",
            "decision_before",
            "next_step",
            "lines",
            "lines_before",
            "measures",
            "policy_version",
        )

    @extend_schema_field(serializers.ChoiceField(STEPS))
    def get_next_step(self, turn: CheckTurn) -> str:
        return NEXT_STEP[Decision(turn.after)]


class CheckSerializer(serializers.ModelSerializer[Check]):
    """A check that has a receipt; `stands` is what the answer is now."""

    id = serializers.UUIDField(source="uuid")
    owner = serializers.CharField(source="owner.email")
    department = serializers.CharField(source="department.reference", allow_null=True, default=None)
    document = serializers.CharField(source="reference")
    decision = serializers.CharField(source="answer")

    class Meta:
        model = Check
        fields = (
            "id",
            "document",
            "purpose",
            "decision",
            "stands",
            "owner",
            "department",
            "checked_at",
            "valid_until",
            "watched_until",
            "policy_version",
        )


class WholeCheckSerializer(CheckSerializer):
    """With the document as it was sent, the receipt, the turns and the releases."""

    sent = serializers.JSONField(source="document")
    lines = serializers.DictField(child=serializers.CharField())
    stands_lines = serializers.DictField(child=serializers.CharField())
    turns = TurnSerializer(many=True)
    releases = serializers.SerializerMethodField()

    class Meta(CheckSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *CheckSerializer.Meta.fields,
            "sent",
            "lines",
            "stands_lines",
            "receipt",
            "turns",
            "releases",
        )

    @extend_schema_field(ReleaseSerializer(many=True))
    def get_releases(self, check: Check) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self.context["releases"]
        return held


class VerificationSerializer(serializers.Serializer[Any]):
    genuine = serializers.BooleanField()
    wrong = serializers.ChoiceField(["malformed", "other_kind", "unknown_key", "signature"], allow_null=True)
    expired = serializers.BooleanField(allow_null=True, help_text="its `valid_until` is past")
    stands = serializers.ChoiceField(
        Answer.choices, allow_null=True, help_text="what the answer is now; null: not a check of ours that you may see"
    )
    claims = serializers.JSONField(allow_null=True)


class AcknowledgedSerializer(serializers.Serializer[Any]):
    acknowledged = serializers.IntegerField(help_text="how many had not been before")


class KeysSerializer(serializers.Serializer[Any]):
    """A JWK Set (RFC 7517)."""

    keys = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
