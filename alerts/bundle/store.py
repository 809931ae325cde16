"""Keeping bundles: what they say is merged with what is stored, fact by fact, and only differences are written."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pghistory
from django.db import DatabaseError, transaction
from psycopg.errors import DeadlockDetected, UniqueViolation

from alerts.bundle.kinds import KINDS
from alerts.bundle.merging import merge_section
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.rows import Identities, write

ATTEMPTS = 5


@dataclass(slots=True)
class Stored:
    """How many objects of each section a bundle created, changed and left as they were."""

    created: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    changed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    unchanged: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __str__(self) -> str:
        words = []
        for section in KINDS:
            counts = [
                f"{number[section]} {word}"
                for word, number in (("new", self.created), ("changed", self.changed), ("unchanged", self.unchanged))
                if number[section]
            ]
            if counts:
                words.append(f"{section.replace('_', ' ')}: {', '.join(counts)}")
        return "; ".join(words) or "nothing"


def store(
    bundle: Bundle, *, source: str, at: datetime, progress: Callable[[int], object] = lambda count: None
) -> Stored:
    """Merge a bundle into the database in one transaction; `source` is who says so, `at` when.

    Its references have to exist in it or in the database already. Raises BundleErrors, with nothing changed, where an
    object would contradict itself together with what is stored of it. Safe to repeat: the second time changes nothing.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic(), pghistory.context(source=source):
                return _store(bundle, source, at, progress)
        except DatabaseError as error:
            # Somebody else created one of the objects meanwhile: now that it is there, it is merged with.
            if attempt == ATTEMPTS or not isinstance(error.__cause__, (UniqueViolation, DeadlockDetected)):
                raise
    raise AssertionError("the last attempt returns or raises")


def _store(bundle: Bundle, source: str, at: datetime, progress: Callable[[int], object]) -> Stored:
    stored = Stored()
    problems: list[Problem] = []
    identities = Identities()
    for section, kind in KINDS.items():
        objects = bundle.section(section)
        if not objects:
            continue
        merged = merge_section(kind, objects, identities, source=source, at=at)
        problems += merged.problems
        if not problems:
            write(kind, merged, identities, at=at)
        stored.created[section] += merged.created
        stored.changed[section] += merged.changed
        stored.unchanged[section] += len(objects) - merged.created - merged.changed
        progress(len(objects))
    if problems:
        raise BundleErrors(problems)
    return stored
