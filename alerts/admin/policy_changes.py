"""Policy changes with their flags, and the steps by which they and their revisions come into effect and out of it."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from alerts import preview_report
from alerts.admin.ringing import Rings, flag_rows, open_flags
from alerts.bundle.problems import BundleErrors
from alerts.bundle.single import single
from alerts.models import Flag
from alerts.policy import NotPublishable, discard_revision, needs_another_person, publish, revise, withdraw
from alerts.revisions import differences, indented, pending, preview_pending, whole
from people import clock
from people.models import Role
from people.principal import has_role, principal
from people.resources import StrictJSONParser
from people.row_security import unrestricted
from policies.admin import EDITORS, PolicyChangeAdmin
from policies.models import PolicyChange

LONGEST_NUMBER = 18

admin.site.unregister(PolicyChange)


class RevisionForm(forms.Form):
    """The whole change as a bundle spells it. `seen` is the revision that was pending when the page was opened."""

    use_required_attribute = False
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    content = forms.CharField(
        label=gettext_lazy("The change as it is to become"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 32, "spellcheck": "false", "class": "tocsin-text"}),
    )

    def clean_content(self) -> Any:
        try:
            return StrictJSONParser().parse(BytesIO(self.cleaned_data["content"].encode("utf-8", "replace")))
        except ParseError as error:
            raise forms.ValidationError(str(error.detail)) from None


@admin.register(PolicyChange)
class PublishedPolicyChangeAdmin(Rings, PolicyChangeAdmin):
    """What is published is not edited in place: an edit is a revision until somebody else publishes it."""

    change_form_outer_before_template = "alerts/change_flags.html"
    list_display = (*PolicyChangeAdmin.list_display, "shown_flags")
    actions_detail = ("preview", "publish", "revise", "withdraw", "discard")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PolicyChange]:
        return super().get_queryset(request).annotate(flag_count=open_flags("measure__change"))

    def has_edit_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, *EDITORS)

    def has_publish_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what the change's status allows; a revision is discarded by the button beside it."""
        wanted: tuple[str, ...] = ("_preview", "_publish")
        change = PolicyChange.objects.filter(pk=object_id, status=PolicyChange.Status.PUBLISHED).first()
        if change is not None:
            wanted = ("_revise", "_withdraw", *(wanted if pending(change) else ()))
        return [a for a in super().get_actions_detail(request, object_id) if a.action_name.endswith(wanted)]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        change = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if isinstance(change, PolicyChange):
            flags = Flag.objects.open().visible_to(principal(request)).filter(measure__change=change)
            listed = f"{reverse('admin:alerts_flag_changelist')}?measure__change={change.pk}"
            context |= {"flag_rows": flag_rows(flags)[:10], "policy_change": change, "all_flags": listed}
            context |= self._revision(request, change)
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @action(description=gettext_lazy("Preview"), permissions=["edit"], icon="preview")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Which contracts publishing would flag, and no longer flag; nothing is kept."""
        return self._of_change(
            request,
            object_id,
            lambda change: TemplateResponse(
                request, "alerts/preview.html", self._outlook(request, change) | {"title": _("Preview")}
            ),
        )

    @action(
        description=gettext_lazy("Publish"), permissions=["publish"], icon="campaign", variant=ActionVariant.PRIMARY
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first: what follows goes to people by mail. Only the answer, a POST, changes anything."""
        return self._of_change(request, object_id, lambda change: self._publish(request, change))

    @action(description=gettext_lazy("Withdraw"), permissions=["publish"], icon="undo", variant=ActionVariant.DANGER)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first, like publishing."""
        return self._of_change(request, object_id, lambda change: self._withdraw(request, change))

    @action(description=gettext_lazy("Revise"), permissions=["edit"], icon="edit_document")
    def revise(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The whole change to be edited; what is saved waits to be published."""
        return self._of_change(request, object_id, lambda change: self._revise(request, change))

    @action(description=gettext_lazy("Discard the revision"), permissions=["edit"], icon="delete")
    def discard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes the pending revision away, where it is asked to by a POST."""
        return self._of_change(request, object_id, lambda change: self._discard(request, change))

    def _of_change(
        self, request: HttpRequest, object_id: str, step: Callable[[PolicyChange], HttpResponse | None]
    ) -> HttpResponse:
        """Take a step; where it has no page of its own or is not allowed, back to the page of the change."""
        change = self.get_object(request, object_id)
        if not isinstance(change, PolicyChange):
            return HttpResponseRedirect(reverse("admin:policies_policychange_changelist"))
        try:
            page = step(change)
        except (NotPublishable, BundleErrors) as error:
            messages.error(request, str(error))
            page = None
        return page or HttpResponseRedirect(_page_of(change))

    def _context(self, request: HttpRequest, change: PolicyChange) -> dict[str, Any]:
        context = {"opts": self.opts, "policy_change": change, "back": _page_of(change)}
        return {**self.admin_site.each_context(request), **context, **self._revision(request, change)}

    def _revision(self, request: HttpRequest, change: PolicyChange) -> dict[str, Any]:
        """The pending revision of the change, and what may be done about it."""
        revision = pending(change)
        return {
            "revision": revision,
            "revision_outdated": revision is not None and revision.version != change.version,
            "differences": differences(revision) if revision else [],
            "may_edit": self.has_edit_permission(request),
        }

    def _outlook(self, request: HttpRequest, change: PolicyChange) -> dict[str, Any]:
        with unrestricted():  # a preview is over every contract, and what is kept of them serves everybody
            shown = preview_report.as_json(preview_pending(change, at=clock.now()), seen_by=principal(request))
        confirm = shown["owners_told"] if shown["owners_told"] > settings.BLAST_RADIUS else None
        return {**self._context(request, change), "outlook": shown, "confirm": confirm}

    def _publish(self, request: HttpRequest, change: PolicyChange) -> HttpResponse | None:
        if request.method != "POST":
            context = {
                **self._outlook(request, change),
                "title": _("Publish?"),
                "published": True,
                "another_person": needs_another_person(change, principal(request)),
                "measures": change.measures.filter(retired_at__isnull=True).order_by("id"),
            }
            return TemplateResponse(request, "alerts/become.html", context)
        publish(
            change,
            by=principal(request),
            at=clock.now(),
            confirm_owners=_number(request.POST.get("confirm_owners", "")),
            revision=_number(request.POST.get("revision", "")),
        )
        messages.success(request, _("%(change)s is published; contracts are being screened.") % {"change": change})
        return None

    def _withdraw(self, request: HttpRequest, change: PolicyChange) -> HttpResponse | None:
        if request.method != "POST":
            context = {
                **self._context(request, change),
                "title": _("Withdraw?"),
                "measures": change.measures.filter(retired_at__isnull=True).order_by("id"),
            }
            return TemplateResponse(request, "alerts/become.html", context)
        withdraw(change, by=principal(request), at=clock.now())
        messages.success(request, _("%(change)s is withdrawn; its flags are being closed.") % {"change": change})
        return None

    def _revise(self, request: HttpRequest, change: PolicyChange) -> HttpResponse | None:
        waiting = pending(change)
        seen = str(waiting.pk) if waiting else ""
        form = RevisionForm(
            request.POST if request.method == "POST" else None,
            initial={"seen": seen, "content": indented(waiting.outcome if waiting else whole(change))},
        )
        if form.is_valid():
            if form.cleaned_data["seen"] != seen:
                form.add_error(None, _("Somebody else has revised it meanwhile: open this page again to see how."))
            else:
                self._keep(request, change, form)
        if request.method == "POST" and form.is_valid():
            return None
        context = {**self._context(request, change), "title": _("Revise"), "form": form}
        return TemplateResponse(request, "alerts/revise.html", context)

    def _keep(self, request: HttpRequest, change: PolicyChange, form: RevisionForm) -> None:
        """Keep what the form says as the pending revision; what is wrong with it is told by the form."""
        try:
            bundle = single("policy_changes", form.cleaned_data["content"], change.reference)
            revision = revise(change, bundle, by=principal(request), at=clock.now())
        except BundleErrors as found:
            form.add_error("content", [str(problem) for problem in found.problems])
            return
        if revision is None:
            messages.info(request, _("It says what is in force already: there is no revision."))
        else:
            messages.success(request, _("The revision is kept; it comes into force when somebody else publishes it."))

    def _discard(self, request: HttpRequest, change: PolicyChange) -> None:
        if request.method == "POST" and discard_revision(change, by=principal(request), at=clock.now()):
            messages.success(request, _("The revision is discarded."))

    @display(description=gettext_lazy("open flags"), label={True: "danger"})
    def shown_flags(self, change: Any) -> tuple[bool, str] | None:
        return (True, str(change.flag_count)) if change.flag_count else None


def _page_of(change: PolicyChange) -> str:
    return reverse("admin:policies_policychange_change", args=[change.pk])


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None
