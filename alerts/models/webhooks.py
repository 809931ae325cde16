"""Webhooks: who wants to hear of what, the events there are to tell, and the queue and ledger of their deliveries."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import CheckConstraint, Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from alerts.models.checks import Check, CheckQuerySet, CheckTurn
from alerts.models.flags import FlagEvent
from contracts.models import Contract, ContractQuerySet
from people import constraints
from people.models import Department, Role, User, WallClock, reference_field

PING = "webhook.ping"


class WebhookType(models.TextChoices):
    """What an endpoint may subscribe to."""

    FLAG_OPENED = "flag.opened"
    FLAG_UPDATED = "flag.updated"
    FLAG_CLOSED = "flag.closed"
    POLICY_PUBLISHED = "policy.published"
    POLICY_WITHDRAWN = "policy.withdrawn"
    CHECK_CHANGED = "check.changed"


class Disabled(models.TextChoices):
    """Why an endpoint is sent nothing."""

    PERSON = "person", _("somebody switched it off")
    GONE = "gone", _("it answered 410 Gone")
    FAILING = "failing", _("it took nothing for days")


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    DELIVERED = "delivered", _("accepted by the endpoint")
    FAILED = "failed", _("not accepted, will be tried again")
    DEAD = "dead", _("given up, somebody must look")
    WITHHELD = "withheld", _("not sent: the endpoint's owner may no longer see the contract")


UNSETTLED = [DeliveryState.PENDING, DeliveryState.FAILED, DeliveryState.SENDING]
ORDERLY_ATTEMPTS = 5
"""Attempts, about 40 minutes, for which a delivery holds up later ones about the same object."""


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def visible_to(self, principal: User) -> Self:
        """The principal's own endpoints; administrators see all."""
        return self if principal.has_role(Role.ADMINISTRATOR) else self.filter(owner=principal)

    def live(self) -> Self:
        """Endpoints that are switched on and whose owner may read at all."""
        reads = Q(owner__is_superuser=True) | Q(owner__roles__len__gt=0)
        return self.filter(reads, disabled_at__isnull=True, owner__is_active=True)

    def ready(self) -> Self:
        """Live endpoints that may be sent something now; one that is failing is tried with one delivery at a time."""
        due = WebhookDelivery.objects.due().filter(endpoint=OuterRef("pk")).order_by("event")
        under_way = WebhookDelivery.objects.filter(
            endpoint=OuterRef("pk"), state=DeliveryState.SENDING, lease_until__gte=Now()
        )
        unpaused = self.live().filter(Q(paused_until__isnull=True) | Q(paused_until__lte=Now()))
        waited_for = unpaused.alias(due=Subquery(due.values("pk")[:1])).filter(due__isnull=False)
        return waited_for.filter(Q(failures=0) | ~Exists(under_way))


class WebhookEndpoint(models.Model):
    """An address that is told of events, with the eyes of its owner; narrowed to one department where it names it.

    The secrets sign what is sent and are shown once, when they are made. All moments are on the database's clock.
    """

    reference = reference_field()
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", help_text="it hears of contracts its owner sees")
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="+", help_text="none: all that the owner sees"
    )
    events = ArrayField(models.CharField(max_length=24, choices=WebhookType))
    secret = models.CharField(max_length=128, editable=False)
    previous_secret = models.CharField(max_length=128, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=WallClock(), editable=False)

    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    disabled_because = models.CharField(max_length=16, choices=Disabled, blank=True, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="in a row")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = WebhookEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "webhookendpoint_reference_format"),
            CheckConstraint(
                name="webhookendpoint_events_known",
                condition=Q(events__contained_by=WebhookType.values, events__len__gt=0),
            ),
            CheckConstraint(
                name="webhookendpoint_disabled_for_a_reason",
                condition=Q(disabled_at__isnull=True, disabled_because="")
                | Q(disabled_at__isnull=False, disabled_because__in=Disabled.values),
            ),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def contracts(self) -> ContractQuerySet:
        """The contracts it may hear of now."""
        seen: ContractQuerySet = Contract.objects.visible_to(self.owner)
        return seen.filter(department=self.department_id) if self.department_id else seen

    def checks(self) -> CheckQuerySet:
        """The checks whose turns it may hear of now."""
        seen: CheckQuerySet = Check.objects.visible_to(self.owner)
        return seen.filter(department=self.department_id) if self.department_id else seen


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def not_put_out(self) -> Self:
        return self.filter(put_out_at__isnull=True)


class WebhookEvent(models.Model):
    """Something to tell, noted by trigger in the transaction in which it happened; its number is the sequence.

    It is put out, which renders its body once and queues its deliveries, as soon as it is visible: no cursor runs over
    these rows, so none that commits late is skipped. The numbers of events about one object rise as they happened.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(db_default=RandomUUID(), unique=True)
    type = models.CharField(max_length=24, choices=[*WebhookType.choices, (PING, PING)])
    flag_event = models.ForeignKey(
        FlagEvent, models.PROTECT, null=True, blank=True, db_constraint=False, db_index=False, related_name="+"
    )
    contract_id = models.BigIntegerField(null=True, blank=True)
    policy_change_id = models.BigIntegerField(null=True, blank=True)
    check_turn = models.ForeignKey(
        CheckTurn, models.PROTECT, null=True, blank=True, db_constraint=False, db_index=False, related_name="+"
    )
    body = models.TextField(blank=True, db_default=Value(""))
    created_at = models.DateTimeField(db_default=WallClock())
    put_out_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [constraints.one_of("type", [*WebhookType.values, PING], "webhookevent_type_known")]
        indexes = [
            models.Index(fields=["id"], name="webhookevent_not_put_out", condition=Q(put_out_at__isnull=True)),
            models.Index(fields=["created_at", "id"], name="webhookevent_by_time"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"

    @property
    def message_id(self) -> str:
        """The same for every attempt, every replay and every endpoint: by it a receiver knows what it has seen."""
        return f"msg_{self.uuid.hex}"

    @property
    def subject(self) -> str | None:
        """What it is about: deliveries of one subject are sent in order."""
        if self.contract_id is not None:
            return f"contract:{self.contract_id}"
        if self.check_turn is not None:
            return f"check:{self.check_turn.parent_id}"
        return None if self.policy_change_id is None else f"policy_change:{self.policy_change_id}"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def visible_to(self, principal: User) -> Self:
        return self.filter(endpoint__in=WebhookEndpoint.objects.visible_to(principal).order_by().values("id"))

    def unsettled(self) -> Self:
        return self.filter(state__in=UNSETTLED)

    def due(self) -> Self:
        """What may be claimed now, by the database's clock: nothing that an earlier one of its subject holds up."""
        waiting = Q(state__in=[DeliveryState.PENDING, DeliveryState.FAILED], next_attempt_at__lte=Now())
        lapsed = Q(state=DeliveryState.SENDING, lease_until__lt=Now())
        earlier = WebhookDelivery.objects.unsettled().filter(
            Q(attempts__lt=ORDERLY_ATTEMPTS) | ~Q(state=DeliveryState.FAILED),
            endpoint=OuterRef("endpoint"),
            subject=OuterRef("subject"),
            event__lt=OuterRef("event"),
        )
        # A scalar subquery, which the database asks for each row until it has enough: as a join it would look at all.
        held_up_by = Subquery(earlier.order_by().values("pk")[:1])
        return self.unsettled().filter(waiting | lapsed).alias(held_up_by=held_up_by).filter(held_up_by__isnull=True)


class WebhookDelivery(models.Model):
    """One event for one endpoint: queued and accounted for here, never deleted. All moments by the database's clock."""

    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries", db_index=False)
    event = models.ForeignKey(WebhookEvent, models.PROTECT, related_name="deliveries")
    subject = models.CharField(max_length=40, null=True, blank=True, help_text="sent in order of events")
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.PENDING)
    created_at = models.DateTimeField(db_default=WallClock())
    next_attempt_at = models.DateTimeField(db_default=WallClock())
    attempts = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True, help_text="of who sends it now; a stale one writes nothing")
    last_status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="of HTTP")
    last_answer = models.CharField(max_length=500, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(name="webhookdelivery_once", fields=["endpoint", "event"]),
            constraints.one_of("state", DeliveryState.values, "webhookdelivery_state_known"),
            CheckConstraint(
                name="webhookdelivery_sending_has_lease",
                condition=~Q(state="sending") | Q(lease_until__isnull=False, lease_token__isnull=False),
            ),
            CheckConstraint(
                name="webhookdelivery_delivered_has_moment",
                condition=~Q(state="delivered") | Q(delivered_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["endpoint", "event"], name="webhookdelivery_queue", condition=Q(state__in=UNSETTLED)),
            models.Index(
                fields=["endpoint", "subject", "event"],
                name="webhookdelivery_subject",
                condition=Q(state__in=UNSETTLED),
            ),
            models.Index(fields=["endpoint", "-id"], name="webhookdelivery_latest"),
            models.Index(fields=["state", "-id"], name="webhookdelivery_not_done", condition=~Q(state="delivered")),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}"
