"""What screening finds and whom it tells: flags and their events, runs, messages."""

from alerts.models.actions import Act, Disposition, FlagAction, Standing
from alerts.models.checks import (
    Answer,
    Check,
    CheckRelease,
    CheckTurn,
    CheckWatch,
    ReleaseTakenBack,
    TurnAcknowledged,
)
from alerts.models.digests import Cadence, DigestChoice, HeldNews
from alerts.models.escalation import EscalationStep, EscalationTimer, Severity, Step
from alerts.models.flags import EventKind, Flag, FlagEvent
from alerts.models.handing import HandedOver, NotedContract
from alerts.models.jobs import BulkAbsence, BulkJob, BulkPiece
from alerts.models.messages import (
    Channel,
    Fate,
    MailDomain,
    MailServer,
    Message,
    MessageAttempt,
    Purpose,
    Stage,
    State,
)
from alerts.models.noting import NotedFlagEvent, NotedPolicyChange, NotedRevision
from alerts.models.reminders import CalendarKey, Meaning, Reminder, ReminderRound, ReminderStages
from alerts.models.runs import Cause, ContractDue, ScreeningCursor, ScreeningRun, SetAside
from alerts.models.webhooks import DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookEvent, WebhookType

__all__ = [
    "Act",
    "Answer",
    "BulkAbsence",
    "BulkJob",
    "BulkPiece",
    "Cadence",
    "CalendarKey",
    "Cause",
    "Channel",
    "Check",
    "CheckRelease",
    "CheckTurn",
    "CheckWatch",
    "ContractDue",
    "DeliveryState",
    "DigestChoice",
    "Disposition",
    "EscalationStep",
    "EscalationTimer",
    "EventKind",
    "Fate",
    "Flag",
    "FlagAction",
    "FlagEvent",
    "HandedOver",
    "HeldNews",
    "MailDomain",
    "MailServer",
    "Meaning",
    "Message",
    "MessageAttempt",
    "NotedContract",
    "NotedFlagEvent",
    "NotedPolicyChange",
    "NotedRevision",
    "Purpose",
    "ReleaseTakenBack",
    "Reminder",
    "ReminderRound",
    "ReminderStages",
    "ScreeningCursor",
    "ScreeningRun",
    "SetAside",
    "Severity",
    "Stage",
    "Standing",
    "State",
    "Step",
    "TurnAcknowledged",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookType",
]
