"""Pages of messages: what was written to whom, and whether it has left."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from alerts import doorbell
from alerts.admin.columns import MESSAGE_COLOURS
from alerts.admin.digests import DigestPages
from alerts.models import Message, Reminder, State
from alerts.outbox.again import SENDERS, NotPossible, send_again
from people.admin.pages import LedgerAdmin
from people.principal import has_role, principal
from people.row_security import unrestricted

SHOWN = 500
"""Events listed on the page of a message."""


@admin.register(Message)
class MessageAdmin(DigestPages, LedgerAdmin):
    change_form_template = "alerts/message.html"
    list_display = (
        "created_at",
        "shown_state",
        "recipient",
        "purpose",
        "subject",
        "policy_change",
        "language",
        "attempts",
        "sent_at",
    )
    list_display_links = ("created_at", "subject")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("purpose", ChoicesDropdownFilter),
        ("language", FieldTextFilter),
        ("recipient", FieldTextFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("policy_change",)
    search_fields = ("recipient", "subject", "message_id__exact", "policy_change__reference")
    search_help_text = _("recipient, subject, policy change, a whole Message-ID")
    ordering = ("-id",)
    sortable_by = ()
    actions_detail = ("again",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Message]:
        return Message.objects.visible_to(principal(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        message = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if isinstance(message, Message):
            with unrestricted():  # it told its reader of them
                context |= self._page(message)
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @staticmethod
    def _page(message: Message) -> dict[str, Any]:
        told = message.told().select_related("flag__contract", "flag__measure__change").order_by("id")
        reminders = Reminder.objects.told_by(message).select_related("contract").order_by("on", "id")
        return {
            "message": message,
            "colour": MESSAGE_COLOURS[message.state],
            "told": list(told[:SHOWN]),
            "more": max(len(message.events) - SHOWN, 0),
            "attempts": list(message.log.order_by("-id")[:SHOWN]),
            "reminders": list(reminders[:SHOWN]),
            "replacements": list(message.replacements.order_by("id")),
            "in_place_of": message.in_place_of,
            "title": str(message),
            "subtitle": None,
        }

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what was given up, or waits for another attempt, can be sent again."""
        can = Message.objects.filter(pk=object_id, state__in=[State.DEAD, State.FAILED]).exists()
        return super().get_actions_detail(request, object_id) if can else []

    def has_again_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, *SENDERS)

    @action(description=_("Send again"), permissions=["again"], icon="send")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first; only the answer, a POST, does anything."""
        message = self.get_object(request, object_id)
        if not isinstance(message, Message):
            return HttpResponseRedirect(reverse("admin:alerts_message_changelist"))
        back = reverse("admin:alerts_message_change", args=[message.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": _("Send again"),
                "opts": self.opts,
                "message": message,
                "back": back,
            }
            return TemplateResponse(request, "alerts/message_again.html", context)
        try:
            send_again(message, by=principal(request))
            doorbell.ring()
            messages.success(request, _("It is on its way."))
        except NotPossible as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(back)

    @display(description=_("state"), label=MESSAGE_COLOURS)
    def shown_state(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()
