"""Messages: the queue of what is to be sent and the ledger of what was."""

from typing import Self

import pgtrigger
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from alerts.models.flags import Flag, FlagEvent, FlagEventQuerySet
from alerts.models.runs import ScreeningRun
from people import constraints
from people.models import Role, User, WallClock
from policies.models import PolicyChange


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")


class State(models.TextChoices):
    PENDING = "pending", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("accepted by the mail server")
    FAILED = "failed", _("refused for now, will be tried again")
    DEAD = "dead", _("given up, somebody must look")


QUEUED = [State.PENDING, State.FAILED, State.SENDING]
"""Messages that delivery may claim: a message being sent too, once its lease has lapsed."""


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, principal: User) -> Self:
        """Messages to the principal and to the mailboxes of the principal's departments; administrators see all."""
        if principal.has_role(Role.ADMINISTRATOR):
            return self
        mailboxes = principal.departments.filter(mailbox__isnull=False).order_by().values("mailbox")
        return self.filter(Q(recipient=principal.email) | Q(recipient__in=mailboxes))

    def unsent(self) -> Self:
        return self.exclude(state=State.SENT)

    def due(self) -> Self:
        """What delivery may claim now, by the database's clock."""
        waiting = Q(state__in=[State.PENDING, State.FAILED], next_attempt_at__lte=Now())
        lapsed = Q(state=State.SENDING, lease_until__lt=Now())
        return self.filter(waiting | lapsed)

    def about(self, flag: Flag) -> Self:
        """Messages that told of the flag."""
        events = flag.events.order_by()
        return self.filter(
            policy_change=flag.measure.change_id,
            run__in=events.values("run"),
            events__overlap=ArraySubquery(events.values("pk")),
        )


class Message(models.Model):
    """One message to one recipient: queued, rendered once and accounted for here, never deleted.

    It is queued with the events it tells, and rendered when it is first about to leave; what is sent is what is stored.
    All its moments but `at` are on the database's clock. The Message-ID follows from the deduplication key, so that a
    second copy after an unclear answer is recognisable as the same mail.

    That nobody is told an event twice over a channel needs no row per event: an event is of one run and one policy
    change, a run is put into messages once, as a whole, under its lock, and recipient, channel, run and policy change
    make the key.
    """

    recipient = models.CharField(max_length=320)
    channel = models.CharField(max_length=16, choices=Channel)
    dedup_key = models.CharField(max_length=500, unique=True)
    message_id = models.CharField(max_length=255, unique=True)
    run = models.ForeignKey(
        ScreeningRun, models.PROTECT, related_name="messages", null=True, blank=True, db_index=False
    )
    policy_change = models.ForeignKey(PolicyChange, models.PROTECT, related_name="+", null=True, blank=True)
    events = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="ids of what it tells")
    capacities = models.JSONField(
        default=list, blank=True, help_text="why it is this recipient: pairs of capacity and the owner stood in for"
    )
    at = models.DateTimeField(null=True, blank=True, help_text="the instant it speaks of: what is today, what is ahead")

    language = models.CharField(max_length=8)
    subject = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    rendered_at = models.DateTimeField(null=True, blank=True, help_text="when it was put into words")

    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    created_at = models.DateTimeField(db_default=WallClock())
    next_attempt_at = models.DateTimeField(db_default=WallClock())
    attempts = models.PositiveIntegerField(default=0)
    deferred_since = models.DateTimeField(null=True, blank=True, help_text="when it was first refused for now")
    unanswered = models.PositiveIntegerField(
        default=0, help_text="attempts whose whole text left and whose outcome nobody knows"
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, help_text="of who sends it now; a stale one writes nothing")
    stage = models.CharField(max_length=16, blank=True, help_text="how far the last attempt got")
    last_answer = models.CharField(max_length=1000, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            constraints.one_of("channel", Channel.values, "message_channel_known"),
            constraints.one_of("state", State.values, "message_state_known"),
            models.CheckConstraint(
                name="message_sending_has_lease",
                condition=~Q(state="sending") | Q(lease_until__isnull=False, lease_token__isnull=False),
            ),
            models.CheckConstraint(
                name="message_sent_has_moment", condition=~Q(state="sent") | Q(sent_at__isnull=False)
            ),
            models.CheckConstraint(
                name="message_sent_is_rendered", condition=~Q(state="sent") | Q(rendered_at__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at", "id"], name="message_queue", condition=Q(state__in=QUEUED)),
            models.Index(fields=["state", "-id"], name="message_not_sent", condition=~Q(state="sent")),
            models.Index(fields=["recipient", "-id"], name="message_recipient"),
            models.Index(fields=["run", "policy_change"], name="message_of_run_and_change"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.subject or f"message {self.pk}"

    def told(self) -> FlagEventQuerySet:
        """The events it tells, however many."""
        ids = Func(F("events"), function="unnest", output_field=models.BigIntegerField())
        return FlagEvent.objects.filter(pk__in=Message.objects.order_by().filter(pk=self.pk).values(told=ids))
