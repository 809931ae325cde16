"""What people fill in about webhook endpoints, checked by the rules of the REST interface."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ValidationError as RefusedField
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from alerts.models import WebhookEndpoint, WebhookType
from alerts.webhooks.endpoints import LONGEST_OVERLAP_HOURS, OVERLAP_HOURS, OWNERS, why_not
from people.admin.checking import messages
from people.admin.pages import StepForm
from people.fields import Instant
from people.models import User


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    events = forms.MultipleChoiceField(
        choices=WebhookType.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget, label=gettext_lazy("events")
    )

    class Meta:
        model = WebhookEndpoint
        fields = ("reference", "url", "description", "owner", "department", "events")

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        if reason := why_not(url):
            raise forms.ValidationError(_("Nothing is sent there: %(reason)s") % {"reason": reason})
        return url

    def clean_owner(self) -> User | None:
        owner: User | None = self.cleaned_data["owner"]
        if owner is not None and not owner.has_role(*OWNERS):
            raise forms.ValidationError(_("This user may not have an endpoint."))
        return owner


class InstantField(forms.CharField):
    widget = UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-01-13T09:00:00+09:00"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Instant().to_internal_value(text)
        except RefusedField as error:
            raise forms.ValidationError(messages(error.detail)) from None


class RotateForm(StepForm):
    overlap_hours = forms.IntegerField(
        label=gettext_lazy("Hours for which the old secret signs too"),
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class ReplayForm(StepForm):
    since = InstantField(label=gettext_lazy("Since"))
    until = InstantField(label=gettext_lazy("Until"), required=False)
    delivered = forms.BooleanField(
        label=gettext_lazy("Also what was accepted"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )
