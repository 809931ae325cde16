"""Screening runs, and the contracts they set aside, over REST."""

from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer as Read

from alerts import run_report
from alerts.models import (
    ScreeningRun,
    SetAside,
)


class RunSerializer(Read[ScreeningRun]):
    """A run as lists hold it; the page of one has its manifest."""

    class Meta:
        model = ScreeningRun
        fields = (
            "id",
            "cause",
            "at",
            "policy_version",
            "everything",
            "contracts",
            "lines",
            "screened",
            "opened",
            "updated",
            "closed",
            "unchanged",
            "set_aside",
            "digest",
            "started_at",
            "finished_at",
            "completed_by",
        )


RUN_ERROR = inline_serializer(
    "RunError",
    {"contract": serializers.CharField(required=False), "error": serializers.CharField()},
    many=True,
)
POLICY_SET_ASIDE = inline_serializer(
    "PolicySetAside", {"name": serializers.CharField(), "error": serializers.CharField()}, many=True
)


class WholeRunSerializer(RunSerializer):
    """A run with its manifest. Contracts are named where one may see them, and counted in any case."""

    scope = serializers.SerializerMethodField(
        help_text="the contracts in scope that one may see, in order, at most 1,000; null where every contract was"
    )
    policy_changes = serializers.SerializerMethodField(
        help_text="for whose measures alone all contracts beyond the scope were screened"
    )
    errors = serializers.SerializerMethodField(  # type: ignore[assignment]  # a field, not the property
        help_text="of the run itself, and of contracts that one may see"
    )
    policies_set_aside = serializers.SerializerMethodField(
        help_text="measures and licences that could not be read or compiled; their flags stayed as they were"
    )
    buckets = serializers.DictField(child=serializers.CharField(), help_text="hashes that the digest is over")

    class Meta(RunSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *RunSerializer.Meta.fields,
            "scope",
            "policy_changes",
            "errors",
            "policies_set_aside",
            "snapshot",
            "timezone",
            "renewal_horizon_days",
            "buckets",
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_scope(self, run: ScreeningRun) -> list[str] | None:
        return run_report.scope(run, seen_by=self.context["seen_by"])

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_policy_changes(self, run: ScreeningRun) -> list[str]:
        return run_report.policy_changes(run)

    @extend_schema_field(RUN_ERROR)
    def get_errors(self, run: ScreeningRun) -> list[dict[str, str]]:
        return run_report.errors(run, seen_by=self.context["seen_by"])

    @extend_schema_field(POLICY_SET_ASIDE)
    def get_policies_set_aside(self, run: ScreeningRun) -> list[dict[str, str]]:
        left_out: list[dict[str, str]] = run.policies_set_aside
        return left_out


class SetAsideSerializer(Read[SetAside]):
    """A contract that cannot be screened now."""

    contract = serializers.CharField(source="reference")
    faults = serializers.ListField(
        child=serializers.CharField(), help_text="what of its facts no import would let pass, by place"
    )

    class Meta:
        model = SetAside
        fields = ("contract", "error", "faults", "since", "run")
