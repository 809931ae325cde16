"""The stored contracts as columns, kept in memory from one look at all of them to the next.

Whoever drafts previews again and again, and on the day it matters one policy change follows another. What has changed
since the contracts were read is in the change log, and is read again; so what is looked at is what is stored. A process
keeps no more contracts than RESIDENT_CONTRACTS.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from alerts.screening.book import Book
from alerts.seen import changed_since, database, settled_snapshot
from contracts.columns import Contracts, Ids
from contracts.copying import Reader, Span, spans
from contracts.models import Contract
from contracts.stage import Calendar
from people.models import ChangeEntry

MOST = 20_000
"""With more changed contracts than these, all are read again."""
NOBODY = np.zeros(0, dtype=np.int64)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """Contracts as they are stored, with their versions. `book` makes a book of the span or of a part of it, at an
    instant; what is held may bring contracts that are not in it.
    """

    span: Span
    versions: Ids
    book: Callable[[Span, Calendar], Book]

    @classmethod
    def stored(cls, span: Span, versions: Ids, reader: Reader) -> "Piece":
        return cls(span, versions, lambda part, now: Book(reader.read(part), now))


class Held:
    """Contracts that were read together, and their book as it was last asked for."""

    def __init__(self, span: Span, versions: Ids, contracts: Contracts | None) -> None:
        self.ids, self.versions = span.ids, versions
        self._contracts = contracts
        self._book: Book | None = None

    def besides(self, outdated: Ids) -> Piece:
        """Those of them that are not outdated; read again where they could not be read together, or in part."""
        first, last = int(self.ids[0]), int(self.ids[-1])
        within = outdated[(outdated >= first) & (outdated <= last)]
        stay = ~np.isin(self.ids, within)
        whole = Span(self.ids[stay], whole=True, without=tuple(within.tolist()))

        def book(part: Span, now: Calendar) -> Book:
            if part is whole and self._contracts is not None:
                return self._open(self._contracts, now)
            return Book(Reader().read(part), now)

        return Piece(whole, self.versions[stay], book)

    def _open(self, contracts: Contracts, now: Calendar) -> Book:
        book = self._book
        if book is None or not book.serves(now):
            self._book = book = Book(contracts, now)
        return book


class Resident:
    """What this process keeps, of one database as a PostgreSQL snapshot saw it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        self._database: tuple[str, ...] = ()
        self._snapshot = ""
        self._held: list[Held] = []

    def pieces(self, without: Collection[int] = ()) -> Iterator[list[Piece]]:
        """All stored contracts but some, by their ids. Every list holds a range of ids that follows the one before."""
        with self._lock:
            changed = self._changed()
            if changed is None:
                changed = self._keep()
            held = self._held
        named = np.array(sorted(without), dtype=np.int64)
        if changed is None:
            reader = Reader()
            for span, versions in spans(None, without=named.tolist()):
                yield [Piece.stored(span, versions, reader)]
        else:
            yield from _mended(held, changed, named)

    def _changed(self) -> Ids | None:
        """The contracts that changed since they were read; None where nothing is kept that could be mended."""
        if self._database != database() or changed_since(self._snapshot, [ChangeEntry.Kind.ORGANIZATION], most=1):
            return None
        changed = changed_since(self._snapshot, [ChangeEntry.Kind.CONTRACT], most=MOST + 1)
        return None if len(changed) > MOST else np.array(changed, dtype=np.int64)

    def _keep(self) -> Ids | None:
        """Read all, of which none has changed; None where there are too many, or what is seen may be undone."""
        self.forget()
        snapshot = settled_snapshot()
        most = settings.RESIDENT_CONTRACTS
        if snapshot is None or Contract.objects.order_by()[most : most + 1].exists():
            return None
        log.info("contracts read into memory")
        self._held = list(_read())
        self._database, self._snapshot = database(), snapshot
        return NOBODY


resident = Resident()


def _mended(held: Sequence[Held], changed: Ids, without: Ids) -> Iterator[list[Piece]]:
    outdated, again = np.union1d(changed, without), _that_exist(np.setdiff1d(changed, without))
    last = 0
    for one in held:
        first, last = last, int(one.ids[-1])
        piece = one.besides(outdated)
        yield [*([piece] if len(piece.span) else []), *_stored(again[(again > first) & (again <= last)])]
    for piece in _stored(again[again > last]):
        yield [piece]


def _stored(ids: Ids) -> Iterator[Piece]:
    reader = Reader()
    for span, versions in spans(ids.tolist()):
        yield Piece.stored(span, versions, reader)


def _that_exist(ids: Ids) -> Ids:
    found = Contract.objects.filter(id__in=ids.tolist()).order_by("id").values_list("id", flat=True)
    return np.array(found, dtype=np.int64)


def _read() -> Iterator[Held]:
    reader = Reader()
    for span, versions in spans():
        try:
            yield Held(span, versions, reader.read(span))
        except DatabaseError:
            raise
        except Exception:  # a contract that cannot be read: its neighbours are found when they are screened
            yield Held(span, versions, None)
