"""The list of flags, and the page of one: everything there is to know of it on one screen."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display
from unfold.utils import display_for_label

from alerts import flag_report
from alerts.admin.acting import act_forms, act_on, colleagues
from alerts.admin.columns import (
    BASIS_COLOURS,
    CERTAINTY_COLOURS,
    KIND_COLOURS,
    STANDING_COLOURS,
    in_days,
    money,
    urgency,
)
from alerts.alternatives import alternatives
from alerts.data_gaps import missing_facts, report
from alerts.escalation import outlook
from alerts.models import Flag, FlagAction, FlagEvent
from alerts.models.actions import PUT_ASIDE
from alerts.portfolio import calendar
from contracts.admin import STAGE_COLOURS, STAGES, facts_of
from contracts.search import ids_with
from contracts.stage import stage
from people import clock
from people.admin.pages import LedgerAdmin, as_stored, two_lines
from people.principal import principal
from people.row_security import unrestricted
from policies.models import Measure


class OpenFilter(admin.SimpleListFilter):
    """Open flags that nobody has put aside unless somebody asks for others."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", _("open")),
            ("aside", _("dismissed or mitigated")),
            ("closed", _("closed")),
            ("all", _("all")),
        ]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() == "all":
            return queryset
        if self.value() == "closed":
            return queryset.filter(closed_at__isnull=False)
        if self.value() == "aside":
            return queryset.filter(closed_at__isnull=True, disposition__standing__in=PUT_ASIDE)
        return queryset.filter(closed_at__isnull=True).exclude(disposition__standing__in=PUT_ASIDE)

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            selected = self.value() == value or (self.value() is None and value == "open")
            yield {
                "selected": selected,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }


def _shows_closed(request: HttpRequest) -> bool:
    return request.GET.get(OpenFilter.parameter_name) in ("all", "closed")


@admin.register(Flag)
class FlagAdmin(LedgerAdmin):
    change_form_template = "alerts/flag.html"
    list_display = (
        "shown_act_by",
        "shown_contract",
        "shown_kind",
        "shown_certainty",
        "shown_measure",
        "shown_exposure",
        "shown_owner",
    )
    list_display_links = ("shown_act_by", "shown_contract")
    list_filter = (
        OpenFilter,
        ("kind", ChoicesDropdownFilter),
        ("certainty", ChoicesDropdownFilter),
        ("basis", ChoicesDropdownFilter),
        ("measure__change", AutocompleteSelectFilter),
        ("contract__department", RelatedDropdownFilter),
        ("contract__owner", FieldTextFilter),
        ("act_by", RangeDateFilter),
    )
    search_fields = ("contract__reference",)  # so that there is a search; see get_search_results
    search_help_text = _("contract, supplier, owner, policy change")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        for word in as_stored(search_term).split():
            measures = Measure.objects.filter(change__reference__icontains=word).order_by().values("pk")
            queryset = queryset.filter(Q(contract__in=ids_with(word)) | Q(measure__in=measures))
        return queryset, False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Open flags by the day to act; where there are closed ones, too, what changed last comes first."""
        return ("-updated_at", "-id") if _shows_closed(request) else ("act_by", "id")

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        return () if _shows_closed(request) else ("shown_act_by",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Flag]:
        return Flag.objects.visible_to(principal(request)).select_related(
            "contract__department",
            "contract__supplier",
            "contract__buyer",
            "contract__end_user",
            "measure__change",
            "disposition__assignee",
        )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.act)
        return [
            path("<int:pk>/act/<str:name>", view, name="alerts_flag_act"),
            path(
                "<int:pk>/alternatives",
                self.admin_site.admin_view(require_safe(self.alternatives)),
                name="alerts_flag_alternatives",
            ),
            path("gaps", self.admin_site.admin_view(require_safe(self.gaps)), name="alerts_flag_gaps"),
            *super().get_urls(),
        ]

    def alternatives(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who else supplies the goods, and may."""
        flag = self.get_queryset(request).filter(pk=pk).first()
        if flag is None or not self.has_view_permission(request):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("Who else supplies it"),
            "flag": flag,
            "lines": alternatives(flag, seen_by=principal(request), at=clock.now()),
        }
        return TemplateResponse(request, "alerts/alternatives.html", context)

    def gaps(self, request: HttpRequest) -> HttpResponse:
        """Which missing facts keep flags in review."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = report(missing_facts(Flag.objects.visible_to(principal(request)), at=clock.now()))
        parts = [
            (_("By fact"), "field", found["by_field"]),
            (_("By organization"), "organization", found["by_organization"]),
            (_("By owner"), "owner", found["by_owner"]),
        ]
        shown = [(title, [(row[key], row) for row in rows]) for title, key, rows in parts]
        context = {**self.admin_site.each_context(request), "title": _("Data gaps"), "found": found, "parts": shown}
        return TemplateResponse(request, "alerts/gaps.html", context)

    def act(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        return act_on(request, self.get_object(request, str(pk)), name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if isinstance(flag, Flag):
            with unrestricted():  # whoever sees a flag sees all that hangs on it, too who else was told of it
                context |= _page(flag)
            context["act_forms"] = act_forms(request, flag, context["why"].token)
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @display(
        description=_("act by"), label={"danger": "danger", "warning": "warning", "info": "info"}, ordering="act_by"
    )
    def shown_act_by(self, flag: Flag) -> tuple[str, str]:
        today = calendar(clock.now()).today
        return urgency(flag, today) or "-", f"{flag.act_by:%Y-%m-%d}"

    @display(description=_("contract"))
    def shown_contract(self, flag: Flag) -> SafeString:
        return two_lines(flag.contract.reference, flag.contract.title or flag.contract.supplier)

    @display(description=_("kind"), label=KIND_COLOURS)
    def shown_kind(self, flag: Flag) -> tuple[str, str]:
        return flag.kind, flag.get_kind_display()

    @display(description=_("certainty"))
    def shown_certainty(self, flag: Flag) -> SafeString:
        label = display_for_label((flag.certainty, flag.get_certainty_display()), "", CERTAINTY_COLOURS)
        return format_html('{}<small class="tocsin-under">{}</small>', label, flag.get_basis_display())

    @display(description=_("measure"))
    def shown_measure(self, flag: Flag) -> SafeString:
        return two_lines(flag_report.name_of(flag.measure), flag.measure.title)

    @display(description=_("exposure"))
    def shown_exposure(self, flag: Flag) -> SafeString | None:
        amount = money(flag.exposure_amount, flag.exposure_currency)
        return format_html('<span class="tocsin-nowrap">{}</span>', amount) if amount else None

    @display(description=_("owner"))
    def shown_owner(self, flag: Flag) -> SafeString:
        """The name in front of the @ is enough in a list; the whole address stands on the page."""
        name = str(flag.contract.owner or _("nobody")).partition("@")[0]
        return two_lines(name, flag.contract.department.reference if flag.contract.department else "–")


def _page(flag: Flag) -> dict[str, Any]:
    """Everything the page of a flag shows."""
    now = calendar(clock.now())
    stands = stage(facts_of(flag.contract), now)
    return {
        "flag": flag,
        "measure_name": flag_report.name_of(flag.measure),
        "policy_change": flag.measure.change,
        "evidence": list(flag.measure.change.evidence.order_by("published_on", "id")),
        "why": flag_report.why(flag, at=now.at),
        "history": flag_report.history(flag),
        "told": flag_report.told(flag),
        "acts": flag_report.acts(flag),
        "next_move": outlook.next_move(flag, at=now.at),
        "moves": outlook.steps(flag),
        "colleagues": colleagues(flag),
        "standing_colour": STANDING_COLOURS[getattr(getattr(flag, "disposition", None), "standing", "open")],
        "exposure": money(flag.exposure_amount, flag.exposure_currency),
        "stage": {"text": STAGES[stands], "colour": STAGE_COLOURS[stands]},
        "act_by_in_words": in_days(flag.act_by, now.today),
        "urgency": urgency(flag, now.today),
        "colours": {
            "kind": KIND_COLOURS[flag.kind],
            "certainty": CERTAINTY_COLOURS[flag.certainty],
            "basis": BASIS_COLOURS[flag.basis],
        },
        "title": f"{flag.contract.reference} · {flag.get_kind_display()}",
        "subtitle": None,
    }


@admin.register(FlagEvent)
class FlagEventAdmin(LedgerAdmin):
    list_display = ("at", "kind", "shown_flag", "certainty", "basis", "act_by", "shown_exposure", "run")
    list_filter = (("kind", ChoicesDropdownFilter), ("certainty", ChoicesDropdownFilter), ("at", RangeDateFilter))
    list_select_related = ("flag__contract", "flag__measure__change", "run")
    search_fields = ("flag__contract__reference", "flag__measure__change__reference")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[FlagEvent]:
        visible = Flag.objects.visible_to(principal(request)).order_by().values("id")
        return FlagEvent.objects.filter(flag__in=visible)

    @display(description=_("flag"))
    def shown_flag(self, event: FlagEvent) -> str:
        address = reverse("admin:alerts_flag_change", args=[event.flag_id])
        words = f"{event.flag.contract.reference} · {flag_report.name_of(event.flag.measure)}"
        return format_html('<a href="{}">{}</a>', address, words)

    @display(description=_("exposure"))
    def shown_exposure(self, event: FlagEvent) -> str | None:
        return money(event.exposure_amount, event.exposure_currency) or None


@admin.register(FlagAction)
class FlagActionAdmin(LedgerAdmin):
    list_display = ("at", "act", "shown_flag", "shown_by", "reason", "because", "text")
    list_filter = (("act", ChoicesDropdownFilter), ("reason", ChoicesDropdownFilter), ("at", RangeDateFilter))
    list_select_related = ("flag__contract", "flag__measure__change", "by")
    search_fields = ("flag__contract__reference", "by__email", "address", "text")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[FlagAction]:
        visible = Flag.objects.visible_to(principal(request)).order_by().values("id")
        return FlagAction.objects.filter(flag__in=visible)

    @display(description=_("flag"))
    def shown_flag(self, action: FlagAction) -> str:
        address = reverse("admin:alerts_flag_change", args=[action.flag_id])
        words = f"{action.flag.contract.reference} · {flag_report.name_of(action.flag.measure)}"
        return format_html('<a href="{}">{}</a>', address, words)

    @display(description=_("by"))
    def shown_by(self, action: FlagAction) -> str | None:
        return action.done_by
