"""Flags, opened and closed by screening, and the events of their lives."""

from typing import Self, cast

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

from alerts.models.runs import ScreeningRun
from alerts.screening import verdicts
from alerts.screening.verdicts import Money, Verdict
from contracts.facts import ContractFacts
from contracts.models import Contract
from people import constraints
from people.models import User
from policies.models import Measure


class Kind(models.TextChoices):
    NO_NEW_CONTRACTS = "no_new_contracts", _("no new contracts")
    POSSIBLE_TERMINATION = "possible_termination", _("possible termination")
    LICENCE_REQUIRED = "licence_required", _("licence required")


class Certainty(models.TextChoices):
    MATCHED = "matched", _("matched")
    NEEDS_REVIEW = "needs_review", _("needs review")


class Basis(models.TextChoices):
    IN_FORCE = "in_force", _("in force")
    REPORTED = "reported", _("reported")
    ANNOUNCED = "announced", _("announced")
    RESUMPTION_UNCONFIRMED = "resumption_unconfirmed", _("resumption unconfirmed")


class ClosedBecause(models.TextChoices):
    WITHDRAWN = "withdrawn", _("the policy change was withdrawn")
    RETIRED = "retired", _("the measure was taken out of the policy change")
    CONTRACT_ENDED = "contract_ended", _("the contract has ended")
    CONTRACT_DELETED = "contract_deleted", _("the contract was deleted")
    CONCLUDED = "concluded", _("the contract was concluded all the same")
    CONCLUDED_BEFORE = "concluded_before", _("the contract had been concluded before the measure stood against it")
    NOT_HIT = "not_hit", _("on the present facts and days the measure does not hit the contract")


class FlagQuerySet(models.QuerySet["Flag"]):
    def open(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def to_do(self) -> Self:
        """Open flags that nobody has dismissed or marked mitigated."""
        return self.open().exclude(disposition__standing__in=["dismissed", "mitigated"])

    def visible_to(self, principal: User) -> Self:
        """Flags of the contracts that the principal may see."""
        return self.filter(contract__in=Contract.objects.visible_to(principal).order_by().values("id"))


class Flag(models.Model):
    """A measure's hold on a contract: opened and closed by screening, never deleted.

    Its content was decided on `contract_version` and `policy_version`. A flag that opens again is a new row.
    """

    contract = models.ForeignKey(Contract, models.PROTECT, db_constraint=False, related_name="+")
    measure = models.ForeignKey(Measure, models.PROTECT, db_constraint=False, related_name="+")
    kind = models.CharField(max_length=24, choices=Kind)
    certainty = models.CharField(max_length=16, choices=Certainty)
    basis = models.CharField(max_length=24, choices=Basis)
    lines = ArrayField(models.IntegerField(), default=list, blank=True)
    unknowns = ArrayField(
        models.IntegerField(), default=list, blank=True, help_text="per line the bits of the criteria that are unknown"
    )
    act_by = models.DateField()
    exposure_amount = models.DecimalField(max_digits=72, decimal_places=18, null=True, blank=True)
    exposure_currency = models.CharField(max_length=3, null=True, blank=True)
    exposure_told = models.DecimalField(
        max_digits=72,
        decimal_places=18,
        null=True,
        blank=True,
        editable=False,
        help_text="the exposure people last heard of; a fifth more is worse, however slowly it came",
    )
    contract_version = models.BigIntegerField()
    policy_version = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="when its content last changed")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=24, choices=ClosedBecause, null=True, blank=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        ordering = ["act_by", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_flag_per_contract_measure_kind",
                fields=["contract", "measure", "kind"],
                condition=Q(closed_at__isnull=True),
            ),
            constraints.one_of("kind", Kind.values, "flag_kind_known"),
            constraints.one_of("certainty", Certainty.values, "flag_certainty_known"),
            constraints.one_of("basis", Basis.values, "flag_basis_known"),
            CheckConstraint(
                name="flag_exposure_has_currency",
                condition=Q(exposure_amount__isnull=True, exposure_currency__isnull=True)
                | Q(exposure_amount__isnull=False, exposure_currency__isnull=False),
            ),
            CheckConstraint(
                name="flag_closed_for_a_reason",
                condition=Q(closed_at__isnull=True, closed_because__isnull=True)
                | Q(closed_at__isnull=False, closed_because__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["act_by", "id"], name="flag_open_by_day", condition=Q(closed_at__isnull=True)),
            models.Index(
                fields=["measure", "act_by"], name="flag_open_of_measure", condition=Q(closed_at__isnull=True)
            ),
            models.Index(fields=["-updated_at", "-id"], name="flag_latest"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"flag {self.pk}"

    @property
    def exposure(self) -> Money | None:
        if self.exposure_amount is None or self.exposure_currency is None:
            return None
        return Money(self.exposure_amount, self.exposure_currency)

    def verdict(self, contract: str, measure: str) -> Verdict:
        """The flag as screening put it, given the names of its contract and measure."""
        return Verdict(
            contract=contract,
            measure=measure,
            kind=cast(verdicts.Kind, self.kind),
            certainty=cast(verdicts.Certainty, self.certainty),
            basis=cast(verdicts.Basis, self.basis),
            lines=tuple(self.lines),
            unknowns=tuple(self.unknowns),
            act_by=self.act_by,
            exposure=self.exposure,
        )

    def fits(self, contract: ContractFacts) -> bool:
        """Whether the contract still has the flag's lines; otherwise it is about to be screened again."""
        return set(self.lines) <= {line.number for line in contract.lines}


class EventKind(models.TextChoices):
    OPENED = "opened", _("opened")
    BECAME_CERTAIN = "became_certain", _("became certain")
    WORSENED = "worsened", _("worsened")
    EASED = "eased", _("eased")
    REOPENED = "reopened", _("re-opened")
    CHANGED = "changed", _("changed")
    DEADLINE_NEAR = "deadline_near", _("deadline near")
    CONCLUDED = "concluded", _("concluded all the same")
    CLOSED = "closed", _("closed")


TOLD = [
    EventKind.OPENED,
    EventKind.BECAME_CERTAIN,
    EventKind.WORSENED,
    EventKind.REOPENED,
    EventKind.DEADLINE_NEAR,
    EventKind.CONCLUDED,
    EventKind.CLOSED,
]
"""Events that people hear of; the others are recorded only."""


class FlagEventQuerySet(models.QuerySet["FlagEvent"]):
    def untold(self) -> Self:
        """Events that people are to hear of, of runs that have not been put into messages yet."""
        return self.filter(run__composed_at__isnull=True, kind__in=TOLD)


class FlagEvent(models.Model):
    """Something that happened to a flag in a run: what it was before (null when opened) and after. Never deleted.

    What was concluded under a flag (see alerts/concluding.py) is an event beside the one of what became of the flag.
    """

    flag = models.ForeignKey(Flag, models.PROTECT, related_name="events")
    run = models.ForeignKey(ScreeningRun, models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=16, choices=EventKind)
    at = models.DateTimeField()
    certainty_before = models.CharField(max_length=16, choices=Certainty, null=True, blank=True)
    certainty = models.CharField(max_length=16, choices=Certainty)
    basis_before = models.CharField(max_length=24, choices=Basis, null=True, blank=True)
    basis = models.CharField(max_length=24, choices=Basis)
    act_by_before = models.DateField(null=True, blank=True)
    act_by = models.DateField()
    exposure_amount_before = models.DecimalField(max_digits=72, decimal_places=18, null=True, blank=True)
    exposure_amount = models.DecimalField(max_digits=72, decimal_places=18, null=True, blank=True)
    exposure_currency_before = models.CharField(max_length=3, null=True, blank=True)
    exposure_currency = models.CharField(max_length=3, null=True, blank=True)
    concluded = models.JSONField(null=True, blank=True, help_text="what was concluded under the flag, when and how")

    objects = FlagEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="one_event_per_flag_and_run", fields=["flag", "run"], condition=~Q(kind="concluded")
            ),
            models.UniqueConstraint(
                name="one_concluded_event_per_flag_and_run", fields=["flag", "run"], condition=Q(kind="concluded")
            ),
            CheckConstraint(
                name="flagevent_says_what_was_concluded",
                condition=Q(kind="concluded", concluded__isnull=False)
                | (~Q(kind="concluded") & Q(concluded__isnull=True)),
            ),
            constraints.one_of("kind", EventKind.values, "flagevent_kind_known"),
        ]
        indexes = [
            models.Index(fields=["run", "id"], name="flagevent_of_run"),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"
