"""Checks that were answered with receipts: the document, the answer then and now, who released it. Read here; released
where the reasons are shown, over REST."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import display

from alerts.models import Answer, Check, CheckRelease, CheckTurn
from people.admin.pages import LedgerAdmin, RoleInline, readable_json
from people.principal import principal

COLOURS = {
    Answer.CLEAR: "success",
    Answer.CLEARED: "success",
    Answer.REVIEW: "warning",
    Answer.LICENCE_REQUIRED: "info",
    Answer.BLOCKED: "danger",
}


class Part(RoleInline, TabularInline):
    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TurnsInline(Part):
    model = CheckTurn
    fields = ("at", "before", "after", "measures")
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("how its answer turned")


class ReleasesInline(Part):
    model = CheckRelease
    fields = ("at", "by", "reason", "text", "expires_on")
    readonly_fields = fields
    verbose_name_plural = gettext_lazy("releases")


@admin.register(Check)
class CheckAdmin(LedgerAdmin):
    list_display = ("reference", "purpose", "shown_answer", "shown_stands", "owner", "checked_at")
    list_filter = ("purpose", "answer", "stands")
    list_select_related = ("owner",)
    search_fields = ("reference",)
    search_help_text = gettext_lazy("the document's reference")
    ordering = ("-id",)
    fields = (
        ("reference", "purpose", "owner", "department"),
        ("shown_answer", "shown_stands"),
        ("checked_at", "valid_until", "watched_until"),
        "policy_version",
        "shown_document",
        "receipt",
    )
    readonly_fields = (
        "reference",
        "purpose",
        "owner",
        "department",
        "shown_answer",
        "shown_stands",
        "checked_at",
        "valid_until",
        "watched_until",
        "policy_version",
        "shown_document",
        "receipt",
    )
    inlines = (TurnsInline, ReleasesInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Check]:
        found: Any = super().get_queryset(request)
        return found.visible_to(principal(request))

    @display(description=gettext_lazy("answer"), label=COLOURS)
    def shown_answer(self, check: Check) -> tuple[str, str]:
        return check.answer, check.get_answer_display()

    @display(description=gettext_lazy("stands"), label=COLOURS)
    def shown_stands(self, check: Check) -> tuple[str, str]:
        return check.stands, check.get_stands_display()

    @display(description=gettext_lazy("document"))
    def shown_document(self, check: Check) -> SafeString:
        return readable_json(check.document)
