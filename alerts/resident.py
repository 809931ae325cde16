"""The stored contracts as columns, kept in memory from one preview to the next: whoever drafts looks again and again.

What has changed since they were read is in the change log, and is read again; so each preview sees what is stored when
it begins. A process keeps no more contracts than RESIDENT_CONTRACTS.
"""

from collections.abc import Iterable, Iterator
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


class Held:
    """Contracts that were read together, and their book as it was last asked for."""

    def __init__(self, span: Span, contracts: Contracts | None) -> None:
        self.span = span
        self._contracts = contracts
        self._book: Book | None = None

    def book(self, span: Span, now: Calendar) -> Book:
        """The span's contracts: those held, or read now where it is another span or could not be read whole."""
        if span is not self.span or self._contracts is None:
            return Book(Reader().read(span), now)
        book = self._book
        if book is None or not book.serves(now):
            self._book = book = Book(self._contracts, now)
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

    def contracts(self) -> Iterator[tuple[Held, Ids]]:
        """All stored contracts, span by span, each with the ids of those that have changed and are held elsewhere."""
        if Contract.objects.order_by()[settings.RESIDENT_CONTRACTS : settings.RESIDENT_CONTRACTS + 1].exists():
            return _with(_read(), NOBODY)
        with self._lock:
            changed = self._changed()
            if changed is None:
                snapshot = settled_snapshot()
                if snapshot is None:
                    return _with(_read(), NOBODY)
                log.info("contracts read into memory")
                self._held = list(_read())
                self._database, self._snapshot, changed = database(), snapshot, NOBODY
            held = self._held
        return _with(held, changed)

    def _changed(self) -> Ids | None:
        """The contracts that changed since they were read; None where nothing is kept that could be mended."""
        if self._database != database() or changed_since(self._snapshot, [ChangeEntry.Kind.ORGANIZATION], most=1):
            return None
        changed = changed_since(self._snapshot, [ChangeEntry.Kind.CONTRACT], most=MOST + 1)
        return None if len(changed) > MOST else np.array(changed, dtype=np.int64)


resident = Resident()


def _with(held: Iterable[Held], changed: Ids) -> Iterator[tuple[Held, Ids]]:
    for one in held:
        yield one, changed
    if len(changed):
        yield Held(Span(changed), None), NOBODY


def _read() -> Iterator[Held]:
    reader = Reader()
    for span, _ in spans():
        try:
            yield Held(span, reader.read(span))
        except DatabaseError:
            raise
        except Exception:  # a contract that cannot be read: its neighbours are found when they are screened
            yield Held(span, None)
