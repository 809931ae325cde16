"""The page on which everybody chooses how they are told of what can wait."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from alerts import doorbell
from alerts.digests.choices import choose, chosen_by
from alerts.models import Cadence, HeldNews
from people import clock
from people.models import Role
from people.principal import principal


def _cadence(label: Any, help_text: Any, *cadences: Cadence) -> forms.ChoiceField:
    choices = [(cadence.value, cadence.label) for cadence in cadences]
    return forms.ChoiceField(choices=choices, label=label, help_text=help_text, widget=UnfoldAdminSelectWidget)


class ChoiceForm(forms.Form):
    normal = _cadence(
        gettext_lazy("What else is certain"),
        gettext_lazy("announced or reported, and no possible termination"),
        Cadence.AT_ONCE,
        Cadence.DAILY,
    )
    review = _cadence(gettext_lazy("What needs review"), gettext_lazy("a fact is missing"), *Cadence)
    closing = _cadence(gettext_lazy("What is no longer flagged"), gettext_lazy("nothing is left to do"), *Cadence)


class DigestPages:
    """Beside the list of messages, everybody's own choice."""

    admin_site: AdminSite

    def get_urls(self) -> list[Any]:
        own = path("digests", self.admin_site.admin_view(self.digests), name="alerts_message_digests")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def digests(self, request: HttpRequest) -> HttpResponse:
        user = principal(request)
        if not user.has_role(*Role):
            raise PermissionDenied
        chosen = chosen_by(user)
        now = {name: getattr(chosen, name) for name in ChoiceForm.base_fields}
        form = ChoiceForm(request.POST or None, initial=now)
        if request.method == "POST" and form.is_valid():
            choose(user, **form.cleaned_data, at=clock.now())
            doorbell.ring()
            messages.success(request, _("This is how you are told from now on."))
            return HttpResponseRedirect(reverse("admin:alerts_message_digests"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("How I am told"),
            "form": form,
            "waiting": HeldNews.objects.waiting().filter(recipient=user.email).order_by("due_at").first(),
        }
        return TemplateResponse(request, "alerts/digests.html", context)
