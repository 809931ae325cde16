"""Organizations that sell, buy, use, own and control: names, identifiers, owners."""

from typing import Self

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateRangeField
from django.db import models
from django.db.models import Deferrable, F, Func, Value

from people import changelog, constraints
from people.history import tracked
from people.models import country_field, provenance_field, reference_field
from suppliers.facts import OrganizationFacts
from suppliers.reading import organization_facts


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def facts(self) -> list[OrganizationFacts]:
        """What screening knows of these organizations, in order of reference; two queries."""
        owners: dict[int, list[dict[str, object]]] = {}
        rows = Ownership.objects.filter(organization__in=self.order_by().values("id"))
        for row in rows.values(
            "organization_id", "percent", "controls", "from_on", "until_on", ref=F("owner__reference")
        ):
            owners.setdefault(row["organization_id"], []).append({**row, "owner": row["ref"]})
        return [
            organization_facts({**row, "owners": owners.get(row["id"], [])})
            for row in self.order_by("reference").values("id", "reference", "country", "kind", "owners_complete")
        ]

    def suppliers(self) -> Self:
        """Organizations with which contracts may be placed."""
        return self.filter(is_supplier=True)


@tracked(versioned=True)
class Organization(models.Model):
    """A company, state body or person that contracts, owners, lists and licences name; null is not established."""

    class Kind(models.TextChoices):
        COMPANY = "company"
        STATE_BODY = "state_body"
        PERSON = "person"

    reference = reference_field()
    name = models.CharField(max_length=500, null=True, blank=True, help_text="registered name, any script")
    country = country_field()
    kind = models.CharField(max_length=16, choices=Kind, null=True, blank=True)
    is_supplier = models.BooleanField(null=True, blank=True, help_text="contracts may be placed with it")
    owners_complete = models.BooleanField(
        null=True, blank=True, help_text="the owners name every one above 5 %; otherwise there may be others"
    )
    provenance = provenance_field()
    version = models.BigIntegerField(default=1, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "organization_reference_format"),
            constraints.countries("country", name="organization_country_format"),
            constraints.one_of("kind", ["company", "state_body", "person"], "organization_kind_known"),
        ]
        indexes = [models.Index("name", name="organization_name")]
        triggers = changelog.root_triggers("organization")

    def __str__(self) -> str:
        return self.name or self.reference


@tracked()
class OrganizationName(models.Model):
    """Another name of an organization, and the days on which it was borne; null is open."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="names")
    name = models.CharField(max_length=500)
    language = models.CharField(max_length=16, null=True, blank=True)
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [constraints.in_order("from_on", "until_on", "organizationname_days_in_order")]
        indexes = [models.Index("name", name="organizationname_name")]
        triggers = changelog.part_triggers("suppliers_organization", "organization_id")

    def __str__(self) -> str:
        return self.name


@tracked()
class Identifier(models.Model):
    """A number under which a register or the trade knows an organization."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="identifiers")
    scheme = models.CharField(max_length=32)
    value = models.CharField(max_length=128)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(name="identifier_once", fields=["organization", "scheme", "value"]),
        ]
        indexes = [models.Index("scheme", "value", name="identifier_scheme_value")]
        triggers = changelog.part_triggers("suppliers_organization", "organization_id")

    def __str__(self) -> str:
        return f"{self.scheme} {self.value}"


class Point(Func):
    """A range of one id: ranges overlap where ids are equal, and need no extension for that."""

    function = "int8range"
    output_field = BigIntegerRangeField()

    def __init__(self, column: str) -> None:
        super().__init__(F(column), F(column), Value("[]"))


class Days(Func):
    """The days from the first to the last, both inclusive; null is open."""

    function = "daterange"
    output_field = DateRangeField()

    def __init__(self, first: str, last: str) -> None:
        super().__init__(F(first), F(last), Value("[]"))


# Deferred as the constraint below is. Of two transactions at once the second waits for the first, whose part trigger
# has locked the organization, and then sees its rows.
SHARES_OF_A_DAY = pgtrigger.Trigger(
    name="shares_of_a_day",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("organization_id", "percent", "from_on", "until_on"),  # type: ignore[no-untyped-call]
    condition=pgtrigger.Q(new__percent__isnull=False),
    timing=pgtrigger.Deferred,
    func="""
        IF EXISTS (
            SELECT FROM (
                SELECT sum(change) OVER (ORDER BY day) AS held FROM (
                    SELECT coalesce(from_on, '-infinity') AS day, percent AS change
                    FROM suppliers_ownership WHERE organization_id = NEW.organization_id
                    UNION ALL
                    SELECT until_on + 1, -percent
                    FROM suppliers_ownership WHERE organization_id = NEW.organization_id AND until_on IS NOT NULL
                ) AS changes
            ) AS days WHERE held > 100
        ) THEN
            RAISE check_violation USING
                MESSAGE = 'the shares of a day add up to more than 100 percent',
                TABLE = 'suppliers_ownership', CONSTRAINT = 'ownership_shares_of_a_day';
        END IF;
        RETURN NULL;
    """,
)


@tracked()
class Ownership(models.Model):
    """What an owner holds of an organization, and whether it controls it; both days inclusive, null is open."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="owners")
    owner = models.ForeignKey(Organization, models.PROTECT, related_name="holdings")
    percent = models.DecimalField(max_digits=12, decimal_places=9, null=True, blank=True)
    controls = models.BooleanField(null=True, blank=True, help_text="actual control, whatever the percentage")
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)
    provenance = provenance_field()

    class Meta:
        ordering = ["id"]
        constraints = [
            constraints.in_order("from_on", "until_on", "ownership_days_in_order"),
            constraints.between(0, 100, "percent", name="ownership_percent_range"),
            # Deferred: a list of owners that is replaced passes through states that overlap.
            ExclusionConstraint(
                name="ownership_owner_once_on_any_day",
                expressions=[
                    (Point("organization"), "&&"),
                    (Point("owner"), "&&"),
                    (Days("from_on", "until_on"), "&&"),
                ],
                deferrable=Deferrable.DEFERRED,
            ),
        ]
        triggers = [*changelog.part_triggers("suppliers_organization", "organization_id"), SHARES_OF_A_DAY]

    def __str__(self) -> str:
        return f"{self.owner_id} of {self.organization_id}"
