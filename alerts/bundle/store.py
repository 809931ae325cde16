"""Keeping bundles: what they say is merged with what is stored, fact by fact, and only differences are written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pghistory
from django.db import DatabaseError, transaction
from psycopg.errors import DeadlockDetected, UniqueViolation

from alerts.bundle.changes import Outcome
from alerts.bundle.kinds import KINDS
from alerts.bundle.merging import merge_section
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.rows import Identities, write

ATTEMPTS = 5


@dataclass(slots=True)
class Stored:
    """What became of the objects of each section of a bundle, in their order."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def __str__(self) -> str:
        words = []
        for section in KINDS:
            counts = [
                f"{number[section]} {word}"
                for word, number in (("new", self.created), ("changed", self.changed), ("unchanged", self.unchanged))
                if number.get(section)
            ]
            if counts:
                words.append(f"{section.replace('_', ' ')}: {', '.join(counts)}")
        return "; ".join(words) or "nothing"

    @property
    def created(self) -> dict[str, int]:
        """How many of each section."""
        return self._counted("created")

    @property
    def changed(self) -> dict[str, int]:
        return self._counted("updated")

    @property
    def unchanged(self) -> dict[str, int]:
        return self._counted("unchanged")

    def _counted(self, outcome: Outcome) -> dict[str, int]:
        return {section: outcomes.count(outcome) for section, outcomes in self.outcomes.items()}


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
        stored.outcomes[section] = merged.outcomes
        progress(len(objects))
    if problems:
        raise BundleErrors(problems)
    return stored
