"""The last step of `make run`: an administrator, the mails delivered, and what there is to see."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from alerts import messages
from config.celery import app
from config.embedded.places import secret
from config.run import report
from people.clock import now
from people.models import User

ADMINISTRATOR = "admin@tocsin.example"
PASSWORD_FILE = "admin-password"  # noqa: S105


class Command(BaseCommand):
    help = "Deliver what the scenario wrote, and tell what there is to see."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=int, default=120, help="how long to wait for the mails")
        parser.add_argument("--strict", action="store_true", help="fail where mails are left")
        parser.add_argument("--url", default=settings.BASE_URL)

    def handle(self, *args: Any, **options: Any) -> None:
        password = _administrator()
        left = _deliver(options["seconds"])
        state = settings.EMBEDDED_PLACES.state
        self.stdout.write(
            f"\nTocsin\n  browse      {options['url']}/admin/\n"
            f"  log in      {ADMINISTRATOR} with {password} (kept in {state / PASSWORD_FILE})\n"
            f"{report.scenario(settings.EMBEDDED_PLACES.mail)}"
        )
        if left:
            fault = f"{left} mails are not delivered after {options['seconds']} s: see {state / 'logs' / 'worker.log'}"
            if options["strict"]:
                raise CommandError(fault)
            self.stdout.write(f"  WARNING     {fault}")


def _administrator() -> str:
    """The administrator of the demonstration, with the password that was generated once for this state directory."""
    password = secret(settings.EMBEDDED_PLACES.state, PASSWORD_FILE, nbytes=12)
    user = User.objects.filter(email=ADMINISTRATOR).first()
    if user is None:
        User.objects.create_superuser(email=ADMINISTRATOR, password=password)
    elif not user.check_password(password):
        user.set_password(password)
        user.save()
    return password


def _deliver(seconds: float) -> int:
    """Have the mails written and ring for their delivery until none waits or the time is up; how many are left."""
    messages.compose(at=now())  # the worker does it too; whoever comes second finds nothing to do
    deadline = time.monotonic() + seconds
    left = report.unsent()
    with tqdm(total=left, desc="mails", unit="mail", leave=False, disable=None) as bar:
        while left and time.monotonic() < deadline:
            app.send_task("alerts.tasks.deliver", expires=10)
            time.sleep(0.5)
            before, left = left, report.unsent()
            bar.update(max(before - left, 0))
    return left
