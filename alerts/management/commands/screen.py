"""Screen a bundle as of an instant: it sees that bundle alone, whatever is stored, and keeps nothing."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rest_framework.exceptions import ValidationError

from alerts.bundle.files import read, refuse
from alerts.bundle.output import flags_as_json
from alerts.bundle.parse import parse
from alerts.bundle.problems import BundleErrors, flattened
from alerts.screening import Calendar
from people.fields import Instant


def instant(text: str) -> datetime:
    try:
        return Instant().to_internal_value(text)
    except ValidationError as error:
        raise ArgumentTypeError("; ".join(problem.detail for problem in flattened(error.detail, ()))) from error


class Command(BaseCommand):
    help = "Print the flags that a bundle (a JSON file; - is standard input) gives at an instant, as JSON."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--at", type=instant, required=True, metavar="INSTANT", help="2026-03-01T00:00:00+09:00")

    def handle(self, *args: Any, file: str, at: datetime, **options: Any) -> None:
        calendar = Calendar(at, settings.TIME_ZONE, settings.RENEWAL_HORIZON_DAYS)
        try:
            policies, contracts = parse(read(file)).facts()
        except BundleErrors as errors:
            refuse({0: errors.problems}, [file])
        else:
            self.stdout.write(json.dumps(flags_as_json(policies, contracts, calendar), ensure_ascii=False, indent=1))
