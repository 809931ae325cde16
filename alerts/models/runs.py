"""Screening runs, each with its manifest, and the place in the change log up to which they have read."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from contracts.models import Contract
from people.models import User, WallClock


class Cause(models.TextChoices):
    CHANGES = "changes", _("something changed")
    CALENDAR = "calendar", _("time passed")


class RunQuerySet(models.QuerySet["ScreeningRun"]):
    def complete(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def of_everything(self) -> Self:
        """Runs that screened every contract, whatever the cause."""
        return self.filter(everything=True)

    def uncomposed(self) -> Self:
        """Complete runs whose events have not been put into messages yet."""
        return self.complete().filter(composed_at__isnull=True)

    def abandoned(self) -> Self:
        """Runs that did not finish and whose work no later run has done yet; one that is still at work looks alike."""
        return self.filter(finished_at__isnull=True, completed_by__isnull=True)


class ScreeningRun(models.Model):
    """One screening and its manifest: what was asked about, what was looked at, what became of it. Never deleted.

    `at` is the instant it screened for; `started_at` and `finished_at` are moments on the database's clock. A run
    without `finished_at` was cut short: nothing of it was kept, and `completed_by` names the run that did its work.
    """

    cause = models.CharField(max_length=16, choices=Cause)
    at = models.DateTimeField()
    policy_version = models.CharField(
        max_length=64, blank=True, help_text="digest over the versions of all that policies consist of"
    )
    snapshot = models.TextField(blank=True, help_text="PostgreSQL's: the transactions whose changes it saw")
    timezone = models.CharField(max_length=64, blank=True, help_text="the business time zone it reckoned with")
    renewal_horizon_days = models.PositiveIntegerField(null=True, blank=True)
    everything = models.BooleanField(default=False, help_text="every contract was in scope")
    scope = ArrayField(models.BigIntegerField(), null=True, blank=True, help_text="ids; none where it is everything")
    changes = ArrayField(
        models.BigIntegerField(),
        default=list,
        blank=True,
        help_text="ids of policy changes for whose measures all other contracts were in scope too",
    )
    contracts = models.PositiveIntegerField(default=0, help_text="contracts in scope")
    lines = models.PositiveIntegerField(default=0, help_text="their lines")
    screened = models.PositiveIntegerField(default=0, help_text="contracts that were screened")
    opened = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0, help_text="contracts that could not be screened")
    errors = models.JSONField(default=list, blank=True, help_text="of contracts set aside, or of the run itself")
    policies_set_aside = models.JSONField(
        default=list, blank=True, help_text="measures and licences that could not be read or compiled; flags stayed"
    )
    manifest_format = models.PositiveSmallIntegerField(default=1, help_text="how the buckets are computed")
    digest = models.CharField(max_length=64, blank=True, help_text="over the policy version and the buckets")
    buckets = models.JSONField(
        default=dict, blank=True, help_text="sums over (contract, contract version, verdicts), see alerts/manifest.py"
    )
    started_at = models.DateTimeField(db_default=WallClock())
    finished_at = models.DateTimeField(null=True, blank=True)
    composed_at = models.DateTimeField(null=True, blank=True, help_text="when its events were put into messages")
    completed_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    xid = models.BigIntegerField(null=True, editable=False, help_text="the transaction that finished it, by trigger")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["everything", "-id"], name="run_last_complete", condition=Q(finished_at__isnull=False)
            ),
            models.Index(fields=["id"], name="run_abandoned", condition=Q(finished_at__isnull=True)),
            models.Index(fields=["id"], name="run_uncomposed", condition=Q(composed_at__isnull=True)),
            models.Index(fields=["xid"], name="run_xid", condition=Q(xid__isnull=False)),
        ]
        triggers = [
            pgtrigger.Protect(name="keep", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="stamp",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__finished_at__isnull=True, new__finished_at__isnull=False),
                func="NEW.xid := pg_current_xact_id()::text::bigint; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class ScreeningCursor(models.Model):
    """Up to where the change log has been screened: every entry of a transaction below `xid`, and those in `ahead`.

    `ahead` holds entries that were visible beyond an older transaction that was still running. They are screened at
    once and remembered here, so that a long transaction neither holds screening up nor has it repeated.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    xid = models.BigIntegerField(default=0)
    ahead = ArrayField(models.BigIntegerField(), default=list, blank=True)
    policies_due_at = models.DateTimeField(
        null=True, blank=True, help_text="when time may next change what policies say, and with them every answer"
    )

    class Meta:
        constraints = [CheckConstraint(name="one_screening_cursor", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"screened below transaction {self.xid}"


class ContractDue(models.Model):
    """When time alone may next change what a contract is; written by screening, read by the sweep."""

    contract_id = models.BigIntegerField(primary_key=True)
    due_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "contracts due"
        indexes = [models.Index(fields=["due_at"], name="contractdue_due_at")]

    def __str__(self) -> str:
        return f"contract {self.contract_id} at {self.due_at:%Y-%m-%d %H:%M}"


class SetAsideQuerySet(models.QuerySet["SetAside"]):
    def visible_to(self, principal: User) -> Self:
        """Of the contracts that the principal may see."""
        return self.filter(contract_id__in=Contract.objects.visible_to(principal).order_by().values("id"))


class SetAside(models.Model):
    """A contract that cannot be screened now: its flags stay as they were, and somebody has to look at it."""

    contract_id = models.BigIntegerField(primary_key=True)
    reference = models.CharField(max_length=64)
    error = models.TextField()
    since = models.DateTimeField(db_default=WallClock())
    run = models.ForeignKey(ScreeningRun, models.PROTECT, related_name="+", help_text="the last that failed on it")

    objects = SetAsideQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        verbose_name_plural = "contracts set aside"

    def __str__(self) -> str:
        return f"{self.reference}: {self.error}"
