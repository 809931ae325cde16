"""Admin pages of organizations: who they are and who owns and controls them."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter
from unfold.decorators import display

from people.admin.checking import CheckedForm, CheckedFormSet
from people.admin.pages import FactsAdmin, RowsInline
from people.faults import once
from people.models import Role
from suppliers.models import Identifier, Organization, OrganizationName, Ownership
from suppliers.ownership import owner_once_on_any_day, shares_add_up
from suppliers.serializers import IdentifierSerializer, NameSerializer, OrganizationSerializer, OwnerSerializer


class OrganizationForm(CheckedForm):
    serializer = OrganizationSerializer()


class NameForm(CheckedForm):
    serializer = NameSerializer()


class NameFormSet(CheckedFormSet):
    section = "names"


class NamesInline(RowsInline):
    model = OrganizationName
    form = NameForm
    formset = NameFormSet
    fields = ("name", "language", "from_on", "until_on")
    verbose_name, verbose_name_plural = _("other name"), _("other names")


class IdentifierForm(CheckedForm):
    serializer = IdentifierSerializer()


class IdentifierFormSet(CheckedFormSet):
    section = "identifiers"
    rules = (once("identifiers", "scheme", "value"),)


class IdentifiersInline(RowsInline):
    model = Identifier
    form = IdentifierForm
    formset = IdentifierFormSet
    fields = ("scheme", "value")


class OwnerForm(CheckedForm):
    serializer = OwnerSerializer()


class OwnerFormSet(CheckedFormSet):
    section = "owners"
    rules = (owner_once_on_any_day, shares_add_up)


class OwnersInline(RowsInline):
    model = Ownership
    fk_name = "organization"
    form = OwnerForm
    formset = OwnerFormSet
    fields = ("owner", "percent", "controls", "from_on", "until_on")
    autocomplete_fields = ("owner",)
    verbose_name, verbose_name_plural = _("owner"), _("owners")


class HoldingsInline(RowsInline):
    """What the organization owns itself; changed on the page of what is owned."""

    model = Ownership
    fk_name = "owner"
    fields = ("organization", "percent", "controls", "from_on", "until_on")
    readonly_fields = fields
    can_delete = False
    verbose_name, verbose_name_plural = _("holding"), _("holdings")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(FactsAdmin):
    writers = (Role.BUYER, Role.ADMINISTRATOR)
    form = OrganizationForm
    inlines = (OwnersInline, HoldingsInline, NamesInline, IdentifiersInline)
    list_display = ("reference", "name", "country", "kind", "is_supplier", "shown_complete")
    list_display_links = ("reference", "name")
    list_filter = (("kind", ChoicesDropdownFilter), "is_supplier", "owners_complete", ("country", FieldTextFilter))
    search_fields = ("reference", "name", "names__name", "identifiers__value__exact")
    search_help_text = _("reference, any name, a whole register number")
    ordering = ("reference",)
    sortable_by = ("reference", "name")
    fields = (("reference", "name"), ("kind", "country"), ("is_supplier", "owners_complete"))

    @display(description=_("owners known"), boolean=True, ordering="owners_complete")
    def shown_complete(self, organization: Organization) -> bool | None:
        return organization.owners_complete
