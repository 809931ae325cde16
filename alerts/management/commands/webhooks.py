"""`manage.py webhooks`: send the webhooks that are due, as beat has a worker do every few seconds."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from alerts.webhooks import delivery


class Command(BaseCommand):
    help = "Sends the webhooks that are due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=int, default=delivery.LIMIT, help="at most so many attempts")

    def handle(self, *args: Any, **options: Any) -> None:
        counts = delivery.deliver(limit=options["limit"])
        told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
        self.stdout.write(told or "nothing due")
