"""The pages whose changes screening has to hear of: they ring, and show what screening found."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from alerts import doorbell
from alerts.admin.columns import CERTAINTY_COLOURS, KIND_COLOURS, in_days, money, urgency
from alerts.admin.reminders import CalendarPages, StagesInline
from alerts.flag_report import name_of
from alerts.models import Flag
from alerts.portfolio import calendar
from contracts.admin import ContractAdmin
from contracts.models import Contract
from people import clock
from people.principal import principal
from policies.admin import LicenceAdmin, PartyListAdmin
from policies.models import Licence, PartyList
from suppliers.admin import OrganizationAdmin
from suppliers.models import Organization

SHOWN_FLAGS = 50


class Rings:
    """After a change is saved or an object deleted, screening is woken."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        doorbell.ring()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)  # type: ignore[misc]
        doorbell.ring()


def open_flags(column: str) -> Coalesce:
    """How many open flags a contract, a measure or a change has."""
    flags = Flag.objects.open().filter(**{column: OuterRef("pk")}).order_by()
    return Coalesce(Subquery(flags.values(column).annotate(n=Count("id")).values("n")), 0)


def flag_rows(flags: models.QuerySet[Flag]) -> list[dict[str, Any]]:
    """Flags as a page lists them."""
    today = calendar(clock.now()).today
    return [
        {
            "flag": flag,
            "measure": name_of(flag.measure),
            "exposure": money(flag.exposure_amount, flag.exposure_currency),
            "in_days": in_days(flag.act_by, today),
            "urgency": urgency(flag, today),
            "kind_colour": KIND_COLOURS[flag.kind],
            "certainty_colour": CERTAINTY_COLOURS[flag.certainty],
        }
        for flag in flags.select_related("contract__supplier", "measure__change").order_by("act_by", "id")[:SHOWN_FLAGS]
    ]


for model in (Contract, Organization, PartyList, Licence):
    admin.site.unregister(model)


@admin.register(Contract)
class FlaggedContractAdmin(CalendarPages, Rings, ContractAdmin):
    change_form_outer_before_template = "alerts/contract_flags.html"
    inlines: Any = (*ContractAdmin.inlines, StagesInline)
    list_display = (*ContractAdmin.list_display[:3], "shown_flags", *ContractAdmin.list_display[3:])

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Contract]:
        return super().get_queryset(request).annotate(flag_count=open_flags("contract"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flags = Flag.objects.open().visible_to(principal(request)).filter(contract=self._id(object_id))
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), "flag_rows": flag_rows(flags)}
        )

    @staticmethod
    def _id(object_id: str) -> int:
        return int(object_id) if object_id.isascii() and object_id.isdecimal() and len(object_id) < 19 else 0

    @display(description=gettext_lazy("open flags"), label={True: "danger"})
    def shown_flags(self, contract: Any) -> tuple[bool, str] | None:
        return (True, str(contract.flag_count)) if contract.flag_count else None


@admin.register(Organization)
class RingingOrganizationAdmin(Rings, OrganizationAdmin):
    pass


@admin.register(PartyList)
class RingingPartyListAdmin(Rings, PartyListAdmin):
    pass


@admin.register(Licence)
class RingingLicenceAdmin(Rings, LicenceAdmin):
    pass
