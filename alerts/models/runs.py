"""Screening runs, each with its manifest, and the place in the change log up to which they have read."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from people.models import WallClock


class Cause(models.TextChoices):
    CHANGES = "changes", _("something changed")
    CALENDAR = "calendar", _("time passed")


class RunQuerySet(models.QuerySet["ScreeningRun"]):
    def complete(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def of_everything(self) -> Self:
        """Runs that screened every contract, whatever had changed."""
        return self.filter(cause=Cause.CALENDAR)

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
    contracts = models.PositiveIntegerField(default=0, help_text="contracts in scope")
    lines = models.PositiveIntegerField(default=0, help_text="their lines")
    screened = models.PositiveIntegerField(default=0, help_text="contracts that were screened")
    opened = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0, help_text="contracts that could not be screened")
    errors = models.JSONField(default=list, blank=True, help_text="of contracts set aside, or of the run itself")
    digest = models.CharField(
        max_length=64, blank=True, help_text="over (contract, contract version, measure, verdict), in order"
    )
    started_at = models.DateTimeField(db_default=WallClock())
    finished_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["cause", "-id"], name="run_last_complete", condition=Q(finished_at__isnull=False)),
            models.Index(fields=["id"], name="run_abandoned", condition=Q(finished_at__isnull=True)),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

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

    class Meta:
        constraints = [CheckConstraint(name="one_screening_cursor", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"screened below transaction {self.xid}"
