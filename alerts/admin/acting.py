"""What people do about a flag on its page: a form for each act, and the address that takes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from alerts import dispositions
from alerts.dispositions import WORKERS, NotPossible, Unsuitable
from alerts.models import Flag
from alerts.models.actions import PUT_ASIDE, Reason
from people import clock
from people.models import User
from people.principal import has_role, principal


class ActForm(forms.Form):
    """An act without particulars. `facts` names the facts that the page showed."""

    use_required_attribute = False
    facts = forms.CharField(required=False, widget=forms.HiddenInput)

    def said(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "facts"}


class TextForm(ActForm):
    text = forms.CharField(
        label=gettext_lazy("In words"), max_length=5000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


class AssignForm(ActForm):
    to = forms.EmailField(
        label=gettext_lazy("To"), widget=UnfoldAdminEmailInputWidget(attrs={"list": "tocsin-colleagues"})
    )

    def clean_to(self) -> User:
        user = User.objects.filter(email=self.cleaned_data["to"].lower()).first()
        if user is None:
            raise forms.ValidationError(_("Nobody has this address."))
        return user


class MitigateForm(TextForm):
    def said(self) -> dict[str, Any]:
        return {**super().said(), "seen": self.cleaned_data["facts"] or None}


class DismissForm(MitigateForm):
    field_order = ("reason", "text", "expires_on")
    reason = forms.ChoiceField(label=gettext_lazy("Reason"), choices=Reason.choices, widget=UnfoldAdminSelectWidget)
    expires_on = forms.DateField(
        label=gettext_lazy("Until"),
        help_text=gettext_lazy("inclusive"),
        widget=UnfoldAdminDateWidget(attrs={"type": "date"}),
    )


ACTS: Mapping[str, tuple[type[ActForm], Any, Any]] = {
    "acknowledge": (ActForm, gettext_lazy("Acknowledge"), dispositions.acknowledge),
    "assign": (AssignForm, gettext_lazy("Assign"), dispositions.assign),
    "comment": (TextForm, gettext_lazy("Comment"), dispositions.comment),
    "mitigate": (MitigateForm, gettext_lazy("Mark mitigated"), dispositions.mitigate),
    "dismiss": (DismissForm, gettext_lazy("Dismiss"), dispositions.dismiss),
    "reopen": (TextForm, gettext_lazy("Open again"), dispositions.reopen),
}


def act_forms(request: HttpRequest, flag: Flag, facts: str | None) -> list[dict[str, Any]]:
    """The acts that are possible now for whoever asks, each with its form and address."""
    if not has_role(request, *WORKERS):
        return []
    return [
        {
            "name": name,
            "title": ACTS[name][1],
            "form": ACTS[name][0](initial={"facts": facts}, auto_id=f"{name}-%s"),
            "url": reverse("admin:alerts_flag_act", args=[flag.pk, name]),
        }
        for name in _possible(flag)
    ]


def colleagues(flag: Flag) -> list[str]:
    """Addresses to suggest: of the contract's department, its owner and deputy."""
    contract = flag.contract
    found = {address for address in (contract.owner, contract.deputy) if address}
    if contract.department is not None:
        found |= set(contract.department.users.filter(is_active=True).values_list("email", flat=True))
    return sorted(found)


def act_on(request: HttpRequest, flag: Flag | None, name: str) -> HttpResponse:
    """Takes one of the forms, and leads back to the flag with what became of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if flag is None or name not in ACTS or not has_role(request, *WORKERS):
        return HttpResponseRedirect(reverse("admin:alerts_flag_changelist"))
    kind, title, act = ACTS[name]
    form = kind(request.POST)
    if not form.is_valid():
        faults = [f"{form[field].label}: {' '.join(map(str, errors))}" for field, errors in form.errors.items()]
        messages.error(request, f"{title}: {' '.join(faults)}")
    else:
        try:
            act(flag, **form.said(), by=principal(request), at=clock.now())
            messages.success(request, _("Done: %(act)s") % {"act": title})
        except (NotPossible, Unsuitable) as error:
            messages.error(request, f"{title}: {error}")
    return HttpResponseRedirect(reverse("admin:alerts_flag_change", args=[flag.pk]))


def _possible(flag: Flag) -> Iterable[str]:
    if flag.closed_at is not None:
        return ("comment",)
    disposition = getattr(flag, "disposition", None)
    if disposition is not None and disposition.standing in PUT_ASIDE:
        return ("reopen", "assign", "comment")
    acknowledged = disposition is not None and disposition.standing == "acknowledged"
    return (*(() if acknowledged else ("acknowledge",)), "assign", "comment", "mitigate", "dismiss")
