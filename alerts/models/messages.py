"""Messages: the queue of what is to be sent and the ledger of what was."""

from typing import Self

import pgtrigger
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from alerts.leases import in_seconds
from alerts.models.flags import Flag, FlagEvent, FlagEventQuerySet
from alerts.models.runs import ScreeningRun
from people import constraints
from people.models import Role, User, WallClock
from policies.models import PolicyChange


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")


class Purpose(models.TextChoices):
    ALERT = "alert", _("alert")
    DIGEST = "digest", _("digest")
    ESCALATION = "escalation", _("escalation")
    REMINDER = "reminder", _("reminder")


class State(models.TextChoices):
    PENDING = "pending", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("accepted by the mail server")
    FAILED = "failed", _("refused for now, will be tried again")
    DEAD = "dead", _("given up, somebody must look")
    WITHHELD = "withheld", _("not sent: its recipient is away or may no longer have it")


WAITING = [State.PENDING, State.FAILED]
QUEUED = [*WAITING, State.SENDING]
"""Messages on their way."""
BURST_SECONDS = 5
"""How much of a domain's rate may be used at once."""


def domain_of(address: str) -> Func:
    """The domain of the address in this column, in lower case."""
    return Lower(Func(F(address), Value("@"), Value(-1), function="split_part", output_field=models.TextField()))


class Stage(models.TextChoices):
    """How far an attempt got: what was under way when it ended."""

    WRITE = "write", _("putting it into words")
    CONNECT = "connect", _("connecting")
    EHLO = "ehlo", _("greeting the mail server")
    TLS = "tls", _("securing the connection")
    AUTH = "auth", _("logging in")
    MAIL = "mail", _("naming the sender")
    RCPT = "rcpt", _("naming the recipient")
    DATA = "data", _("handing over the text")
    AFTER_DOT = "after-dot", _("waiting for the answer to the text")
    ACCEPTED = "accepted", _("accepted")


class Fate(models.TextChoices):
    """What an attempt means for the message."""

    SENT = "sent", _("accepted by the mail server")
    REFUSED = "refused", _("refused for good, and this message alone")
    DEFERRED = "deferred", _("refused for now, and this message alone")
    UNCLEAR = "unclear", _("the whole text left and no answer came: it may have arrived")
    UNREACHABLE = "unreachable", _("nothing is wrong with the message: no mail leaves at present")
    POLICY = "policy", _("refused by the mail server's policy, which may be all our mail or this message alone")
    LOST = "lost", _("whoever made the attempt was lost, and what became of it is not known")
    WITHHELD = "withheld", _("not sent: its recipient is away or may no longer have it")


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, principal: User) -> Self:
        """Messages to the principal and to the mailboxes of the principal's departments; administrators see all.

        What was withheld from them is no message to them. The database says the same (people/row_security.py).
        """
        if principal.has_role(Role.ADMINISTRATOR):
            return self
        mailboxes = principal.departments.filter(mailbox__isnull=False).order_by().values("mailbox")
        theirs = self.exclude(state=State.WITHHELD)
        return theirs.filter(Q(recipient=principal.email) | Q(recipient__in=mailboxes))

    def unsent(self) -> Self:
        """What is still to arrive, and what was given up."""
        return self.exclude(state__in=[State.SENT, State.WITHHELD])

    def due(self) -> Self:
        """What delivery may claim now, by the database's clock: a domain that was just written to goes last."""
        paced = MailDomain.objects.filter(booked_until__gt=in_seconds(BURST_SECONDS)).values("domain")
        waiting = self.filter(state__in=WAITING, next_attempt_at__lte=Now())
        return waiting.alias(domain=domain_of("recipient")).exclude(domain__in=paced)

    def lapsed(self) -> Self:
        """What somebody was sending who has been lost, by the database's clock."""
        return self.filter(state=State.SENDING, lease_until__lt=Now())

    def untimed(self) -> Self:
        """Messages whose recipient has them, or has not got them in spite of an attempt, and whose timers are not set.

        While no mail leaves at all, time runs out for nobody.
        """
        return self.filter(timed=False).exclude(state__in=[State.PENDING, State.SENDING])

    def about(self, flag: Flag) -> Self:
        """Messages that told of the flag."""
        events = flag.events.order_by()
        alerts = self.filter(
            policy_change=flag.measure.change_id,
            run__in=events.values("run"),
            events__overlap=ArraySubquery(events.values("pk")),
        )
        digests = self.filter(
            held__policy_change=flag.measure.change_id,
            held__run__in=events.values("run"),
            held__events__overlap=ArraySubquery(events.values("pk")),
        )
        escalations = flag.escalations.order_by().values("message")
        # Not with OR, which would read every message there is.
        return self.filter(pk__in=alerts.order_by().values("pk").union(digests.order_by().values("pk"), escalations))


class Message(models.Model):
    """One message to one recipient: queued, rendered once and accounted for here, never deleted.

    It is queued with the events it tells, and rendered when it is first about to leave; what is sent is what is stored.
    All its moments but `at` are on the database's clock. The Message-ID follows from the deduplication key, so that a
    second copy after an unclear answer is recognisable as the same mail.

    That nobody is told an event twice over a channel needs no row per event: an event is of one run and one policy
    change, a run is put into messages once, as a whole, under its lock, and recipient, channel, run and policy change
    make the key. What waits for a digest then is told of in that one message only, see alerts/models/digests.py.
    """

    recipient = models.CharField(max_length=320)
    channel = models.CharField(max_length=16, choices=Channel)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.ALERT, db_default=Purpose.ALERT)
    dedup_key = models.CharField(max_length=500, unique=True)
    message_id = models.CharField(max_length=255, unique=True)
    run = models.ForeignKey(
        ScreeningRun, models.PROTECT, related_name="messages", null=True, blank=True, db_index=False
    )
    policy_change = models.ForeignKey(PolicyChange, models.PROTECT, related_name="+", null=True, blank=True)
    events = ArrayField(models.BigIntegerField(), default=list, blank=True, help_text="ids of what it tells")
    contracts = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        blank=True,
        help_text="ids of those of whose dates it reminds",
    )
    capacities = models.JSONField(
        default=list, blank=True, help_text="why it is this recipient: pairs of capacity and the owner stood in for"
    )
    departments = ArrayField(
        models.BigIntegerField(), default=list, blank=True, help_text="ids: the recipient's, when it was queued"
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
    in_place_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replacements",
        help_text="the message whose recipient could not be reached, is away, or may no longer have it",
    )
    again_at = models.DateTimeField(null=True, blank=True, help_text="when somebody last had it sent again")
    again_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    timed = models.BooleanField(
        default=False, db_default=False, help_text="whether the timers of its flags' acknowledgement are set"
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            constraints.one_of("channel", Channel.values, "message_channel_known"),
            constraints.one_of("purpose", Purpose.values, "message_purpose_known"),
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
            models.Index(fields=["lease_until"], name="message_lease", condition=Q(state="sending")),
            models.Index(fields=["-sent_at"], name="message_sent_at", condition=Q(sent_at__isnull=False)),
            models.Index(fields=["recipient", "-id"], name="message_recipient"),
            models.Index(fields=["run", "policy_change"], name="message_of_run_and_change"),
            models.Index(fields=["id"], name="message_untimed", condition=Q(timed=False)),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.subject or f"message {self.pk}"

    @property
    def first(self) -> "Message":
        """The one in whose place it was queued, or itself."""
        return self if self.in_place_of is None else self.in_place_of.first

    def told(self) -> FlagEventQuerySet:
        """The events it tells, however many."""
        ids = Func(F("events"), function="unnest", output_field=models.BigIntegerField())
        return FlagEvent.objects.filter(pk__in=Message.objects.order_by().filter(pk=self.pk).values(told=ids))


class MessageAttempt(models.Model):
    """One attempt at sending a message: how far it got, and what was answered. Never deleted.

    An attempt without a fate is under way, or whoever makes it has just been lost.
    """

    message = models.ForeignKey(Message, models.PROTECT, related_name="log")
    number = models.PositiveIntegerField()
    token = models.UUIDField(unique=True, help_text="that of the message's lease meanwhile")
    started_at = models.DateTimeField(db_default=WallClock())
    ended_at = models.DateTimeField(null=True, blank=True)
    stage = models.CharField(max_length=16, choices=Stage, blank=True)
    fate = models.CharField(max_length=16, choices=Fate, null=True, blank=True)
    answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            constraints.one_of("fate", Fate.values, "attempt_fate_known"),
            models.CheckConstraint(
                name="attempt_ends_with_fate",
                condition=Q(fate__isnull=True, ended_at__isnull=True) | Q(fate__isnull=False, ended_at__isnull=False),
            ),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"attempt {self.number} of message {self.message_id}"


class MailServer(models.Model):
    """Whether the mail server takes mail at all: one row. While it does not it is left alone, and messages wait."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    failures = models.PositiveIntegerField(default=0, help_text="in a row; 0 where it takes mail")
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True, help_text="when one message tries it again")
    last_answer = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="one_mail_server", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"mail server, {self.failures} failures"


class MailDomain(models.Model):
    """How far the mails sent to a domain have used up its rate: each books its share of time, one after the other."""

    domain = models.CharField(max_length=320, primary_key=True)
    booked_until = models.DateTimeField()

    def __str__(self) -> str:
        return self.domain
