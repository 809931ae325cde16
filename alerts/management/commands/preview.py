"""`manage.py preview FILE|REFERENCE`: what publishing would do, compared with now; nothing is kept."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from alerts.bundle.files import read, refuse
from alerts.bundle.parse import Bundle, examine
from alerts.bundle.problems import BundleErrors
from alerts.bundle.references import unresolved
from alerts.bundle.rows import stored_references
from alerts.preview import Preview, preview
from alerts.preview_report import as_json
from alerts.revisions import preview_pending
from people import clock
from policies.models import PolicyChange

POLICIES = ("organizations", "party_lists", "policy_changes", "licences")


class Command(BaseCommand):
    help = "Print what publishing policy changes would do, as JSON: of a bundle (a file), or of a stored one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", metavar="FILE|REFERENCE", help="a bundle, - for standard input, or a reference")

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        change = PolicyChange.objects.filter(reference=what).first()
        try:
            outlook = _of_file(what) if change is None else preview_pending(change, at=clock.now())
        except BundleErrors as errors:
            refuse({0: errors.problems}, [what])
        else:
            self.stdout.write(json.dumps(as_json(outlook, seen_by=None), ensure_ascii=False, indent=1))


def _of_file(name: str) -> Preview:
    bundle = _bundle(name)
    references = [change["reference"] for change in bundle.policy_changes]
    return preview(references, at=clock.now(), bundle=bundle)


def _bundle(name: str) -> Bundle:
    """The policies of a file; what else it holds is left out of the preview."""
    if name != "-" and not Path(name).exists():
        raise CommandError(f"{name} is neither a policy change nor a file")
    whole, problems = examine(read(name))
    problems += unresolved([whole], stored_references)[0]
    refuse({0: problems}, [name])
    if not whole.policy_changes:
        raise CommandError(f"{name} holds no policy change")
    return Bundle(**{section: whole.section(section) for section in POLICIES})
