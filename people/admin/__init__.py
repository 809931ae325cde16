"""Admin pages of departments, users and the change log."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from people.admin import machines
from people.admin.checking import CheckedForm, CheckedFormSet
from people.admin.pages import FactsAdmin, LedgerAdmin, RoleAdmin, RowsInline
from people.models import Absence, ChangeEntry, Department, Role, User
from people.serializers import DepartmentSerializer, Period, UserSerializer

admin.site.unregister(Group)  # what people may do follows from their roles
admin.site.site_title = admin.site.site_header = "Tocsin"
admin.site.index_title = _("Today")


class DepartmentForm(CheckedForm):
    serializer = DepartmentSerializer()


@admin.register(Department)
class DepartmentAdmin(FactsAdmin):
    form = DepartmentForm
    list_display = ("reference", "name", "mailbox", "head", "country")
    list_display_links = ("reference", "name")
    search_fields = ("reference", "name", "mailbox")
    fields = (("reference", "name"), ("mailbox", "head"), "country")


class AbsenceForm(CheckedForm):
    serializer = Period()


class AbsenceFormSet(CheckedFormSet):
    section = "away"


class AbsenceInline(RowsInline):
    model = Absence
    form = AbsenceForm
    formset = AbsenceFormSet
    fields = ("from_on", "until_on")
    verbose_name_plural = _("absences")


class UserForm(CheckedForm, UserChangeForm):
    serializer = UserSerializer()
    roles = forms.MultipleChoiceField(
        choices=Role.choices, required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget, label=_("roles")
    )

    class Meta:
        model = User
        fields = "__all__"


class UserAddForm(UserCreationForm):
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return User.objects.normalize_email(self.cleaned_data["email"])


@admin.register(User)
class UserAdmin(DjangoUserAdmin, FactsAdmin):  # type: ignore[type-arg]
    readers = (Role.ADMINISTRATOR,)
    form = UserForm
    add_form = UserAddForm
    change_password_form = AdminPasswordChangeForm
    inlines = (AbsenceInline,)
    list_display = ("email", "name", "shown_roles", "shown_departments", "language", "deputy", "is_active")
    list_display_links = ("email", "name")
    list_filter = (("language", ChoicesDropdownFilter), "is_active", "departments")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ()
    autocomplete_fields = ("departments",)
    readonly_fields = ("last_login", "is_superuser")
    fieldsets = (
        (None, {"fields": (("email", "name"), "roles", "departments", ("deputy", "is_active"))}),
        (_("Where and how the user works"), {"fields": (("language", "timezone"), "country")}),
        (_("Log-in"), {"fields": ("password", ("last_login", "is_superuser"))}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("departments")

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """A service account has no password, and gets none."""
        if id.isdecimal() and User.objects.filter(pk=id, is_service=True).exists():
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    @display(description=_("roles"))
    def shown_roles(self, user: User) -> str:
        return ", ".join(str(Role(role).label) for role in user.roles)

    @display(description=_("departments"))
    def shown_departments(self, user: User) -> str:
        return ", ".join(department.reference for department in user.departments.all())


@admin.register(ChangeEntry)
class ChangeEntryAdmin(LedgerAdmin):
    readers = (Role.ADMINISTRATOR,)
    list_display = ("id", "at", "kind", "reference", "version", "xid")
    list_filter = (("kind", ChoicesDropdownFilter), ("reference", FieldTextFilter), ("at", RangeDateTimeFilter))
    search_fields = ("reference__exact",)
    search_help_text = _("a whole reference")
    ordering = ("-id",)
    sortable_by = ("id",)


__all__ = ["ChangeEntryAdmin", "DepartmentAdmin", "RoleAdmin", "UserAdmin", "machines"]
