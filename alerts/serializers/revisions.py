"""Edits of published policy changes that wait, over REST."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer as Read

from alerts.revisions import differences
from policies.models import PolicyChangeRevision
from policies.serializers import PolicyChangeSerializer

DIFFERENCE = inline_serializer(
    "Difference",
    {
        "field": serializers.CharField(help_text="such as measures/1/scope/end_uses, measures by their keys"),
        "now": serializers.JSONField(allow_null=True),
        "then": serializers.JSONField(allow_null=True),
    },
    many=True,
)


class RevisionSerializer(Read[PolicyChangeRevision]):
    """An edit of a published policy change that waits to be published too."""

    policy_change = serializers.CharField(source="change.reference")
    by = serializers.CharField(source="by.email")
    outdated = serializers.SerializerMethodField(
        help_text="the change was altered after the revision was made: it cannot be published"
    )
    outcome = PolicyChangeSerializer()
    differences = serializers.SerializerMethodField(help_text="from what is in force now")

    class Meta:
        model = PolicyChangeRevision
        fields = ("id", "policy_change", "by", "created_at", "version", "outdated", "content", "outcome", "differences")

    def get_outdated(self, revision: PolicyChangeRevision) -> bool:
        return revision.version != revision.change.version

    @extend_schema_field(DIFFERENCE)
    def get_differences(self, revision: PolicyChangeRevision) -> list[dict[str, Any]]:
        return [asdict(difference) for difference in differences(revision)]
