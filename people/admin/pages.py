"""What every admin page shares: roles decide who sees and changes it, and no list counts its rows to the end."""

import json
import unicodedata
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, StackedInline, TabularInline
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextareaWidget

from people import clock
from people.admin.checking import CheckedFormSet, IndentedJSONField
from people.models import Role
from people.principal import has_role, principal
from people.provenance import Provenance, record
from people.row_security import seen_by

EVERYBODY = tuple(Role)
JSON_FIELDS = {models.JSONField: {"form_class": IndentedJSONField, "widget": UnfoldAdminTextareaWidget}}


class BoundedPaginator(Paginator[Any]):
    """Counts to ten thousand rows and no further: whoever looks for more than that searches or filters."""

    LIMIT = 10_000

    @cached_property
    def count(self) -> int:
        if not isinstance(self.object_list, models.QuerySet):
            return len(self.object_list)
        return self.object_list.order_by()[: self.LIMIT].count()


class BoundedChangeList(ChangeList):
    """Shows how many rows were found, and never asks how many there are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count


def two_lines(first: object, second: object) -> SafeString:
    """A cell with a name that never breaks and a line that explains it."""
    return format_html('<span class="tocsin-cell"><b>{}</b><small>{}</small></span>', first, second or "")


def readable_json(value: object) -> SafeString:
    """A stored document as people read it: as it is written in every script."""
    return format_html('<pre class="tocsin-text">{}</pre>', json.dumps(value, ensure_ascii=False, indent=2))


class RoleAdmin(ModelAdmin):
    """A page whose readers and writers are named by role; which rows they see is the queryset's business."""

    readers: ClassVar[Sequence[Role]] = EVERYBODY
    writers: ClassVar[Sequence[Role]] = (Role.ADMINISTRATOR,)
    removers: ClassVar[Sequence[Role]] = (Role.ADMINISTRATOR,)

    formfield_overrides: Any = JSON_FIELDS
    paginator: Any = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    actions: Any = None
    list_filter_submit = True
    list_fullwidth = True
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lists have no actions: what is posted to one would be answered with it, and not held back as reading is."""
        if request.method == "POST":
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Also where it is looked up to be written: one that is not to be seen is not there."""
        with seen_by(principal(request)) if request.method == "POST" else nullcontext():
            return super().get_object(request, object_id, from_field)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_role(request, *self.readers)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return has_role(request, *self.readers)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return has_role(request, *self.writers)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return has_role(request, *self.writers)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return has_role(request, *self.removers)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        rows, duplicates = super().get_search_results(request, queryset, as_stored(search_term))
        return rows, duplicates


def as_stored(search_term: str) -> str:
    """Names are stored in NFC, so a search for them is made in NFC too; NUL occurs in none."""
    return unicodedata.normalize("NFC", search_term.replace("\0", ""))


class FactsAdmin(RoleAdmin):
    """A page of objects whose facts have a provenance: what a person sets by hand is that person's word."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stated = form.changed_data if change else [n for n, v in form.cleaned_data.items() if v not in (None, "", [])]
        obj.provenance = self._recorded(request, obj, stated)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if hasattr(formset.model, "provenance"):
            for row in formset.forms:
                if row.has_changed():
                    row.instance.provenance = self._recorded(request, row.instance, row.changed_data)
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        lists = [formset.section for formset in formsets if formset.section and formset.has_changed()]
        if lists:
            provenance = self._recorded(request, form.instance, lists)
            self.model._default_manager.filter(pk=form.instance.pk).update(provenance=provenance)

    def _recorded(self, request: HttpRequest, row: Any, names: Sequence[str]) -> Provenance:
        columns = {*(field.name for field in row._meta.get_fields()), *row._meta.fields_map}
        stated = [name for name in names if name in columns]
        return record(row.provenance, stated, source=principal(request).email, at=clock.now())


class StepForm(forms.Form):
    """A step without particulars."""

    use_required_attribute = False


class LedgerAdmin(RoleAdmin):
    """A page of rows the machine owns: they are read here, and changed nowhere by hand."""

    actions_detail: Sequence[Any] = ()
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class RoleInline:
    """Parts of an object may be seen and changed by whoever may see and change the object."""

    extra = 0
    per_page = 50
    formset = CheckedFormSet
    formfield_overrides: Any = JSON_FIELDS
    admin_site: admin.AdminSite
    parent_model: type[models.Model]

    def _page(self) -> Any:
        return self.admin_site._registry[self.parent_model]

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self._page().has_view_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self._page().has_change_permission(request, obj))

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        if obj is None:
            return bool(self._page().has_add_permission(request))
        return bool(self._page().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.has_add_permission(request, obj)


class RowsInline(RoleInline, TabularInline):
    """Parts as rows of a table."""


class CardsInline(RoleInline, StackedInline):
    """Parts with too many facts for a row."""


class StepAdmin(RoleAdmin):
    """A page with steps that ask first, each on a page of its own, where a secret is shown once, too."""

    step_template: ClassVar[str]
    """Extends people/step.html; the object is `object` there."""

    def step_page(self, request: HttpRequest, obj: models.Model, title: str, **more: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "object": obj,
            "back": self.page_of(obj),
            **more,
        }
        return TemplateResponse(request, self.step_template, context)

    def secret_page(self, request: HttpRequest, obj: models.Model, secret: str) -> HttpResponse:
        return self.step_page(request, obj, _("The secret, shown this once"), secret=secret)

    def page_of(self, obj: models.Model) -> str:
        """The address of the object's own page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])
