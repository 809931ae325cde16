"""Pages of screening runs with their manifests, of contracts that cannot be screened, and of the cursor."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.views import ChangeList

from alerts import run_report
from alerts.models import ScreeningCursor, ScreeningRun, SetAside
from people.admin.pages import BoundedChangeList, LedgerAdmin
from people.models import Role
from people.principal import principal

NEITHER = ("scope", "buckets", "errors")
"""What only the page of a run reads: it may be large."""


@admin.register(ScreeningRun)
class ScreeningRunAdmin(LedgerAdmin):
    change_form_outer_after_template = "alerts/run.html"
    list_display = (
        "id",
        "cause",
        "at",
        "shown_state",
        "shown_scope",
        "contracts",
        "screened",
        "opened",
        "updated",
        "closed",
        "unchanged",
        "set_aside",
        "shown_seconds",
    )
    list_filter = (
        ("cause", ChoicesDropdownFilter),
        ("at", RangeDateTimeFilter),
        "everything",
    )
    search_fields = ("policy_version__exact", "digest__exact")
    search_help_text = _("a whole digest")
    ordering = ("-id",)
    sortable_by = ("id",)
    fieldsets = (
        (None, {"fields": (("cause", "at"), ("started_at", "finished_at", "completed_by"))}),
        (
            _("Manifest"),
            {
                "fields": (
                    ("shown_scope", "contracts", "lines", "screened", "set_aside"),
                    ("timezone", "renewal_horizon_days"),
                    "snapshot",
                    "policy_version",
                    "digest",
                )
            },
        ),
        (_("Flags"), {"fields": (("opened", "updated", "closed", "unchanged"),)}),
    )
    readonly_fields = ("shown_scope",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ScreeningRun]:
        runs: models.QuerySet[ScreeningRun] = super().get_queryset(request)
        return runs.defer(*NEITHER)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run, context = self.get_object(request, object_id), dict(extra_context or {})
        if isinstance(run, ScreeningRun):
            user = principal(request)
            scope = run_report.scope(run, seen_by=user)
            context |= {
                "run": run,
                "scope": scope,
                "beyond": len(run.scope or ()) - len(scope or ()),
                "policy_changes": run_report.policy_changes(run),
                "failures": run_report.errors(run, seen_by=user),
            }
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @display(description=_("state"), label={"finished": "success", "replaced": "warning", "unfinished": "danger"})
    def shown_state(self, run: ScreeningRun) -> tuple[str, Any]:
        if run.finished_at is not None:
            return "finished", _("finished")
        if run.completed_by_id is not None:
            return "replaced", _("done by a later run")
        return "unfinished", _("not finished")

    @display(description=_("scope"))
    def shown_scope(self, run: ScreeningRun) -> Any:
        if run.finished_at is None:
            return "–"
        if run.everything:
            return _("everything")
        return _("policy changes") if run.changes else _("what was due")

    @display(description=_("seconds"))
    def shown_seconds(self, run: ScreeningRun) -> str | None:
        return f"{(run.finished_at - run.started_at).total_seconds():.1f}" if run.finished_at else None


class ExplainedChangeList(BoundedChangeList):
    """Rows of contracts set aside, with what is wrong with each."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = run_report.explained(list(self.result_list))


@admin.register(SetAside)
class SetAsideAdmin(LedgerAdmin):
    """Contracts that screening cannot read: it goes on without them, and their flags stay as they were."""

    list_display = ("shown_contract", "shown_faults", "error", "since", "shown_run")
    list_display_links = None
    list_filter = (("since", RangeDateTimeFilter),)
    search_fields = ("reference",)
    ordering = ("reference",)
    sortable_by = ()
    fields = ("shown_contract", "shown_faults", "error", "since", "shown_run")
    readonly_fields = ("shown_contract", "shown_faults", "shown_run")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[SetAside]:
        return SetAside.objects.visible_to(principal(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ExplainedChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> SetAside | None:
        found = super().get_object(request, object_id, from_field)
        return run_report.explained([found])[0] if isinstance(found, SetAside) else None

    @display(description=_("contract"))
    def shown_contract(self, row: SetAside) -> SafeString:
        address = reverse("admin:contracts_contract_change", args=[row.contract_id])
        return format_html('<a class="tocsin-link" href="{}">{}</a>', address, row.reference)

    @display(description=_("what is wrong"))
    def shown_faults(self, row: Any) -> SafeString:
        if not row.faults:
            return format_html("{}", _("no fact of it by itself; see the error"))
        return format_html_join("", "<div>{}</div>", ((fault,) for fault in row.faults))

    @display(description=_("run"))
    def shown_run(self, row: SetAside) -> SafeString:
        address = reverse("admin:alerts_screeningrun_change", args=[row.run_id])
        return format_html('<a class="tocsin-link" href="{}">{}</a>', address, row.run_id)


@admin.register(ScreeningCursor)
class ScreeningCursorAdmin(LedgerAdmin):
    readers = (Role.ADMINISTRATOR,)
    list_display = ("id", "xid", "shown_ahead")
    list_filter = ()
    fields = ("xid", "ahead")

    @display(description=_("screened beyond it"))
    def shown_ahead(self, cursor: ScreeningCursor) -> int:
        return len(cursor.ahead)
