"""What a flag's page says of its escalation: when it moves on and to whom, and where it has been."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.escalation.steps import next_step
from alerts.escalation.waiting import charges_of, unacknowledged
from alerts.models import EscalationStep, EscalationTimer, Flag, Message, Step
from alerts.recipients import Directory


@dataclass(frozen=True, slots=True)
class Next:
    """When the flag moves on unless somebody acknowledges it, and to whom as things stand."""

    at: datetime
    step: Step
    recipient: str


def next_move(flag: Flag, *, at: datetime) -> Next | None:
    """None where it has been taken up, nobody has been told yet, or there is nobody left to move on to."""
    told = Message.objects.about(flag).order_by().values("pk")
    for timer in EscalationTimer.objects.running().filter(message__in=told).order_by("due_at", "id"):
        for one in unacknowledged([timer.pk], flag=flag.pk):
            (charge,) = charges_of([one]).values()
            directory = Directory([charge], max(at, timer.due_at))
            to = next_step(charge, beyond=one.rank, told=one.told, directory=directory)
            if to is not None:
                return Next(timer.due_at, to.step, to.address)
    return None


def steps(flag: Flag) -> Sequence[EscalationStep]:
    """The steps that were taken, the latest first."""
    return list(flag.escalations.order_by("-id"))
