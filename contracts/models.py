"""Supply contracts: what was agreed with whom, line by line, and how it was amended."""

from collections import defaultdict
from typing import Any, Self

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Q

from contracts import search
from contracts.facts import ContractFacts
from contracts.reading import CONTRACT_COLUMNS, LINE_COLUMNS, contract_facts
from people import changelog, constraints
from people.history import tracked
from people.models import Department, Role, User, country_field, provenance_field, reference_field
from suppliers.models import Organization

_ORGANIZATIONS = {"supplier": "supplier__reference", "buyer": "buyer__reference", "end_user": "end_user__reference"}
_KEYS = {**_ORGANIZATIONS, "framework": "framework__reference"}


class ContractQuerySet(models.QuerySet["Contract"]):
    def visible_to(self, principal: User | AnonymousUser) -> Self:
        """Contracts of the principal's departments; the only place where this is decided.

        Administrators see every contract, policy roles those without a department too.
        """
        if not isinstance(principal, User) or not principal.is_active:
            return self.none()
        if principal.has_role(Role.ADMINISTRATOR):
            return self
        seen = Q(department__in=principal.departments.values("id"))
        if principal.has_role(Role.POLICY_EDITOR, Role.POLICY_PUBLISHER):
            seen |= Q(department__isnull=True)
        return self.filter(seen)

    def facts(self) -> list[ContractFacts]:
        """What screening knows of these contracts, in order of reference; three queries."""
        columns = [_KEYS.get(column, column) for column in CONTRACT_COLUMNS]
        rows = list(self.order_by("reference").values_list("id", "reference", *columns))
        ids = [row[0] for row in rows]
        lines = _parts(
            Line.objects.filter(contract__in=ids),
            ["number", "tariff_codes", "control_codes", "elements", "content", *LINE_COLUMNS],
        )
        amendments = _parts(Amendment.objects.filter(contract__in=ids), ["made_on", "increases_quantity_or_term"])
        return [
            contract_facts(
                {
                    "reference": reference,
                    **dict(zip(CONTRACT_COLUMNS, values, strict=True)),
                    "lines": lines.get(id, ()),
                    "amendments": amendments.get(id, ()),
                }
            )
            for id, reference, *values in rows
        ]


def _parts(rows: models.QuerySet[Any], columns: list[str]) -> dict[int, list[dict[str, Any]]]:
    """The values of lines or amendments, by contract, in the order recorded."""
    parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for contract, *values in rows.order_by("id").values_list("contract_id", *columns):
        parts[contract].append(dict(zip(columns, values, strict=True)))
    return parts


@tracked(versioned=True)
class Contract(models.Model):
    """An agreement with a supplier; its stage is derived from its dates on every reading. Null is not established."""

    class Kind(models.TextChoices):
        PURCHASE = "purchase"
        FRAMEWORK = "framework"
        CALL_OFF = "call_off", "call-off"

    class EndUse(models.TextChoices):
        CIVIL = "civil"
        MILITARY = "military"

    class Negotiation(models.TextChoices):
        DRAFT = "draft"
        NEGOTIATION = "negotiation"
        PENDING_SIGNATURE = "pending_signature"

    class Closing(models.TextChoices):
        COMPLETED = "completed"
        CANCELLED = "cancelled"

    class Renewal(models.TextChoices):
        NONE = "none"
        OPTION = "option"
        AUTO = "auto"
        EVERGREEN = "evergreen"

    reference = reference_field()
    title = models.CharField(max_length=10_000, null=True, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    framework = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="call_offs")
    supplier = models.ForeignKey(Organization, models.PROTECT, related_name="contracts_as_supplier")
    buyer = models.ForeignKey(Organization, models.PROTECT, related_name="contracts_as_buyer")
    end_user = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="contracts_as_end_user"
    )
    destination_country = country_field()
    end_use = models.CharField(max_length=16, choices=EndUse, null=True, blank=True)
    negotiation = models.CharField(max_length=32, choices=Negotiation, null=True, blank=True)
    concluded_at = models.DateTimeField(null=True, blank=True)
    concluded_on = models.DateField(null=True, blank=True)
    concluded_timezone = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        help_text="whose day `concluded_on` is; otherwise the business time zone's",
    )
    effective_on = models.DateField(null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    termination_notice_on = models.DateField(null=True, blank=True)
    terminated_on = models.DateField(null=True, blank=True)
    closed_as = models.CharField(max_length=16, choices=Closing, null=True, blank=True)
    renewal = models.CharField(max_length=16, choices=Renewal, null=True, blank=True)
    notice_days = models.PositiveIntegerField(null=True, blank=True)
    owner = models.EmailField(null=True, blank=True, help_text="mailed even where no user has the address")
    deputy = models.EmailField(null=True, blank=True)
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="contracts", db_index=False
    )
    currency = models.CharField(max_length=3, null=True, blank=True)
    provenance = provenance_field()
    version = models.BigIntegerField(default=1, editable=False)

    objects = ContractQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "contract_reference_format"),
            constraints.one_of("kind", ["purchase", "framework", "call_off"], "contract_kind_known"),
            constraints.one_of("end_use", ["civil", "military"], "contract_end_use_known"),
            constraints.one_of(
                "negotiation", ["draft", "negotiation", "pending_signature"], "contract_negotiation_known"
            ),
            constraints.one_of("closed_as", ["completed", "cancelled"], "contract_closed_as_known"),
            constraints.one_of("renewal", ["none", "option", "auto", "evergreen"], "contract_renewal_known"),
            constraints.countries("destination_country", name="contract_country_format"),
            constraints.well_formed("currency", r"^[A-Z]{3}$", "contract_currency_format"),
            CheckConstraint(
                name="contract_concluded_once",
                condition=Q(concluded_at__isnull=True) | Q(concluded_on__isnull=True),
                violation_error_message="Give the instant of conclusion or its date, not both.",
            ),
            constraints.in_order("effective_on", "expires_on", "contract_term_in_order"),
            constraints.in_order("termination_notice_on", "terminated_on", "contract_termination_in_order"),
            CheckConstraint(name="contract_not_its_own_framework", condition=~Q(framework=F("id"))),
        ]
        indexes = [
            models.Index("owner", "reference", name="contract_owner"),
            models.Index("department", "reference", name="contract_department"),
            models.Index("expires_on", name="contract_expires_on"),
            search.INDEX,
        ]
        triggers = changelog.root_triggers("contract")

    def __str__(self) -> str:
        return self.reference


@tracked()
class Line(models.Model):
    """One kind of goods under a contract: what it is, where from, how much of it is still open, when it ships."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()
    description = models.TextField(null=True, blank=True)
    hs_code = models.CharField(max_length=6, null=True, blank=True, help_text="2, 4 or 6 digits, international")
    tariff_codes = models.JSONField(null=True, blank=True, help_text="national code by country")
    control_codes = ArrayField(
        models.CharField(max_length=64), null=True, blank=True, help_text="none: not classified; empty: not controlled"
    )
    elements = ArrayField(models.CharField(max_length=2), null=True, blank=True)
    purity = models.DecimalField(max_digits=12, decimal_places=9, null=True, blank=True, help_text="percent")
    content = models.JSONField(null=True, blank=True, help_text="parts of the value by origin")
    origin_country = country_field()
    quantity = models.DecimalField(max_digits=30, decimal_places=9, null=True, blank=True)
    unit = models.CharField(max_length=32, null=True, blank=True)
    unit_price = models.DecimalField(max_digits=30, decimal_places=9, null=True, blank=True)
    delivered = models.DecimalField(max_digits=30, decimal_places=9, null=True, blank=True)
    cancelled = models.DecimalField(max_digits=30, decimal_places=9, null=True, blank=True)
    ship_from = models.DateField(null=True, blank=True)
    ship_until = models.DateField(null=True, blank=True)
    provenance = provenance_field()

    class Meta:
        ordering = ["contract", "number"]
        constraints = [
            models.UniqueConstraint(name="line_number_once", fields=["contract", "number"]),
            constraints.well_formed("hs_code", r"^([0-9]{2}){1,3}$", "line_hs_code_format"),
            constraints.countries("origin_country", name="line_country_format"),
            constraints.between(0, 100, "purity", name="line_purity_range"),
            constraints.between(
                0, None, "quantity", "unit_price", "delivered", "cancelled", name="line_amounts_not_negative"
            ),
            constraints.in_order("ship_from", "ship_until", "line_shipping_in_order"),
        ]
        indexes = [models.Index("hs_code", name="line_hs_code")]
        triggers = changelog.part_triggers("contracts_contract", "contract_id")

    def __str__(self) -> str:
        return f"{self.number}" + (f" · {self.description[:80]}" if self.description else "")


@tracked()
class Amendment(models.Model):
    """A change that the parties made to a contract; one that increases it may end its exemption from a measure."""

    contract = models.ForeignKey(Contract, models.CASCADE, related_name="amendments")
    made_on = models.DateField(null=True, blank=True)
    increases_quantity_or_term = models.BooleanField(null=True, blank=True)
    summary = models.TextField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        triggers = changelog.part_triggers("contracts_contract", "contract_id")

    def __str__(self) -> str:
        return f"{self.contract_id} amended {self.made_on or 'on an unknown day'}"
