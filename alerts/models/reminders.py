"""Reminders of critical dates that went out, what is settled about them, and the keys to people's calendars."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from alerts.models.messages import Message
from contracts.models import Contract
from people import constraints
from people.models import User, WallClock

FURTHEST = 730
"""Days before a date that a reminder may go out."""
MOST_STAGES = 12


class Meaning(models.TextChoices):
    """What a date is of which people are reminded."""

    NOTICE_DEADLINE = "notice_deadline", _("last day for notice")
    EXPIRY = "expiry", _("contract expires")
    LAST_DELIVERY = "last_delivery", _("last delivery")
    SUSPENSION_END = "suspension_end", _("suspension ends")
    TAKES_EFFECT = "takes_effect", _("measure takes effect")
    LICENCE_END = "licence_end", _("licence ends")
    DISMISSAL_END = "dismissal_end", _("dismissal ends")


class ReminderQuerySet(models.QuerySet["Reminder"]):
    def told_by(self, message: Message) -> Self:
        """What the message reminds of, also where it was queued in place of another."""
        return self.filter(message=message.first, contract__in=message.contracts)


class Reminder(models.Model):
    """A stage of a contract's critical date of which somebody was told. Rows are only ever added.

    `source` is the id of the measure, the licence or the flag whose date it is; 0 where it is the contract's own.
    """

    contract = models.ForeignKey(Contract, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    meaning = models.CharField(max_length=16, choices=Meaning)
    source = models.BigIntegerField(default=0)
    on = models.DateField(help_text="in the business time zone; a measure's in its own")
    stage = models.PositiveSmallIntegerField(help_text="days ahead")
    message = models.ForeignKey(Message, models.PROTECT, related_name="reminders", help_text="the one it was queued in")

    objects = ReminderQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="reminded_once_of_a_stage", fields=["contract", "meaning", "source", "on", "stage"]
            ),
            constraints.one_of("meaning", Meaning.values, "reminder_meaning_known"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete | pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.meaning} {self.on:%Y-%m-%d}, {self.stage} days ahead"


class ReminderRound(models.Model):
    """A business day on which people were reminded, once."""

    day = models.DateField(primary_key=True)
    at = models.DateTimeField(help_text="the instant it reckoned with")
    reminders = models.PositiveIntegerField(default=0)
    messages = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class ReminderStages(models.Model):
    """How many days ahead people are reminded of the dates of one contract; contracts without a row have the default.

    It is kept beside the contract, not in it: it changes no answer of screening, and an ERP does not hear of it.
    """

    contract = models.OneToOneField(
        Contract, models.CASCADE, db_constraint=False, primary_key=True, related_name="reminder_stages"
    )
    days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True, help_text="none: no reminders")

    class Meta:
        ordering = ["contract"]
        verbose_name_plural = "reminder stages"
        constraints = [
            CheckConstraint(name="reminderstages_few", condition=Q(days__len__lte=MOST_STAGES)),
        ]

    def __str__(self) -> str:
        return ", ".join(map(str, self.days))


class CalendarKeyQuerySet(models.QuerySet["CalendarKey"]):
    def valid(self) -> Self:
        return self.filter(revoked_at__isnull=True, user__is_active=True)


class CalendarKey(models.Model):
    """What opens a person's calendar without a log-in: shown once, kept as a digest, void once revoked."""

    user = models.ForeignKey(User, models.CASCADE, related_name="calendar_keys")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the key")
    created_at = models.DateTimeField(db_default=WallClock())
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = CalendarKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                name="one_calendar_key_per_user", fields=["user"], condition=Q(revoked_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"calendar key of {self.user_id}"
