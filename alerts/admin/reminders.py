"""The page of one's own calendar, and the stages in which one contract's dates are reminded of."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from alerts.models import ReminderStages
from alerts.models.reminders import FURTHEST, MOST_STAGES
from alerts.reminders import keys
from alerts.reminders.stages import DEFAULT
from people.admin.pages import RowsInline
from people.models import Role
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


class CalendarPages:
    """Beside the list of contracts, everybody's own calendar of their dates."""

    admin_site: AdminSite

    def get_urls(self) -> list[Any]:
        pages = {"calendar": self.calendar, "calendar/make": self.make, "calendar/revoke": self.revoke}
        own = [
            path(address, self.admin_site.admin_view(view), name=f"contracts_contract_{view.__name__}")
            for address, view in pages.items()
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def calendar(self, request: HttpRequest, url: str | None = None) -> HttpResponse:
        user = principal(request)
        if not user.has_role(*Role):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("My calendar"),
            "key": keys.current(user),
            "url": url,
        }
        return TemplateResponse(request, "alerts/calendar.html", context)

    def make(self, request: HttpRequest) -> HttpResponse:
        """The one page that shows the address."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        response = self.calendar(request, url=keys.make(principal(request)))
        response["Cache-Control"] = "no-store"
        return response

    def revoke(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        keys.revoke(principal(request))
        messages.success(request, _("The calendar's address is void."))
        return HttpResponseRedirect(reverse("admin:contracts_contract_calendar"))
