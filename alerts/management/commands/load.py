"""Keep bundles: check all of them, store all of them or nothing, then screen what changed."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle, examine
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.references import unresolved
from alerts.bundle.store import store
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
        problems: dict[int, Sequence[Problem]] = {}
        with transaction.atomic(), bar("storing", sum(map(len, bundles))) as progress:
            for number, bundle in enumerate(bundles):
                try:
                    stored = store(bundle, source=source, at=at, progress=progress.update)
                except BundleErrors as errors:
                    problems[number] = errors.problems
                else:
                    self.stdout.write(f"{files[number]}: {stored}")
            complain(files, problems)
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
    complain(files, problems)
    return bundles


def stored_references(section: str, references: set[str]) -> set[str]:
    kind = KINDS[section]
    stored = kind.model._default_manager.filter(**{f"{kind.key}__in": references})
    return set(stored.values_list(kind.key, flat=True))


def read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from error


def complain(files: Sequence[str], problems: dict[int, Sequence[Problem]]) -> None:
    """Every problem a line, by JSON pointer, after the name of its file where there are several; nothing for none."""
    lines: list[str] = []
    for number, found in problems.items():
        prefix = f"{files[number]}: " if len(files) > 1 else ""
        lines += [f"{prefix}{problem}" for problem in BundleErrors(found).problems]
    if lines:
        summary = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
        text = "\n".join([*lines, f"{summary}; nothing was changed"])
        raise CommandError(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def bar(what: str, total: int | None) -> "tqdm[None]":
    """A progress bar on standard error, for what takes more than two seconds on a terminal."""
    return tqdm(total=total, desc=what, unit=" objects", delay=2, file=sys.stderr, disable=None, leave=False)
