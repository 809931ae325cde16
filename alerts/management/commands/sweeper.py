"""`manage.py sweeper`: all the work of a worker, without a broker, a doorbell or beat."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections, connection

from alerts import tasks

ROUNDS: tuple[tuple[str, float, Callable[[], object]], ...] = (
    ("screening", 15, tasks.screen_due),
    ("checks", 15, tasks.look_again),
    ("bulk jobs", 5, tasks.store_bulk),
    ("escalation", 15, tasks.escalate),
    ("reminders", 60, tasks.remind),
    ("leases", 3, tasks.take_over),
    ("mail", 2, tasks.deliver_some),
    ("webhooks", 5, tasks.send_webhooks),
)
"""Work that waits for no other, and the seconds between two rounds of it."""
LAST_ROUND_SECONDS = 10

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Screens what is due and sends mails and webhooks, over and over. Every worker has one of these."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--with-parent", type=int, metavar="PID", help="end when this parent process does")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        threads = [
            threading.Thread(target=keep_at, args=(*each, stopping), name=each[0], daemon=True) for each in ROUNDS
        ]
        for thread in threads:
            thread.start()
        parent = options["with_parent"]
        while not stopping.wait(1) and parent in (None, os.getppid()):
            if dead := [thread.name for thread in threads if not thread.is_alive()]:
                raise CommandError(f"nobody is at work any more on: {', '.join(dead)}")  # the worker starts another
        stopping.set()
        ends = time.monotonic() + LAST_ROUND_SECONDS
        for thread in threads:
            thread.join(max(0, ends - time.monotonic()))


def keep_at(name: str, seconds: float, work: Callable[[], object], stopping: threading.Event) -> None:
    """Do the work again and again, at once where it says that there was some; what fails is tried again."""
    while not stopping.is_set():
        more: object = False
        try:
            close_old_connections()
            more = work()
        except Exception:
            log.exception("round failed", work=name)
            connection.close()
        if not more:
            stopping.wait(seconds)
    connection.close()
