"""`manage.py sweep`: screen what is due and write the messages, as beat has a worker do every minute."""

from typing import Any

from django.core.management.base import BaseCommand

from alerts import messages, runs
from alerts.escalation import moving
from alerts.reminders import rounds
from people.clock import now


class Command(BaseCommand):
    help = (
        "Screens what changed, or all where time may have changed an answer; writes alerts, escalations and reminders."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        at = now()
        run = runs.sweep(at=at)
        written = messages.compose(at=at) + moving.escalate(at=at) + rounds.remind(at=at)
        if run is None:
            found = "nothing to screen"
        else:
            found = f"{run.screened} contracts screened, flags: {run.opened} opened, {run.updated} updated"
            found += f", {run.closed} closed"
            if run.set_aside:
                found += f", {run.set_aside} contracts set aside"
        self.stdout.write(f"{found}; {written} messages written")
