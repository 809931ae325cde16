"""Admin pages of contracts: what was agreed, line by line, and where the contract stands today."""

from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateFilter
from unfold.decorators import display

from contracts.critical_dates import critical_dates
from contracts.facts import ContractFacts
from contracts.models import Amendment, Contract, Line
from contracts.reading import CONTRACT_COLUMNS, contract_facts
from contracts.search import ids_with
from contracts.serializers import AmendmentSerializer, ContractSerializer, LineSerializer
from contracts.stage import Calendar, notice_deadline, renewal_ahead, stage
from people import clock
from people.admin.checking import CheckedForm, CheckedFormSet, CodesField
from people.admin.pages import CardsInline, FactsAdmin, RowsInline, as_stored, two_lines
from people.faults import once
from people.models import Department, Role
from people.principal import has_role, principal

_ORGANIZATIONS = ("supplier", "buyer", "end_user", "framework")


STAGES = {
    "draft": _("draft"),
    "negotiation": _("negotiation"),
    "pending_signature": _("pending signature"),
    "not_concluded": _("not concluded"),
    "concluded": _("concluded"),
    "active": _("active"),
    "terminating": _("terminating"),
    "expired": _("expired"),
    "terminated": _("terminated"),
    "completed": _("completed"),
    "cancelled": _("cancelled"),
}
STAGE_COLOURS = {
    "active": "success",
    "concluded": "success",
    "terminating": "warning",
    "expired": "warning",
    "draft": "info",
    "negotiation": "info",
    "pending_signature": "info",
    "not_concluded": "info",
    "terminated": "",
    "completed": "",
    "cancelled": "",
}
DATES = {
    "effective": _("takes effect"),
    "notice_deadline": _("last day for notice"),
    "expiry": _("expires"),
    "termination": _("termination takes effect"),
    "last_delivery": _("last delivery"),
}


def calendar() -> Calendar:
    """Now, in the business time zone."""
    return Calendar(at=clock.now(), timezone=settings.TIME_ZONE, renewal_horizon_days=settings.RENEWAL_HORIZON_DAYS)


def facts_of(contract: Contract) -> ContractFacts:
    """What the contract's own row says; its lines and amendments are left out."""
    values = {column: getattr(contract, column) for column in CONTRACT_COLUMNS if column not in _ORGANIZATIONS}
    roles = {role: str(getattr(contract, f"{role}_id") or "") for role in _ORGANIZATIONS}
    return contract_facts({**values, **roles, "reference": contract.reference})


class ContractForm(CheckedForm):
    serializer = ContractSerializer()


class LineForm(CheckedForm):
    serializer = LineSerializer()
    control_codes = CodesField(label=_("control codes"), help_text=_("empty: not classified; a dash: not controlled"))
    elements = CodesField(label=_("elements"), help_text=_("empty: not established; a dash: none"))


class LineFormSet(CheckedFormSet):
    section = "lines"
    rules = (once("lines", "number"),)


class LinesInline(CardsInline):
    model = Line
    form = LineForm
    formset = LineFormSet
    collapsible = True
    per_page = 20
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "origin_country"),
                    "description",
                    ("hs_code", "tariff_codes"),
                    ("elements", "purity"),
                    ("control_codes", "content"),
                    ("quantity", "unit"),
                    ("delivered", "cancelled"),
                    ("unit_price",),
                    ("ship_from", "ship_until"),
                )
            },
        ),
    )


class AmendmentForm(CheckedForm):
    serializer = AmendmentSerializer()


class AmendmentFormSet(CheckedFormSet):
    section = "amendments"


class AmendmentsInline(RowsInline):
    model = Amendment
    form = AmendmentForm
    formset = AmendmentFormSet
    fields = ("made_on", "increases_quantity_or_term", "summary")


class Milestone(NamedTuple):
    """A critical date as the page shows it; `days` from today, negative when past."""

    label: str
    on: Any
    days: int


class Standing(NamedTuple):
    """Where a contract stands today."""

    stage: str
    colour: str
    renewal: str
    milestones: list[Milestone]


def standing(contract: Contract, now: Calendar) -> Standing:
    """Derived from the stored facts at the instant; three queries."""
    (facts,) = Contract.objects.filter(pk=contract.pk).facts()
    stands = stage(facts, now)
    renewal = {True: _("a renewal is ahead"), None: _("whether a renewal is ahead is not known"), False: ""}
    return Standing(
        stage=str(STAGES[stands]),
        colour=STAGE_COLOURS[stands],
        renewal=str(renewal[renewal_ahead(facts, now)]),
        milestones=[
            Milestone(str(DATES[day.meaning]), day.on, (day.on - now.today).days) for day in critical_dates(facts, now)
        ],
    )


@admin.register(Contract)
class ContractAdmin(FactsAdmin):
    writers = (Role.BUYER, Role.ADMINISTRATOR)
    form = ContractForm
    inlines = (LinesInline, AmendmentsInline)
    change_form_outer_before_template = "contracts/standing.html"
    list_display: tuple[str, ...] = (
        "shown_reference",
        "supplier",
        "shown_stage",
        "kind",
        "end_use",
        "shown_owner",
        "expires_on",
        "shown_notice",
    )
    list_display_links = ("shown_reference",)
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("end_use", ChoicesDropdownFilter),
        ("renewal", ChoicesDropdownFilter),
        "department",
        ("owner", FieldTextFilter),
        ("expires_on", RangeDateFilter),
    )
    list_select_related = ("supplier", "department")
    search_fields = ("reference",)  # so that there is a search; what it looks through, get_search_results knows
    search_help_text = _("reference, title, supplier, owner")
    ordering = ("reference",)
    sortable_by = ("shown_reference", "expires_on")
    autocomplete_fields = ("supplier", "buyer", "end_user", "framework")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("reference", "title"),
                    ("kind", "currency"),
                    ("supplier", "buyer"),
                    ("end_user", "framework"),
                    ("destination_country", "end_use"),
                    ("owner", "deputy"),
                    "department",
                )
            },
        ),
        (
            _("Dates"),
            {
                "fields": (
                    ("negotiation", "closed_as"),
                    "concluded_at",
                    ("concluded_on", "concluded_timezone"),
                    ("effective_on", "expires_on"),
                    ("renewal", "notice_days"),
                    ("termination_notice_on", "terminated_on"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Contract]:
        return Contract.objects.visible_to(principal(request)).order_by("reference")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Whoever sees only some departments' contracts keeps contracts within these."""
        if db_field.name == "department":
            kwargs["queryset"] = Department.objects.all()
            if not has_role(request, Role.ADMINISTRATOR):
                kwargs["queryset"] = principal(request).departments.all()
                kwargs["required"] = True
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        contract = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if contract is not None:
            context["standing"] = standing(contract, calendar())
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """The framework of a call-off is looked up among frameworks."""
        if request.GET.get("field_name") == "framework":
            queryset = queryset.filter(kind=Contract.Kind.FRAMEWORK)
        for word in as_stored(search_term).split():
            queryset = queryset.filter(pk__in=ids_with(word))
        return queryset, False

    @display(description=_("contract"), ordering="reference")
    def shown_reference(self, contract: Contract) -> SafeString:
        return two_lines(contract.reference, contract.title)

    @display(description=_("owner"))
    def shown_owner(self, contract: Contract) -> SafeString:
        name = str(contract.owner or _("nobody")).partition("@")[0]
        return two_lines(name, contract.department.reference if contract.department else "–")

    @display(description=_("stage"), label=STAGE_COLOURS)
    def shown_stage(self, contract: Contract) -> tuple[str, str]:
        stands = stage(facts_of(contract), calendar())
        return stands, str(STAGES[stands])

    @display(description=_("notice by"))
    def shown_notice(self, contract: Contract) -> Any:
        return None if contract.renewal == "none" else notice_deadline(facts_of(contract))
