"""Organizations in the book that somebody named by a name and identifiers may be: hints with scores, never a match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock
from time import monotonic
from typing import Literal

from rapidfuzz import process

from alerts.checks.names import essence, likeness
from alerts.pinning import MOST_AGE
from alerts.seen import changed_since, database, settled_snapshot
from people.models import ChangeEntry
from suppliers.models import Identifier, Organization, OrganizationName
from suppliers.serializers import SCHEMES

MOST = 5
"""Candidates told of one party."""
ALIKE = 75.0
"""Names less alike than this are not told."""
SURE = 100.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An organization that may be meant; an identifier that is equal is a strong hint, whatever the name."""

    organization: str
    name: str | None
    score: float
    because: Literal["identifier", "name"]
    alike: str


class Book:
    """Names and identifiers as they stood in a PostgreSQL snapshot."""

    def __init__(self) -> None:
        rows = Organization.objects.order_by("reference").values_list("pk", "reference", "name")
        self.organizations = {pk: (reference, name) for pk, reference, name in rows}
        names = [(pk, name) for pk, (_, name) in self.organizations.items() if name]
        names += OrganizationName.objects.order_by("pk").values_list("organization_id", "name")
        self.names = [(pk, name) for pk, name in names if pk in self.organizations]
        self.essences = [essence(name) for _, name in self.names]
        self.identifiers: dict[tuple[str, str], list[int]] = {}
        for pk, scheme, value in Identifier.objects.order_by("pk").values_list("organization_id", "scheme", "value"):
            self.identifiers.setdefault(_plain(scheme, value), []).append(pk)

    def candidates(self, name: str, identifiers: Sequence[Mapping[str, str]]) -> list[Candidate]:
        """The best first; each organization once."""
        found: dict[int, Candidate] = {}
        for identifier in identifiers:
            scheme, value = identifier["scheme"], identifier["value"]
            for pk in self.identifiers.get(_plain(scheme, value), ()):
                self._add(found, pk, SURE, "identifier", f"{scheme} {value}")
        alike = process.extract(
            essence(name), self.essences, scorer=_scored, processor=None, score_cutoff=ALIKE, limit=4 * MOST
        )
        for _, score, position in alike:
            pk, its = self.names[position]
            self._add(found, pk, round(score, 1), "name", its)
        best = sorted(found.values(), key=attrgetter("organization"))
        return sorted(best, key=lambda one: (one.because != "identifier", -one.score))[:MOST]

    def _add(
        self, found: dict[int, Candidate], pk: int, score: float, because: Literal["identifier", "name"], alike: str
    ) -> None:
        if pk not in found and pk in self.organizations:
            reference, name = self.organizations[pk]
            found[pk] = Candidate(reference, name, score, because, alike)


class Reading:
    """The book of this process, read again when an organization has changed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        self._book: Book | None = None
        self._seen: tuple[tuple[str, ...], str] = ((), "")
        self._asked = 0.0

    def book(self) -> Book:
        with self._lock:
            if self._book is None or not self._is_fresh():
                snapshot = settled_snapshot()
                book = Book()
                if snapshot is None:  # what this transaction changed may yet be undone
                    return book
                self._book, self._seen, self._asked = book, (database(), snapshot), monotonic()
            return self._book

    def _is_fresh(self) -> bool:
        of, snapshot = self._seen
        if of != database():
            return False
        if monotonic() - self._asked < MOST_AGE:
            return True
        self._asked = monotonic()
        return not changed_since(snapshot, [ChangeEntry.Kind.ORGANIZATION], most=1)


reading = Reading()


def candidates(name: str, identifiers: Sequence[Mapping[str, str]]) -> list[Candidate]:
    return reading.book().candidates(name, identifiers)


def _scored(one: str, other: str, **_: object) -> float:
    return likeness(one, other)


def _plain(scheme: str, value: str) -> tuple[str, str]:
    """As its register writes it, where we know how; otherwise without spaces and in capitals."""
    known = SCHEMES.get(scheme.upper())
    return scheme.upper(), known.compact(value).upper() if known else "".join(value.split()).upper()
