"""Checks that were answered with a receipt, how their answers turned since, and what people released."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from alerts.models.actions import Reason
from people import changelog, constraints
from people.models import CurrentTransaction, Department, Role, User, WallClock


class Purpose(models.TextChoices):
    NEW_CONTRACT = "new_contract", _("new contract")
    CALL_OFF = "call_off", _("call-off")
    AMENDMENT = "amendment", _("amendment")
    RENEWAL = "renewal", _("renewal")


class Answer(models.TextChoices):
    CLEAR = "clear", _("clear")
    CLEARED = "cleared", _("cleared by a person")
    REVIEW = "review", _("to be reviewed")
    LICENCE_REQUIRED = "licence_required", _("licence required")
    BLOCKED = "blocked", _("blocked")


class CheckQuerySet(models.QuerySet["Check"]):
    def visible_to(self, principal: User) -> Self:
        """One's own, and those of one's departments; administrators see all, policy roles those without one too."""
        if principal.has_role(Role.ADMINISTRATOR):
            return self
        seen = Q(owner=principal) | Q(department__in=principal.departments.values("id"))
        if principal.has_role(Role.POLICY_EDITOR, Role.POLICY_PUBLISHER):
            seen |= Q(department__isnull=True)
        return self.filter(seen)


class Check(models.Model):
    """A document that was checked, and the receipt of the answer. `stands` is what the answer would be now.

    Only screening's rounds change a row, and of it only what stands now and when it is looked at again.
    """

    uuid = models.UUIDField(unique=True)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    department = models.ForeignKey(Department, models.PROTECT, null=True, blank=True, related_name="+")
    reference = models.CharField(max_length=64, help_text="of the document; a contract of that name need not exist")
    purpose = models.CharField(max_length=16, choices=Purpose)
    document = models.JSONField(help_text="as it was sent")
    parties = ArrayField(models.CharField(max_length=64), default=list, help_text="organizations it names")
    answer = models.CharField(max_length=16, choices=Answer)
    lines = models.JSONField(default=dict, blank=True, help_text="the answer by line")
    receipt = models.TextField()
    policy_version = models.CharField(max_length=64)
    checked_at = models.DateTimeField()
    valid_until = models.DateTimeField(help_text="the next instant at which time alone may change it, or sooner")
    watched_until = models.DateTimeField(help_text="up to when its owner hears of another answer")

    stands = models.CharField(max_length=16, choices=Answer)
    stands_lines = models.JSONField(default=dict, blank=True)
    turned = models.PositiveIntegerField(default=0, help_text="how often the answer turned since")
    due_at = models.DateTimeField(null=True, blank=True, help_text="when time may next change what it stands on")
    settled_at = models.DateTimeField(null=True, blank=True, help_text="when a round last looked at it; null: none did")
    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    objects = CheckQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "check_reference_format"),
            constraints.one_of("purpose", Purpose.values, "check_purpose_known"),
            constraints.one_of("answer", Answer.values, "check_answer_known"),
            constraints.one_of("stands", Answer.values, "check_stands_known"),
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="check_owner"),
            models.Index(fields=["reference", "purpose"], name="check_document"),
            models.Index(fields=["id"], name="check_unsettled", condition=Q(settled_at__isnull=True)),
            models.Index(fields=["due_at"], name="check_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["watched_until"], name="check_watched"),
            GinIndex(fields=["parties"], name="check_parties"),
            models.Index(fields=["xid", "id"], name="check_xid_id"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete), changelog.no_truncate()]

    def __str__(self) -> str:
        return f"{self.reference}: {self.answer}"


class CheckTurn(models.Model):
    """An answer became another; its owner hears of it once, and acknowledges it. `number` counts a check's turns."""

    # An entry of a check is written by one round alone: the second of two finds the number taken.
    parent = models.ForeignKey(Check, models.PROTECT, related_name="turns", db_index=False)
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    before = models.CharField(max_length=16, choices=Answer)
    after = models.CharField(max_length=16, choices=Answer)
    lines_before = models.JSONField(default=dict, blank=True)
    lines_after = models.JSONField(default=dict, blank=True)
    measures = ArrayField(models.CharField(max_length=140), default=list, help_text="that stand against it now")
    policy_version = models.CharField(max_length=64)
    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["xid", "id"], name="checkturn_xid_id")]
        constraints = [
            models.UniqueConstraint(name="each_turn_of_a_check_once", fields=["parent", "number"]),
            constraints.one_of("before", Answer.values, "checkturn_before_known"),
            constraints.one_of("after", Answer.values, "checkturn_after_known"),
        ]
        triggers = [
            *changelog.append_only_triggers(),
            pgtrigger.Trigger(
                name="note_for_webhooks",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_rows"),  # type: ignore[no-untyped-call]
                func="""
                    IF EXISTS (SELECT FROM alerts_webhookendpoint) THEN
                        INSERT INTO alerts_webhookevent (type, check_turn_id)
                        SELECT 'check.changed', n.id FROM new_rows n ORDER BY n.id;
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.parent_id}: {self.before} to {self.after}"


class TurnAcknowledged(models.Model):
    """The owner of a receipt has heard that its answer turned."""

    turn = models.OneToOneField(CheckTurn, models.PROTECT, primary_key=True, related_name="acknowledged")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"turn {self.turn_id}"


class ReleaseQuerySet(models.QuerySet["CheckRelease"]):
    def of(self, check: Check) -> Self:
        """Of the department's documents of that name for that step, taken back ones left out, the latest first."""
        found = self.filter(
            parent__reference=check.reference,
            parent__purpose=check.purpose,
            parent__department=check.department_id,
            taken_back__isnull=True,
        )
        return found.order_by("-id")


class CheckRelease(models.Model):
    """A person's word that a document may be committed all the same, for as long as everything it was given on holds.

    `grounds` is what it is bound to: by path, a digest of every fact, of the document, its parties and the measures.
    """

    parent = models.ForeignKey(Check, models.PROTECT, related_name="releases")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=16, choices=Reason)
    text = models.TextField()
    expires_on = models.DateField(help_text="inclusive, in the business time zone")
    grounds = models.JSONField()

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            constraints.one_of("reason", Reason.values, "checkrelease_reason_known"),
            CheckConstraint(name="checkrelease_on_grounds", condition=~Q(grounds={})),
        ]
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"{self.parent_id} until {self.expires_on}"


class ReleaseTakenBack(models.Model):
    """A release that somebody took back before its time."""

    release = models.OneToOneField(CheckRelease, models.PROTECT, primary_key=True, related_name="taken_back")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField(blank=True)

    class Meta:
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"release {self.release_id}"


class CheckWatch(models.Model):
    """Up to what the rounds have looked: what a snapshot saw, on which days and with which settings."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    snapshot = models.TextField()
    at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    renewal_horizon_days = models.PositiveIntegerField()
    policies_due_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(db_default=WallClock())

    class Meta:
        constraints = [CheckConstraint(name="one_check_watch", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"looked at {self.at:%Y-%m-%d %H:%M}"
