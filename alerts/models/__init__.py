"""What screening finds and whom it tells: flags and their events, runs, messages."""

from alerts.models.actions import Act, Disposition, FlagAction, Standing
from alerts.models.flags import EventKind, Flag, FlagEvent
from alerts.models.messages import Channel, Message, State
from alerts.models.noting import NotedFlagEvent, NotedPolicyChange, NotedRevision
from alerts.models.runs import Cause, ContractDue, ScreeningCursor, ScreeningRun, SetAside
from alerts.models.webhooks import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookType

__all__ = [
    "Act",
    "Cause",
    "Channel",
    "ContractDue",
    "DeliveryState",
    "Disposition",
    "EventKind",
    "Flag",
    "FlagAction",
    "FlagEvent",
    "Message",
    "NotedFlagEvent",
    "NotedPolicyChange",
    "NotedRevision",
    "ScreeningCursor",
    "ScreeningRun",
    "SetAside",
    "Standing",
    "State",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookType",
]
