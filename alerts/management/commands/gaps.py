"""`manage.py gaps`: which missing facts keep flags in review, as JSON, those that hold most first."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from alerts.data_gaps import missing_facts, report
from alerts.models import Flag
from people import clock


class Command(BaseCommand):
    help = "Print which missing facts keep flags in review: per field, organization and owner, with what they hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--currency", help="in which to rank (default: that of most contracts)")

    def handle(self, *args: Any, currency: str | None, **options: Any) -> None:
        found = report(missing_facts(Flag.objects.all(), at=clock.now()), currency=currency)
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=1))
