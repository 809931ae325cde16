"""Bulk jobs: files too long to be stored while somebody waits, kept in pieces and stored one after the other."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from people.models import Role, User, WallClock


class BulkJobQuerySet(models.QuerySet["BulkJob"]):
    def visible_to(self, principal: User) -> Self:
        """One's own; administrators see all."""
        return self if principal.has_role(Role.ADMINISTRATOR) else self.filter(by=principal)

    def unfinished(self) -> Self:
        return self.filter(finished_at__isnull=True)


class BulkJob(models.Model):
    """A file of objects of one section on its way into the database; its rows are stored on its sender's word."""

    class Section(models.TextChoices):
        CONTRACTS = "contracts"
        ORGANIZATIONS = "organizations"

    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    section = models.CharField(max_length=16, choices=Section)
    dry_run = models.BooleanField(default=False)
    source = models.TextField(null=True, blank=True, help_text="of a snapshot: whose objects these are all of")
    created_at = models.DateTimeField(db_default=WallClock())
    finished_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    absent = models.PositiveIntegerField(
        null=True, blank=True, help_text="of a finished snapshot: objects that the source had sent and did not now"
    )

    objects = BulkJobQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["id"], name="bulkjob_unfinished", condition=models.Q(finished_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.section} job {self.pk}: {self.done} of {self.rows}"


class BulkPiece(models.Model):
    """Some rows of a job as they were sent, and once they are stored what became of each; lines of JSON."""

    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    rows = models.TextField()
    results = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(name="bulkpiece_once", fields=["job", "number"])]

    def __str__(self) -> str:
        return f"piece {self.number} of job {self.job_id}"


class BulkAbsence(models.Model):
    """Some references, in order, of what a snapshot's source had sent before and did not send with this job."""

    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="absences", db_index=False)
    number = models.PositiveIntegerField()
    references = ArrayField(models.TextField())

    class Meta:
        ordering = ["job", "number"]
        constraints = [models.UniqueConstraint(name="bulkabsence_once", fields=["job", "number"])]

    def __str__(self) -> str:
        return f"{len(self.references)} absent from job {self.job_id}"
