"""By what flags, messages and runs can be filtered."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from alerts.models import DeliveryState, Flag, Message, ScreeningRun, Standing, WebhookDelivery, WebhookType
from alerts.models.flags import Basis, Certainty, Kind
from alerts.models.messages import State
from alerts.models.runs import Cause
from alerts.models.webhooks import PING
from people.filters import DayFilter, YesNoFilter


class FlagFilter(filters.FilterSet):
    contract = filters.CharFilter(field_name="contract__reference")
    policy_change = filters.CharFilter(field_name="measure__change__reference")
    measure = filters.CharFilter(method="of_measure", label="CHANGE/KEY")
    kind = filters.ChoiceFilter(choices=Kind.choices)
    certainty = filters.ChoiceFilter(choices=Certainty.choices)
    basis = filters.ChoiceFilter(choices=Basis.choices)
    open = YesNoFilter(field_name="closed_at", lookup_expr="isnull", label="false: closed; left out: both")
    owner = filters.CharFilter(method="of_owner")
    department = filters.CharFilter(field_name="contract__department__reference")
    state = filters.ChoiceFilter(choices=Standing.choices, method="in_state")
    assignee = filters.CharFilter(method="of_assignee")
    act_by_before = DayFilter(field_name="act_by", lookup_expr="lt")

    class Meta:
        model = Flag
        fields = ("contract", "kind", "certainty", "basis")

    def of_measure(self, flags: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        change, _, key = value.partition("/")
        return flags.filter(measure__change__reference=change, measure__key=key)

    def of_owner(self, flags: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return flags.filter(contract__owner=value.lower())

    def in_state(self, flags: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        wanted = Q(disposition__standing=value)
        return flags.filter(wanted | Q(disposition__isnull=True) if value == Standing.OPEN else wanted)

    def of_assignee(self, flags: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return flags.filter(disposition__assignee__email=value.lower())


class MessageFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=State.choices)
    recipient = filters.CharFilter()
    policy_change = filters.CharFilter(field_name="policy_change__reference")

    class Meta:
        model = Message
        fields = ("state", "recipient")


class RunFilter(filters.FilterSet):
    cause = filters.ChoiceFilter(choices=Cause.choices)
    finished = YesNoFilter(field_name="finished_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = ScreeningRun
        fields = ("cause",)


class DeliveryFilter(filters.FilterSet):
    endpoint = filters.CharFilter(field_name="endpoint__reference")
    state = filters.ChoiceFilter(choices=DeliveryState.choices)
    type = filters.ChoiceFilter(field_name="event__type", choices=[*WebhookType.choices, (PING, PING)])

    class Meta:
        model = WebhookDelivery
        fields = ("endpoint", "state")
