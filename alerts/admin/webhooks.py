"""Pages of webhook endpoints, with what one can do with them, and of what was sent to them."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from alerts import doorbell
from alerts.admin.columns import DELIVERY_COLOURS
from alerts.admin.webhook_forms import EndpointForm, ReplayForm, RotateForm
from alerts.models import WebhookDelivery, WebhookEndpoint
from alerts.webhooks import endpoints
from alerts.webhooks.endpoints import OWNERS, NotPossible, Range
from people import clock
from people.admin.pages import LedgerAdmin, StepAdmin, StepForm
from people.principal import has_role, is_administrator, principal


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(StepAdmin):
    step_template = "alerts/webhook_step.html"
    form = EndpointForm
    writers = OWNERS
    list_display = ("reference", "shown_state", "url", "owner", "department", "shown_events", "failing_since")
    list_display_links = ("reference",)
    list_select_related = ("owner", "department")
    search_fields = ("reference", "url", "description", "owner__email")
    autocomplete_fields = ("owner", "department")
    fieldsets = (
        (None, {"fields": (("reference", "owner"), "url", "description", ("events", "department"))}),
        (
            gettext_lazy("How it does"),
            {
                "fields": (
                    ("state", "disabled_at", "disabled_because"),
                    ("failures", "failing_since", "paused_until"),
                    ("created_at", "previous_secret_until"),
                )
            },
        ),
    )
    readonly_fields = (
        "state",
        "disabled_at",
        "disabled_because",
        "failures",
        "failing_since",
        "paused_until",
        "created_at",
        "previous_secret_until",
    )
    actions_detail = ("ping", "replay", "rotate", "disable", "enable")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[WebhookEndpoint]:
        return WebhookEndpoint.objects.visible_to(principal(request)).select_related("owner", "department")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """An endpoint is disabled, and its ledger stays."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = () if is_administrator(request) else ("owner",)
        return (*self.readonly_fields, *own, *(("reference",) if obj is not None else ()))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj is not None else self.fieldsets[:1]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name in form.fields])
            return
        if not is_administrator(request):
            obj.owner = principal(request)
        endpoints.register(obj, by=principal(request))

    def response_add(self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None) -> Any:
        """The one page that shows the secret, in place of a way back to the list."""
        return self.secret_page(request, obj, obj.secret)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        on = WebhookEndpoint.objects.filter(pk=object_id, disabled_at__isnull=True).exists()
        wanted = ("_ping", "_replay", "_rotate", "_disable") if on else ("_rotate", "_enable")
        return [one for one in super().get_actions_detail(request, object_id) if one.action_name.endswith(wanted)]

    def has_step_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, *OWNERS)

    @action(description=gettext_lazy("Test ping"), permissions=["step"], icon="network_ping")
    def ping(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def done(endpoint: WebhookEndpoint, said: dict[str, Any]) -> str:
            endpoints.ping(endpoint, by=principal(request), at=clock.now())
            return _("The ping is on its way; its delivery tells what became of it.")

        return self._step(request, object_id, _("Test ping"), StepForm, done)

    @action(description=gettext_lazy("Replay"), permissions=["step"], icon="replay")
    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def done(endpoint: WebhookEndpoint, said: dict[str, Any]) -> str:
            wanted = Range(since=said["since"], until=said["until"])
            queued = endpoints.replay(endpoint, wanted, by=principal(request), delivered=said["delivered"])
            return _("%(queued)s events are on their way.") % {"queued": queued}

        return self._step(request, object_id, _("Replay"), ReplayForm, done)

    @action(description=gettext_lazy("Rotate secret"), permissions=["step"], icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def done(endpoint: WebhookEndpoint, said: dict[str, Any]) -> HttpResponse:
            secret = endpoints.rotate(endpoint, by=principal(request), overlap_hours=said["overlap_hours"])
            return self.secret_page(request, endpoint, secret)

        return self._step(request, object_id, _("Rotate secret"), RotateForm, done)

    @action(description=gettext_lazy("Disable"), permissions=["step"], icon="block")
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def done(endpoint: WebhookEndpoint, said: dict[str, Any]) -> str:
            endpoints.disable(endpoint, by=principal(request))
            return _("Nothing is sent any more; what waited is given up.")

        return self._step(request, object_id, _("Disable"), StepForm, done)

    @action(description=gettext_lazy("Enable"), permissions=["step"], icon="check_circle")
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def done(endpoint: WebhookEndpoint, said: dict[str, Any]) -> str:
            endpoints.enable(endpoint, by=principal(request))
            return _("It is sent what happens from now on; what it missed comes with a replay.")

        return self._step(request, object_id, _("Enable"), StepForm, done)

    def _step(
        self,
        request: HttpRequest,
        object_id: str,
        title: str,
        kind: type[StepForm],
        done: Callable[[WebhookEndpoint, dict[str, Any]], str | HttpResponse],
    ) -> HttpResponse:
        """Asks first; only the answer, a POST, does anything."""
        endpoint = self.get_object(request, object_id)
        if not isinstance(endpoint, WebhookEndpoint):
            return HttpResponseRedirect(reverse("admin:alerts_webhookendpoint_changelist"))
        form = kind(request.POST) if request.method == "POST" else kind()
        if request.method == "POST" and form.is_valid():
            try:
                answer = done(endpoint, form.cleaned_data)
            except NotPossible as error:
                messages.error(request, str(error))
            else:
                doorbell.ring()
                if isinstance(answer, HttpResponse):
                    return answer
                messages.success(request, answer)
            return HttpResponseRedirect(self.page_of(endpoint))
        return self.step_page(request, endpoint, title, form=form)

    @display(description=gettext_lazy("state"), label={"on": "success", "failing": "warning", "off": "danger"})
    def shown_state(self, endpoint: WebhookEndpoint) -> tuple[str, Any]:
        if not endpoint.is_enabled:
            return "off", _("disabled")
        return ("failing", _("failing")) if endpoint.failures else ("on", _("enabled"))

    @display(description=gettext_lazy("state"))
    def state(self, endpoint: WebhookEndpoint) -> str:
        return str(self.shown_state(endpoint)[1])

    @display(description=gettext_lazy("events"))
    def shown_events(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.events)


class OwnEndpoints(RelatedDropdownFilter):
    """By endpoint, of those that the reader may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        seen = WebhookEndpoint.objects.visible_to(principal(request)).order_by("reference")
        return [(endpoint.pk, str(endpoint)) for endpoint in seen]


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(LedgerAdmin):
    list_display = ("created_at", "shown_state", "endpoint", "shown_type", "event_id", "attempts", "last_answer")
    list_display_links = ("created_at",)
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("endpoint", OwnEndpoints),
        ("created_at", RangeDateTimeFilter),
    )
    list_select_related = ("endpoint", "event")
    search_fields = ("endpoint__reference",)
    search_help_text = gettext_lazy("endpoint")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("endpoint", "shown_type", "event_id"),
        ("state", "attempts", "next_attempt_at"),
        ("last_status", "last_answer"),
        ("created_at", "delivered_at"),
        "shown_body",
    )
    actions_detail = ("again",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.visible_to(principal(request)).select_related("endpoint", "event")

    def has_again_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_role(request, *OWNERS)

    @action(description=gettext_lazy("Send again"), permissions=["again"], icon="send")
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        if not isinstance(delivery, WebhookDelivery):
            return HttpResponseRedirect(reverse("admin:alerts_webhookdelivery_changelist"))
        back = reverse("admin:alerts_webhookdelivery_change", args=[delivery.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": _("Send again"),
                "opts": self.opts,
                "endpoint": delivery.endpoint,
                "back": back,
                "form": StepForm(),
            }
            return TemplateResponse(request, "alerts/webhook_step.html", context)
        try:
            endpoints.send_again(delivery, by=principal(request))
            doorbell.ring()
            messages.success(request, _("It is on its way."))
        except NotPossible as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(back)

    @display(description=gettext_lazy("state"), label=DELIVERY_COLOURS)
    def shown_state(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @display(description=gettext_lazy("type"))
    def shown_type(self, delivery: WebhookDelivery) -> str:
        return delivery.event.type

    @display(description=gettext_lazy("body"))
    def shown_body(self, delivery: WebhookDelivery) -> str:
        """Only what has left: before, its reader may not be one who may see the contract."""
        if not delivery.attempts or not delivery.event.body:
            return "–"
        return json.dumps(json.loads(delivery.event.body), ensure_ascii=False, indent=1)
