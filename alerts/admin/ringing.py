"""The pages whose changes screening has to hear of: they ring, and show what screening found."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from alerts import doorbell, preview_report
from alerts.admin.columns import CERTAINTY_COLOURS, KIND_COLOURS, in_days, money, urgency
from alerts.flag_report import name_of
from alerts.models import Flag
from alerts.policy import NotPublishable, needs_another_person, publish, withdraw
from alerts.portfolio import calendar
from alerts.preview import preview
from contracts.admin import ContractAdmin
from contracts.models import Contract
from people import clock
from people.models import Role
from people.principal import has_role, principal
from policies.admin import EDITORS, LicenceAdmin, PartyListAdmin, PolicyChangeAdmin
from policies.models import Licence, PartyList, PolicyChange
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


for model in (Contract, Organization, PolicyChange, PartyList, Licence):
    admin.site.unregister(model)


@admin.register(Contract)
class FlaggedContractAdmin(Rings, ContractAdmin):
    change_form_outer_before_template = "alerts/contract_flags.html"
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


@admin.register(PolicyChange)
class PublishedPolicyChangeAdmin(Rings, PolicyChangeAdmin):
    change_form_outer_before_template = "alerts/change_flags.html"
    list_display = (*PolicyChangeAdmin.list_display, "shown_flags")
    actions_detail = ("preview", "publish", "withdraw")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PolicyChange]:
        return super().get_queryset(request).annotate(flag_count=open_flags("measure__change"))

    def has_preview_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, *EDITORS)

    def has_publish_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Only what the change's status allows."""
        status = PolicyChange.objects.filter(pk=object_id).values_list("status", flat=True).first()
        wanted = ("_withdraw",) if status == PolicyChange.Status.PUBLISHED else ("_preview", "_publish")
        return [a for a in super().get_actions_detail(request, object_id) if a.action_name.endswith(wanted)]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        change = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if change is not None:
            flags = Flag.objects.open().visible_to(principal(request)).filter(measure__change=change)
            listed = f"{reverse('admin:alerts_flag_changelist')}?measure__change={change.pk}"
            context |= {"flag_rows": flag_rows(flags)[:10], "policy_change": change, "all_flags": listed}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @action(description=gettext_lazy("Preview"), permissions=["preview"], icon="preview")
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Which contracts publishing would flag, and no longer flag; nothing is kept."""
        change = self.get_object(request, object_id)
        if not isinstance(change, PolicyChange):
            return HttpResponseRedirect(reverse("admin:policies_policychange_changelist"))
        return TemplateResponse(request, "alerts/preview.html", self._outlook(request, change, _("Preview")))

    def _outlook(self, request: HttpRequest, change: PolicyChange, title: str) -> dict[str, Any]:
        outlook = preview([change.reference], at=clock.now())
        shown = preview_report.as_json(outlook, seen_by=principal(request))
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "policy_change": change,
            "outlook": shown,
            "confirm": shown["owners_told"] if shown["owners_told"] > settings.BLAST_RADIUS else None,
            "back": reverse("admin:policies_policychange_change", args=[change.pk]),
        }

    @action(
        description=gettext_lazy("Publish"), permissions=["publish"], icon="campaign", variant=ActionVariant.PRIMARY
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._become(request, object_id, published=True)

    @action(description=gettext_lazy("Withdraw"), permissions=["publish"], icon="undo", variant=ActionVariant.DANGER)
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._become(request, object_id, published=False)

    def _become(self, request: HttpRequest, object_id: str, *, published: bool) -> HttpResponse:
        """Asks first: what follows goes to people by mail. Only the answer, a POST, changes anything."""
        change = self.get_object(request, object_id)
        if not isinstance(change, PolicyChange):
            return HttpResponseRedirect(reverse("admin:policies_policychange_changelist"))
        back = reverse("admin:policies_policychange_change", args=[change.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": _("Withdraw?"),
                "opts": self.opts,
                "policy_change": change,
                "back": back,
                **(self._outlook(request, change, _("Publish?")) if published else {}),
                "published": published,
                "another_person": published and needs_another_person(change, principal(request)),
                "measures": change.measures.filter(retired_at__isnull=True).order_by("id"),
            }
            return TemplateResponse(request, "alerts/become.html", context)
        try:
            if published:
                confirmed = request.POST.get("confirm_owners", "")
                owners = (
                    int(confirmed) if confirmed.isascii() and confirmed.isdecimal() and len(confirmed) < 9 else None
                )
                publish(change, by=principal(request), at=clock.now(), confirm_owners=owners)
                messages.success(
                    request, _("%(change)s is published; contracts are being screened.") % {"change": change}
                )
            else:
                withdraw(change, by=principal(request), at=clock.now())
                messages.success(
                    request, _("%(change)s is withdrawn; its flags are being closed.") % {"change": change}
                )
        except NotPublishable as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(back)

    @display(description=gettext_lazy("open flags"), label={True: "danger"})
    def shown_flags(self, change: Any) -> tuple[bool, str] | None:
        return (True, str(change.flag_count)) if change.flag_count else None
