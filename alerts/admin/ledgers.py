"""Pages of messages: what was written to whom, and whether it has left."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from alerts.admin.columns import MESSAGE_COLOURS
from alerts.models import Message
from people.admin.pages import LedgerAdmin
from people.principal import principal

SHOWN = 500
"""Events listed on the page of a message."""


@admin.register(Message)
class MessageAdmin(LedgerAdmin):
    change_form_template = "alerts/message.html"
    list_display = (
        "created_at",
        "shown_state",
        "recipient",
        "subject",
        "policy_change",
        "language",
        "attempts",
        "sent_at",
    )
    list_display_links = ("created_at", "subject")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("language", FieldTextFilter),
        ("recipient", FieldTextFilter),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("policy_change",)
    search_fields = ("recipient", "subject", "message_id__exact", "policy_change__reference")
    search_help_text = _("recipient, subject, policy change, a whole Message-ID")
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Message]:
        return Message.objects.visible_to(principal(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        message = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if isinstance(message, Message):
            told = message.told().select_related("flag__contract", "flag__measure__change")
            context |= {
                "message": message,
                "colour": MESSAGE_COLOURS[message.state],
                "told": told.order_by("id")[:SHOWN],
                "more": max(len(message.events) - SHOWN, 0),
                "title": str(message),
                "subtitle": None,
            }
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @display(description=_("state"), label=MESSAGE_COLOURS)
    def shown_state(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()
