"""What screening finds and whom it tells: flags and their events, runs, messages."""

from alerts.models.actions import Act, Disposition, FlagAction, Standing
from alerts.models.flags import EventKind, Flag, FlagEvent
from alerts.models.messages import Channel, Message, State
from alerts.models.runs import Cause, ContractDue, ScreeningCursor, ScreeningRun, SetAside

__all__ = [
    "Act",
    "Cause",
    "Channel",
    "ContractDue",
    "Disposition",
    "EventKind",
    "Flag",
    "FlagAction",
    "FlagEvent",
    "Message",
    "ScreeningCursor",
    "ScreeningRun",
    "SetAside",
    "Standing",
    "State",
]
