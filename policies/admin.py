"""Admin pages of policy changes, party lists and licences."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateFilter
from unfold.decorators import display

from people.admin.checking import CheckedForm, CheckedFormSet, CodesField
from people.admin.pages import CardsInline, FactsAdmin, LedgerAdmin, RowsInline, readable_json, two_lines
from people.faults import once
from people.models import Role
from policies.models import Evidence, Licence, Measure, PartyList, PartyListEntry, PolicyChange, PolicyChangeRevision
from policies.serializers import (
    EntrySerializer,
    EvidenceSerializer,
    LicenceSerializer,
    MeasureSerializer,
    PartyListSerializer,
    PolicyChangeSerializer,
)

EDITORS = (Role.POLICY_EDITOR, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)
STATUS_COLOURS = {"draft": "info", "published": "success", "withdrawn": ""}
DOCUMENTS = ("shown_content", "shown_outcome")
END_COLOURS = {"pending": "info", "published": "success", "replaced": "", "discarded": "", "withdrawn": ""}
FORMALITY_COLOURS = {"official": "primary", "reported": "warning", "oral": "warning"}


class PolicyChangeForm(CheckedForm):
    serializer = PolicyChangeSerializer()
    supersedes = CodesField(label=_("supersedes"), help_text=_("references; a record only"), none_is_empty=True)


class EvidenceForm(CheckedForm):
    serializer = EvidenceSerializer()


class EvidenceFormSet(CheckedFormSet):
    section = "evidence"


class EvidenceInline(CardsInline):
    model = Evidence
    form = EvidenceForm
    formset = EvidenceFormSet
    collapsible = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("publisher", "published_on"),
                    ("stance", "url"),
                    ("reliability", "credibility"),
                    "summary",
                )
            },
        ),
    )


class MeasureForm(CheckedForm):
    serializer = MeasureSerializer()


class MeasureFormSet(CheckedFormSet):
    section = "measures"
    rules = (once("measures", "key"),)


class MeasuresInline(CardsInline):
    model = Measure
    form = MeasureForm
    formset = MeasureFormSet
    fieldsets = ((None, {"fields": (("key", "effect"), "title", "timeline", "scope")}),)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Measure]:
        measures: models.QuerySet[Measure] = super().get_queryset(request)
        return measures.filter(retired_at__isnull=True)


@admin.register(PolicyChange)
class PolicyChangeAdmin(FactsAdmin):
    """A change is edited while it is a draft; what is published is what people were told."""

    writers = EDITORS
    form = PolicyChangeForm
    inlines = (MeasuresInline, EvidenceInline)
    list_display: tuple[str, ...] = (
        "shown_reference",
        "shown_status",
        "shown_formality",
        "announced_on",
        "authority",
        "number",
        "shown_measures",
    )
    list_display_links = ("shown_reference",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("formality", ChoicesDropdownFilter),
        ("authority_country", FieldTextFilter),
        ("announced_on", RangeDateFilter),
    )
    search_fields = ("reference", "title", "number", "authority")
    ordering = ("-announced_on", "reference")
    readonly_fields = ("status",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("reference", "status"),
                    ("title", "number"),
                    ("authority", "authority_country"),
                    ("timezone", "announced_on"),
                    ("formality", "supersedes"),
                    "summary",
                )
            },
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and is_draft(obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PolicyChange]:
        changes: models.QuerySet[PolicyChange] = super().get_queryset(request)
        return changes.annotate(measure_count=Count("measures", filter=Q(measures__retired_at__isnull=True)))

    @display(description=_("policy change"), ordering="reference")
    def shown_reference(self, change: PolicyChange) -> SafeString:
        return two_lines(change.reference, change.title)

    @display(description=_("status"), label=STATUS_COLOURS, ordering="status")
    def shown_status(self, change: PolicyChange) -> tuple[str, str]:
        status = PolicyChange.Status(change.status or "draft")
        return status.value, str(status.label)

    @display(description=_("formality"), label=FORMALITY_COLOURS, ordering="formality")
    def shown_formality(self, change: PolicyChange) -> tuple[str, str] | None:
        return (change.formality, change.get_formality_display()) if change.formality else None

    @display(description=_("measures"))
    def shown_measures(self, change: Any) -> int:
        return int(change.measure_count)


@admin.register(PolicyChangeRevision)
class PolicyChangeRevisionAdmin(LedgerAdmin):
    """All edits of what is published, and what became of each."""

    list_display = ("created_at", "change", "by", "shown_end", "ended_at", "ended_by")
    list_filter = (("ended_as", ChoicesDropdownFilter), ("created_at", RangeDateFilter))
    list_select_related = ("change", "by", "ended_by")
    search_fields = ("change__reference", "by__email")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("change", "version"), ("by", "created_at"), ("ended_as", "ended_by", "ended_at"), *DOCUMENTS)
    readonly_fields = DOCUMENTS

    @display(description=_("state"), label=END_COLOURS)
    def shown_end(self, revision: PolicyChangeRevision) -> tuple[str, Any]:
        return revision.ended_as or "pending", revision.get_ended_as_display() or _("pending")

    @display(description=_("content, as it was sent"))
    def shown_content(self, revision: PolicyChangeRevision) -> SafeString:
        return readable_json(revision.content)

    @display(description=_("outcome, the whole change as it will be"))
    def shown_outcome(self, revision: PolicyChangeRevision) -> SafeString:
        return readable_json(revision.outcome)


def is_draft(change: models.Model | None) -> bool:
    return not isinstance(change, PolicyChange) or change.status in (None, PolicyChange.Status.DRAFT)


class PartyListForm(CheckedForm):
    serializer = PartyListSerializer()


class EntryForm(CheckedForm):
    serializer = EntrySerializer()


class EntryFormSet(CheckedFormSet):
    section = "entries"


class EntriesInline(RowsInline):
    model = PartyListEntry
    form = EntryForm
    formset = EntryFormSet
    fields = ("organization", "from_on", "until_on")
    autocomplete_fields = ("organization",)
    verbose_name, verbose_name_plural = _("entry"), _("entries")


@admin.register(PartyList)
class PartyListAdmin(FactsAdmin):
    writers = EDITORS
    form = PartyListForm
    inlines = (EntriesInline,)
    list_display = ("reference", "title", "authority_country", "timezone")
    list_display_links = ("reference", "title")
    list_filter = (("authority_country", FieldTextFilter),)
    search_fields = ("reference", "title")
    ordering = ("reference",)
    fields = (("reference", "title"), ("authority_country", "timezone"))


class LicenceForm(CheckedForm):
    serializer = LicenceSerializer()
    measures = CodesField(
        label=_("measures"), help_text=_("CHANGE or CHANGE/KEY, with commas; none covers nothing"), none_is_empty=True
    )


@admin.register(Licence)
class LicenceAdmin(FactsAdmin):
    writers = (Role.BUYER, *EDITORS)
    form = LicenceForm
    list_display = ("reference", "kind", "exporter", "consignee", "end_user", "shown_measures", "valid_until")
    list_select_related = ("exporter", "consignee", "end_user")
    list_filter = (("kind", ChoicesDropdownFilter), ("valid_until", RangeDateFilter))
    search_fields = ("reference", "exporter__reference", "exporter__name", "measures")
    ordering = ("reference",)
    autocomplete_fields = ("exporter", "consignee", "end_user")
    fields = (
        ("reference", "kind"),
        ("exporter", "consignee"),
        ("end_user", "timezone"),
        "measures",
        "commodities",
        ("valid_from", "valid_until"),
    )

    @display(description=_("measures"))
    def shown_measures(self, licence: Licence) -> str:
        return ", ".join(licence.measures)
