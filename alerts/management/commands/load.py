"""Keep bundles: check all of them, store all of them or nothing, then screen what changed."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.db import transaction
from tqdm import tqdm

from alerts.bundle.files import read, refuse
from alerts.bundle.parse import Bundle, examine
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.references import unresolved
from alerts.bundle.rows import one_load_at_a_time, stored_references
from alerts.bundle.store import Stored, store
from alerts.runs import screen_pending
from people import clock


class Command(BaseCommand):
    help = "Store bundles (JSON files; - is standard input). A file with an error stores nothing of any file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--source", default="load", help="on whose word the facts are kept (default: %(default)s)")

    def handle(self, *args: Any, files: Sequence[str], source: str, **options: Any) -> None:
        at = clock.now()
        bundles = checked(files)
        stored: list[Stored] = []
        with transaction.atomic(), bar("storing", sum(map(len, bundles))) as progress:
            one_load_at_a_time()
            for number, bundle in enumerate(bundles):
                try:
                    stored.append(store(bundle, source=source, at=at, progress=progress.update))
                except BundleErrors as errors:
                    # Later files may refer to what is in this one; what contradicts the database there comes next time.
                    refuse({number: errors.problems}, files)
        for name, counts in zip(files, stored, strict=True):
            self.stdout.write(f"{name}: {counts}")
        run = screen_pending(at=at)
        if run is not None:
            self.stdout.write(f"screened: {run}")


def checked(files: Sequence[str]) -> list[Bundle]:
    """The bundles of the files, or every problem of all of them on standard error and the end."""
    bundles: list[Bundle] = []
    problems: dict[int, Sequence[Problem]] = {}
    with bar("checking", None) as progress:
        for number, name in enumerate(files):
            bundle, problems[number] = examine(read(name), progress.update)
            bundles.append(bundle)
    for number, open_uses in enumerate(unresolved(bundles, stored_references)):
        problems[number] = [*problems[number], *open_uses]
    refuse(problems, files)
    return bundles


def bar(what: str, total: int | None) -> "tqdm[NoReturn]":
    """A progress bar on standard error, for what takes more than two seconds on a terminal."""
    return tqdm(total=total, desc=what, unit=" objects", delay=2, file=sys.stderr, disable=None, leave=False)
