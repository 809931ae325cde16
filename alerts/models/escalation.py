"""Escalation: until when what a message told waits to be acknowledged, and to whom it moved when nobody did."""

from datetime import datetime
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alerts.models.actions import FlagAction
from alerts.models.flags import Flag
from alerts.models.messages import Message
from people import changelog, constraints


class Severity(models.TextChoices):
    """How soon somebody has to have seen a flag; ACKNOWLEDGE_WITHIN gives the working hours of each."""

    URGENT = "urgent", _("urgent")
    NORMAL = "normal", _("normal")
    REVIEW = "review", _("to be reviewed")


class Step(models.TextChoices):
    """Whom a flag moves to, in this order; whoever is missing, away or has been told of it already is passed over."""

    OWNER = "owner", _("owner")
    DEPUTY = "deputy", _("deputy")
    HEAD = "head", _("head of department")
    COMPLIANCE = "compliance", _("compliance")


class EscalationTimerQuerySet(models.QuerySet["EscalationTimer"]):
    def running(self) -> Self:
        return self.filter(acted_at__isnull=True)

    def due(self, at: datetime) -> Self:
        return self.running().filter(due_at__lte=at)


class EscalationTimer(models.Model):
    """The moment by which the flags of one severity that a message told of are to be acknowledged.

    When it has come, what is still unacknowledged moves a step on, by a message that has timers of its own.
    """

    message = models.ForeignKey(Message, models.PROTECT, related_name="timers")
    severity = models.CharField(max_length=8, choices=Severity)
    due_at = models.DateTimeField(help_text="on the application's clock, as is every moment of an escalation")
    acted_at = models.DateTimeField(null=True, blank=True, help_text="when it ran out and was seen to")

    objects = EscalationTimerQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(name="one_timer_per_message_and_severity", fields=["message", "severity"]),
            constraints.one_of("severity", Severity.values, "escalationtimer_severity_known"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="escalationtimer_running", condition=Q(acted_at__isnull=True)),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.severity}: message {self.message_id} until {self.due_at:%Y-%m-%d %H:%M}"


class EscalationStep(models.Model):
    """A flag that nobody acknowledged in time moved to somebody else. Rows are only ever added.

    Each step is taken once while a flag stays open; once more after it was put aside and opened again (`reopening`).
    """

    flag = models.ForeignKey(Flag, models.PROTECT, db_constraint=False, related_name="escalations")
    step = models.CharField(max_length=16, choices=Step)
    recipient = models.CharField(max_length=320)
    at = models.DateTimeField()
    unacknowledged_by = models.CharField(max_length=320, help_text="who had been told and did not acknowledge in time")
    message = models.ForeignKey(
        Message, models.PROTECT, related_name="escalations", help_text="what tells the recipient"
    )
    reopening = models.ForeignKey(FlagAction, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="each_escalation_step_once", fields=["flag", "step", "reopening"], nulls_distinct=False
            ),
            constraints.one_of("step", Step.values, "escalationstep_step_known"),
        ]
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"{self.step}: flag {self.flag_id} to {self.recipient}"
