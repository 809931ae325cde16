"""The form of the admin's log-in: too many attempts are an error like a wrong password. The admin is made with it: it
imports none of its pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from rest_framework.exceptions import Throttled
from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except Throttled as throttled:
            words = _("Too many attempts to log in. Try again in %(seconds)s seconds.")
            seconds = throttled.wait  # type: ignore[attr-defined]
            raise forms.ValidationError(words % {"seconds": seconds}, code="throttled") from None
        return cleaned
