"""`manage.py flags --as-of INSTANT`: what was flagged at a past moment, with the reasons as they stood, as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alerts.as_of import KNOWN, Known, NothingKnown, flags_as_of
from alerts.management.commands.screen import instant


class Command(BaseCommand):
    help = "Print what was flagged at a past instant, or what is known now about then, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=instant, required=True, metavar="INSTANT", help="2026-03-01T00:00:00+09:00")
        parser.add_argument("--known", choices=KNOWN, default="then", help="what the system knew then, or knows now")

    def handle(self, *args: Any, **options: Any) -> None:
        known: Known = options["known"]
        try:
            answer = flags_as_of(options["as_of"], known=known)
        except NothingKnown as error:
            raise CommandError(str(error)) from error
        seen = f"run {answer.run} of {answer.at.isoformat()}" if answer.run else "what is known now"
        self.stderr.write(f"{len(answer.flags)} flags, by {seen}")
        self.stdout.write(json.dumps(answer.flags, ensure_ascii=False, indent=1))
