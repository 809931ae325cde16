"""Digests: how people want to be told of what can wait, and what waits for them."""

from datetime import datetime
from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alerts.models.messages import Channel, Message
from alerts.models.runs import ScreeningRun
from people import constraints
from people.models import User, WallClock
from policies.models import PolicyChange


class Cadence(models.TextChoices):
    """How often somebody is told; daily and weekly digests come when a working day begins."""

    AT_ONCE = "at_once", _("at once")
    DAILY = "daily", _("in a digest each working day")
    WEEKLY = "weekly", _("in a digest each week")


def _cadence() -> "models.CharField[str, str]":
    return models.CharField(max_length=8, choices=Cadence, default=Cadence.AT_ONCE)


class DigestChoice(models.Model):
    """How a person wants to be told of what can wait; who has none is told at once.

    What is urgent has no column: it is told at once, whoever reads it. What else is certain waits for a day at most.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="digest_choice")
    normal = _cadence()
    review = _cadence()
    closing = _cadence()

    class Meta:
        constraints = [
            constraints.one_of("normal", [Cadence.AT_ONCE, Cadence.DAILY], "digestchoice_normal_known"),
            constraints.one_of("review", Cadence.values, "digestchoice_review_known"),
            constraints.one_of("closing", Cadence.values, "digestchoice_closing_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.normal}, {self.review}, {self.closing}"


class HeldNewsQuerySet(models.QuerySet["HeldNews"]):
    def waiting(self) -> Self:
        return self.filter(message__isnull=True)

    def due(self, at: datetime) -> Self:
        return self.waiting().filter(due_at__lte=at)


class HeldNews(models.Model):
    """Events of one run and policy change that wait for somebody's digest, and the message that told of them.

    Queued like a message, in its place: an event is in one or the other for the same recipient, never in both.
    """

    recipient = models.CharField(max_length=320)
    channel = models.CharField(max_length=16, choices=Channel)
    run = models.ForeignKey(ScreeningRun, models.PROTECT, related_name="held", db_index=False)
    policy_change = models.ForeignKey(PolicyChange, models.PROTECT, related_name="+", db_index=False)
    events = ArrayField(models.BigIntegerField(), help_text="ids of what waits")
    capacities = models.JSONField(default=list, help_text="why it is this recipient, as a message has it")
    departments = ArrayField(models.BigIntegerField(), default=list, help_text="ids: the recipient's, when it was held")
    held_at = models.DateTimeField(db_default=WallClock())
    cadence = models.CharField(max_length=8, choices=[(c.value, c.label) for c in (Cadence.DAILY, Cadence.WEEKLY)])
    due_at = models.DateTimeField(help_text="when its digest is, on the application's clock")
    message = models.ForeignKey(Message, models.PROTECT, null=True, blank=True, related_name="held")

    objects = HeldNewsQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "held news"
        constraints = [
            models.UniqueConstraint(
                name="held_once", fields=["run", "policy_change", "recipient", "channel", "cadence"]
            ),
            constraints.one_of("cadence", [Cadence.DAILY, Cadence.WEEKLY], "heldnews_cadence_known"),
            constraints.one_of("channel", Channel.values, "heldnews_channel_known"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="heldnews_waiting", condition=Q(message__isnull=True)),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"for {self.recipient}, {self.due_at:%Y-%m-%d %H:%M}"
