"""What authorities and sellers said: policy changes, their measures and evidence, party lists, licences."""

from collections import defaultdict
from typing import Any, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from people import changelog, constraints
from people.history import tracked
from people.models import User, country_field, provenance_field, reference_field
from policies.facts import LicenceFacts, MeasureFacts, PartyListFacts
from policies.reading import licence_facts, measure_facts, party_list_facts
from suppliers.models import Organization


class PolicyChangeQuerySet(models.QuerySet["PolicyChange"]):
    def whole(self) -> Self:
        """With evidence and the measures that are not retired."""
        return self.prefetch_related("evidence", Prefetch("measures", Measure.objects.filter(retired_at__isnull=True)))


@tracked(versioned=True)
class PolicyChange(models.Model):
    """An instrument or a statement that changes what may be traded. Its dates are whole days in its time zone."""

    class Formality(models.TextChoices):
        OFFICIAL = "official"
        ORAL = "oral"
        REPORTED = "reported"

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    reference = reference_field()
    authority = models.CharField(max_length=500, null=True, blank=True)
    authority_country = country_field()
    timezone = models.CharField(max_length=64)
    number = models.CharField(max_length=200, null=True, blank=True)
    title = models.CharField(max_length=500, null=True, blank=True)
    summary = models.TextField(null=True, blank=True)
    formality = models.CharField(max_length=16, choices=Formality, null=True, blank=True)
    announced_on = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status, null=True, blank=True, help_text="none is a draft")
    supersedes = ArrayField(models.CharField(max_length=64), default=list, blank=True, help_text="a record only")
    provenance = provenance_field()
    version = models.BigIntegerField(default=1, editable=False)

    objects = PolicyChangeQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "policychange_reference_format"),
            constraints.countries("authority_country", name="policychange_country_format"),
            constraints.one_of("formality", ["official", "oral", "reported"], "policychange_formality_known"),
            constraints.one_of("status", ["draft", "published", "withdrawn"], "policychange_status_known"),
        ]
        indexes = [models.Index("status", "announced_on", name="policychange_status")]
        triggers = changelog.root_triggers("policy_change")

    def __str__(self) -> str:
        return self.title or self.reference


@tracked()
class Evidence(models.Model):
    """A source for or against a policy change, graded by the Admiralty scale."""

    class Stance(models.TextChoices):
        SUPPORTS = "supports"
        CONTRADICTS = "contradicts"
        INTERPRETS = "interprets"

    change = models.ForeignKey(PolicyChange, models.CASCADE, related_name="evidence")
    publisher = models.CharField(max_length=500, null=True, blank=True)
    url = models.CharField(max_length=2000, null=True, blank=True)
    published_on = models.DateField(null=True, blank=True)
    stance = models.CharField(max_length=16, choices=Stance, null=True, blank=True)
    reliability = models.CharField(
        max_length=1, choices=[(grade, grade) for grade in "ABCDEF"], null=True, blank=True, help_text="of the source"
    )
    credibility = models.CharField(
        max_length=1, choices=[(grade, grade) for grade in "123456"], null=True, blank=True, help_text="of what it says"
    )
    summary = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "evidence"
        constraints = [
            constraints.one_of("stance", ["supports", "contradicts", "interprets"], "evidence_stance_known"),
            constraints.one_of("reliability", list("ABCDEF"), "evidence_reliability_known"),
            constraints.one_of("credibility", list("123456"), "evidence_credibility_known"),
        ]
        triggers = changelog.part_triggers("policies_policychange", "change_id")

    def __str__(self) -> str:
        return f"{self.publisher or 'unknown'} {self.reliability or '?'}{self.credibility or '?'}"


class MeasureQuerySet(models.QuerySet["Measure"]):
    def published(self) -> Self:
        """Measures of published changes that are not retired: all that can raise flags."""
        return self.filter(change__status=PolicyChange.Status.PUBLISHED, retired_at__isnull=True)

    def facts(self) -> list[MeasureFacts]:
        """What screening knows of these measures, in order of name; one query."""
        of_change = ("reference", "timezone", "formality", "status", "announced_on")
        rows = self.order_by("change__reference", "key").values(
            "key", "effect", "timeline", "scope", *(f"change__{column}" for column in of_change)
        )
        return [measure_facts({column: row[f"change__{column}"] for column in of_change}, row) for row in rows]


@tracked()
class Measure(models.Model):
    """A clause of a policy change: what it does, to what, and when. One that is gone is retired, never deleted."""

    class Effect(models.TextChoices):
        BAN = "ban"
        NEW_CONTRACTS_REFUSED = "new_contracts_refused"
        TERMINATION_CONSIDERED = "termination_considered"
        LICENCE_REQUIRED = "licence_required"
        WATCH = "watch"

    change = models.ForeignKey(PolicyChange, models.CASCADE, related_name="measures")
    key = models.CharField(max_length=64)
    title = models.CharField(max_length=500, null=True, blank=True)
    effect = models.CharField(max_length=32, choices=Effect)
    timeline = models.JSONField(help_text="periods in force and suspended, days inclusive")
    scope = models.JSONField(null=True, blank=True, help_text="criteria that must all hold")
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    provenance = provenance_field()

    objects = MeasureQuerySet.as_manager()

    class Meta:
        ordering = ["change", "id"]
        constraints = [
            models.UniqueConstraint(name="measure_key_once", fields=["change", "key"]),
            constraints.well_formed("key", constraints.REFERENCE, "measure_key_format"),
            constraints.one_of(
                "effect",
                ["ban", "new_contracts_refused", "termination_considered", "licence_required", "watch"],
                "measure_effect_known",
            ),
        ]
        triggers = changelog.part_triggers("policies_policychange", "change_id")

    def __str__(self) -> str:
        return f"{self.key} · {self.title}" if self.title else self.key


class RevisionQuerySet(models.QuerySet["PolicyChangeRevision"]):
    def pending(self) -> Self:
        return self.filter(ended_at__isnull=True)


class PolicyChangeRevision(models.Model):
    """What somebody wants a published change to become; what is in force stays until this is published too.

    At most one of a change is pending. The next takes its place, and no row is ever altered otherwise, or deleted.
    """

    class End(models.TextChoices):
        PUBLISHED = "published", _("published")
        REPLACED = "replaced", _("replaced by a later one")
        DISCARDED = "discarded", _("discarded")
        WITHDRAWN = "withdrawn", _("withdrawn with the change")

    change = models.ForeignKey(PolicyChange, models.PROTECT, related_name="revisions")
    version = models.BigIntegerField(help_text="of the change that it was made on")
    content = models.JSONField(help_text="as it was sent; a missing key leaves its value")
    outcome = models.JSONField(help_text="the whole change as it will be")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_as = models.CharField(max_length=16, choices=End, null=True, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    objects = RevisionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(name="one_pending_revision", fields=["change"], condition=Q(ended_at__isnull=True)),
            constraints.one_of("ended_as", ["published", "replaced", "discarded", "withdrawn"], "revision_end_known"),
            CheckConstraint(
                name="revision_ended_somehow_by_somebody",
                condition=Q(ended_at__isnull=True, ended_as__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_as__isnull=False, ended_by__isnull=False),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="keep", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="keep_what_was_said", fields=["change", "version", "content", "outcome", "by", "created_at"]
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.pk} of {self.change_id}"


class PartyListQuerySet(models.QuerySet["PartyList"]):
    def facts(self) -> list[PartyListFacts]:
        """What screening knows of these lists, in order of reference; two queries."""
        entries: dict[int, list[dict[str, Any]]] = defaultdict(list)
        rows = PartyListEntry.objects.filter(party_list__in=self.order_by().values("id"))
        for row in rows.values("party_list_id", "from_on", "until_on", listed=F("organization__reference")):
            entries[row["party_list_id"]].append({**row, "organization": row["listed"]})
        return [
            party_list_facts({**row, "entries": entries.get(row["id"], ())})
            for row in self.order_by("reference").values("id", "reference", "timezone")
        ]


@tracked(versioned=True)
class PartyList(models.Model):
    """A list of organizations that an authority keeps; its days are days in its time zone."""

    reference = reference_field()
    title = models.CharField(max_length=500, null=True, blank=True)
    authority_country = country_field()
    timezone = models.CharField(max_length=64)
    provenance = provenance_field()
    version = models.BigIntegerField(default=1, editable=False)

    objects = PartyListQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "partylist_reference_format"),
            constraints.countries("authority_country", name="partylist_country_format"),
        ]
        triggers = changelog.root_triggers("party_list")

    def __str__(self) -> str:
        return self.title or self.reference


@tracked()
class PartyListEntry(models.Model):
    """An organization on a list from the first day to the last, both inclusive; null is open."""

    party_list = models.ForeignKey(PartyList, models.CASCADE, related_name="entries")
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="listings")
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "party list entries"
        constraints = [constraints.in_order("from_on", "until_on", "partylistentry_days_in_order")]
        triggers = changelog.part_triggers("policies_partylist", "party_list_id")

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.party_list_id}"


class LicenceQuerySet(models.QuerySet["Licence"]):
    def facts(self) -> list[LicenceFacts]:
        """What screening knows of these licences, in order of reference; one query."""
        organizations = ("exporter", "consignee", "end_user")
        rows = self.order_by("reference").values(
            "reference",
            "measures",
            "commodities",
            "valid_from",
            "valid_until",
            *(f"{role}__reference" for role in organizations),
        )
        return [licence_facts({**row, **{role: row[f"{role}__reference"] for role in organizations}}) for row in rows]


@tracked(versioned=True)
class Licence(models.Model):
    """An export licence: who may ship what to whom until when, and under which measures it was granted."""

    class Kind(models.TextChoices):
        INDIVIDUAL = "individual"
        GENERAL = "general"

    reference = reference_field()
    kind = models.CharField(max_length=16, choices=Kind, null=True, blank=True)
    exporter = models.ForeignKey(Organization, models.PROTECT, related_name="licences_as_exporter")
    consignee = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="licences_as_consignee"
    )
    end_user = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="licences_as_end_user"
    )
    measures = ArrayField(
        models.CharField(max_length=129),
        default=list,
        blank=True,
        help_text="CHANGE or CHANGE/KEY; none covers nothing",
    )
    commodities = models.JSONField(null=True, blank=True, help_text="as in a scope; none covers nothing")
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True, help_text="inclusive; none covers nothing")
    timezone = models.CharField(max_length=64, null=True, blank=True, help_text="a record only")
    provenance = provenance_field()
    version = models.BigIntegerField(default=1, editable=False)

    objects = LicenceQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "licence_reference_format"),
            constraints.one_of("kind", ["individual", "general"], "licence_kind_known"),
            constraints.in_order("valid_from", "valid_until", "licence_validity_in_order"),
        ]
        triggers = changelog.root_triggers("licence")

    def __str__(self) -> str:
        return self.reference
