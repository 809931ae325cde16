"""`manage.py deliver`: send the messages that are due, as beat has a worker do every few seconds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from alerts import delivery
from people.clock import now


class Command(BaseCommand):
    help = "Sends the messages that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=delivery.LIMIT, help="at most so many attempts")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = delivery.deliver(at=now(), limit=options["limit"])
        self.stdout.write(
            ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "nothing due"
        )
