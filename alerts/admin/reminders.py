"""The page of one's own calendar, and the stages in which one contract's dates are reminded of."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts.models import CalendarKey, ReminderStages
from alerts.models.reminders import FURTHEST, MOST_STAGES
from alerts.reminders import keys
from alerts.reminders.stages import DEFAULT
from people.admin.pages import LedgerAdmin, RowsInline
from people.principal import principal


class StagesForm(forms.ModelForm[ReminderStages]):
    days = SimpleArrayField(
        forms.IntegerField(min_value=0, max_value=FURTHEST),
        max_length=MOST_STAGES,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        label=gettext_lazy("days ahead"),
        help_text=gettext_lazy("separated by commas; none: no reminders"),
    )

    class Meta:
        model = ReminderStages
        fields = ("days",)

    def clean_days(self) -> list[int]:
        return sorted(set(self.cleaned_data["days"]), reverse=True)

    def has_changed(self) -> bool:
        """A row that is added says something even where it is left empty."""
        return super().has_changed() or (
            self.instance.pk is None and self.is_bound and self.add_prefix("days") in self.data
        )


class StagesInline(RowsInline):
    """Without a row the default holds."""

    model = ReminderStages
    form = StagesForm
    fields = ("days",)
    max_num = 1
    verbose_name = verbose_name_plural = gettext_lazy(
        "Reminders of its dates, where they differ from %(days)s days ahead"
    ) % {"days": ", ".join(map(str, DEFAULT))}


@admin.register(CalendarKey)
class CalendarKeyAdmin(LedgerAdmin):
    """One page: everybody's own."""

    def get_urls(self) -> list[Any]:
        return [
            path("make", self.admin_site.admin_view(self.make), name="alerts_calendarkey_make"),
            path("revoke", self.admin_site.admin_view(self.revoke), name="alerts_calendarkey_revoke"),
            *super().get_urls()[:1],
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return self._page(request)

    def make(self, request: HttpRequest) -> HttpResponse:
        """The one page that shows the address."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        response = self._page(request, url=keys.make(principal(request)))
        response["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        keys.revoke(principal(request))
        messages.success(request, _("The calendar's address is void."))
        return HttpResponseRedirect(reverse("admin:alerts_calendarkey_changelist"))

    def _page(self, request: HttpRequest, url: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("My calendar"),
            "key": keys.current(principal(request)),
            "url": url,
        }
        return TemplateResponse(request, "alerts/calendar.html", context)
