"""What people do about flags: every act for good, and what has become of each flag they touched."""

from typing import Self

from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from alerts.models.flags import Flag
from people import changelog, constraints
from people.models import CurrentTransaction, User


class Act(models.TextChoices):
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    ASSIGNED = "assigned", _("assigned")
    COMMENTED = "commented", _("commented")
    DISMISSED = "dismissed", _("dismissed")
    MITIGATED = "mitigated", _("marked mitigated")
    REOPENED = "reopened", _("re-opened")


class Reason(models.TextChoices):
    """Why a flag is dismissed."""

    WRONG_FACTS = "wrong_facts", _("a recorded fact is wrong and is being corrected")
    NOT_IN_SCOPE = "not_in_scope", _("the measure does not mean this contract")
    EXEMPTION = "exemption", _("an exemption or a licence applies that is not recorded")
    ACCEPTED_RISK = "accepted_risk", _("the risk is known and accepted")
    DUPLICATE = "duplicate", _("dealt with under another flag")
    OTHER = "other", _("other")


class Because(models.TextChoices):
    """Why a flag that somebody had put aside opened again."""

    FACTS = "facts", _("what it was decided on has changed")
    WORSENED = "worsened", _("the flag has become more serious")
    EXPIRED = "expired", _("its time is up")
    PERSON = "person", _("somebody opened it again")


class FlagAction(models.Model):
    """Something a person did about a flag. Rows are only ever added.

    `address` is that of whoever did it from a mail, where `by` is the user of that address, if there is one. Neither:
    the machine re-opened it.
    """

    flag = models.ForeignKey(Flag, models.PROTECT, db_constraint=False, related_name="actions")
    act = models.CharField(max_length=16, choices=Act)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    address = models.CharField(max_length=320, blank=True, db_default="", help_text="of whoever did it from a mail")
    at = models.DateTimeField()
    assignee = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=16, choices=Reason, null=True, blank=True)
    text = models.TextField(blank=True)
    expires_on = models.DateField(null=True, blank=True, help_text="inclusive, in the business time zone")
    because = models.CharField(max_length=16, choices=Because, null=True, blank=True)
    changed = models.JSONField(default=list, blank=True, help_text="of a re-opened flag, the facts that differ by path")
    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            constraints.one_of("act", Act.values, "flagaction_act_known"),
            constraints.one_of("reason", Reason.values, "flagaction_reason_known"),
            constraints.one_of("because", Because.values, "flagaction_because_known"),
            CheckConstraint(
                name="flagaction_dismissed_for_a_reason_and_a_time",
                condition=~Q(act="dismissed") | Q(reason__isnull=False, expires_on__isnull=False),
            ),
            CheckConstraint(
                name="flagaction_only_reopened_by_the_machine",
                condition=Q(by__isnull=False) | ~Q(address="") | Q(act="reopened"),
            ),
            CheckConstraint(
                name="flagaction_reopened_because", condition=~Q(act="reopened") | Q(because__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["xid", "id"], name="flagaction_xid_id")]
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"{self.act} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def done_by(self) -> str | None:
        """The address of whoever did it; None: nobody, it happened by itself."""
        return self.address or (self.by.email if self.by else None)


class Standing(models.TextChoices):
    OPEN = "open", _("open")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    DISMISSED = "dismissed", _("dismissed")
    MITIGATED = "mitigated", _("mitigated")


PUT_ASIDE = [Standing.DISMISSED, Standing.MITIGATED]
"""A flag in one of these stays open for the law, and is out of the day's work and of mails."""


class DispositionQuerySet(models.QuerySet["Disposition"]):
    def put_aside(self) -> Self:
        """Of open flags that somebody dismissed or marked mitigated."""
        return self.filter(standing__in=PUT_ASIDE, flag__closed_at__isnull=True)

    def to_tell(self) -> Self:
        """Of open flags that somebody opened again, of which nobody has been told yet."""
        return self.filter(to_tell=True, flag__closed_at__isnull=True)


class Disposition(models.Model):
    """Where people's work on a flag stands; a flag without one is the machine's alone.

    It is a row of its own so that people and screening never wait for each other's locks. `grounds` is what a dismissal
    or mitigation is bound to: by path, every fact it was made on.
    """

    flag = models.OneToOneField(Flag, models.PROTECT, db_constraint=False, primary_key=True, related_name="disposition")
    standing = models.CharField(max_length=16, choices=Standing, default=Standing.OPEN)
    assignee = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    expires_on = models.DateField(null=True, blank=True, help_text="inclusive, in the business time zone")
    grounds = models.JSONField(default=dict, blank=True)
    to_tell = models.BooleanField(
        default=False, db_default=False, help_text="whether somebody opened it again and people are still to hear of it"
    )

    objects = DispositionQuerySet.as_manager()

    class Meta:
        constraints = [
            constraints.one_of("standing", Standing.values, "disposition_standing_known"),
            CheckConstraint(
                name="disposition_put_aside_on_grounds",
                condition=~Q(standing__in=["dismissed", "mitigated"]) | ~Q(grounds={}),
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_on"],
                name="disposition_put_aside",
                condition=Q(standing__in=["dismissed", "mitigated"]),
            ),
            models.Index(fields=["flag"], name="disposition_to_tell", condition=Q(to_tell=True)),
        ]

    def __str__(self) -> str:
        return f"{self.standing}: flag {self.flag_id}"
