"""Some contracts of a run: read, screened and reconciled together; one that cannot be screened is set aside alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypedDict

import numpy as np
import structlog
from django.db import Error as DatabaseError

from alerts import schedule
from alerts.closing import ENDED, closed_because
from alerts.manifest import Manifest
from alerts.models import ScreeningRun, SetAside
from alerts.models.flags import ClosedBecause
from alerts.portfolio import PinnedPolicies
from alerts.reconcile import Desired, close, reconcile
from alerts.reopening import reopen_changed
from alerts.resident import Piece
from alerts.screening import PolicySet
from alerts.screening.book import Book
from alerts.screening.flags import Flags
from alerts.screening.instants import Turns
from alerts.stored import open_flags
from contracts.columns import Contracts
from contracts.copying import Span, lines_of
from contracts.models import Contract
from contracts.standing import stages

SHOWN_ERRORS = 100
"""How many of a run's errors its record holds; all are counted."""

Changes = Collection[int] | None

log = structlog.get_logger(__name__)


class Failure(TypedDict):
    """A contract that could not be screened; its flags stay as they were."""

    contract: str
    error: str


@dataclass(frozen=True, slots=True)
class Part:
    """Contracts that were screened together; the book's `contracts` are those of them that may have flags."""

    span: Span
    book: Book
    flags: Flags

    @property
    def contracts(self) -> Contracts:
        return self.book.contracts


@dataclass(frozen=True, slots=True)
class Failed:
    """A contract that cannot be screened, by id, and why."""

    contract: int
    error: str


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The measures of some policy changes alone, compiled; the changes by id."""

    changes: frozenset[int]
    policy_set: PolicySet

    @classmethod
    def to(cls, changes: frozenset[int], pinned: PinnedPolicies) -> "Narrowed":
        return cls(changes, pinned.narrowed(changes))


class Screening:
    """What the batches of a run share: policies, what has been read, the manifest, and the contracts set aside.

    `concluded` says of flags why they close, where their contracts have been concluded.
    """

    def __init__(self, run: ScreeningRun, pinned: PinnedPolicies, concluded: Mapping[int, ClosedBecause]) -> None:
        self.run = run
        self.pinned = pinned
        self.concluded = concluded
        self.manifest = Manifest()
        self.turns = Turns(pinned.policies, pinned.calendar)
        self.aside = frozenset(SetAside.objects.values_list("contract_id", flat=True))

    def screen(self, pieces: Sequence[Piece], narrowed: "Narrowed | None" = None) -> None:
        """Screen a range of contracts, make their flags agree, note when they are due next, and add them to the
        manifest; or all that only as far as some policy changes go."""
        policy_set = narrowed.policy_set if narrowed else self.pinned.policy_set
        versions = {id: v for one in pieces for id, v in zip(one.span.ids.tolist(), one.versions.tolist(), strict=True)}
        self.run.contracts += len(versions)
        kept: list[Part] = []
        for part in chain.from_iterable(screened(piece, policy_set) for piece in pieces):
            if isinstance(part, Failed):
                self._set_aside(part)
                continue
            self._keep(part, versions, policy_set, narrowed.changes if narrowed else None)
            if narrowed is None:
                self._note_turns(part)
            kept.append(part)
        self._record(kept, versions, policy_set)

    def _keep(self, part: Part, versions: dict[int, int], policy_set: PolicySet, changes: Changes) -> None:
        run, pinned, ids = self.run, self.pinned, part.span.ids
        measures = pinned.ids_of(policy_set.slots)[part.flags.slot]
        desired = Desired(part.flags, measures, policy_set.slots, versions, pinned.today, pinned.version)
        concerned = pinned.measures_condition(changes)
        stored = open_flags(f"{part.span.condition('contract_id')} AND {concerned}")
        ended = _ended(part, pinned)
        because = partial(closed_because, pinned=pinned, known=versions, ended=ended, concluded=self.concluded)
        found = reconcile(desired, stored, because=because, at=run.at, run=run)
        reopen_changed(part.span, pinned, run)
        run.screened += len(ids)
        run.lines += lines_of(part.span)
        run.opened += found.opened
        run.updated += found.updated
        run.closed += found.closed
        run.unchanged += found.unchanged

    def _record(self, parts: Sequence[Part], versions: dict[int, int], policy_set: PolicySet) -> None:
        """In the manifest, in order of the contracts."""
        if not parts:
            return
        ids = np.sort(np.concatenate([part.span.ids for part in parts]))
        in_order = np.fromiter(map(versions.__getitem__, ids.tolist()), dtype=np.int64, count=len(ids))
        flags = Flags.joined([part.flags for part in parts])
        self.manifest.add(ids, in_order, flags, self.pinned.ids_of(policy_set.slots)[flags.slot])

    def _note_turns(self, part: Part) -> None:
        schedule.keep(part.span, part.contracts.ids, self.turns.of_contracts(part.contracts))
        if again := self.aside.intersection(part.span.ids.tolist()):
            SetAside.objects.filter(contract_id__in=again).delete()

    def _set_aside(self, failed: Failed) -> None:
        """Remember a contract that cannot be screened: tried again daily, and when it or the policies change."""
        reference = Contract.objects.values_list("reference", flat=True).get(pk=failed.contract)
        self.run.set_aside += 1
        self.run.errors = [*self.run.errors, Failure(contract=reference, error=failed.error)][:SHOWN_ERRORS]
        schedule.forget([failed.contract])
        SetAside.objects.update_or_create(
            contract_id=failed.contract,
            defaults={"reference": reference, "error": failed.error, "run": self.run},
        )


def screened(piece: Piece, policy_set: PolicySet, part: Span | None = None) -> Iterator[Part | Failed]:
    """Contracts, or a part of them, and their flags, ascending; what fails is halved until the contract at fault
    stands alone."""
    span = piece.span if part is None else part
    if not len(span):
        return
    try:
        book = piece.book(span, policy_set.now)
        found = Part(span, book, policy_set.flags(book).within(span.ids))
    except DatabaseError:
        raise  # the transaction is lost: this is nobody's fault but the run's
    except Exception as error:
        if len(span) == 1:
            log.exception("contract set aside", contract=int(span.ids[0]))
            yield Failed(int(span.ids[0]), f"{type(error).__name__}: {error}"[:500])
            return
        for half in span.halves():
            yield from screened(piece, policy_set, half)
        return
    yield found


def close_flags_of_deleted(contracts: Sequence[int], pinned: PinnedPolicies, run: ScreeningRun) -> None:
    """Close the flags of contracts that no longer exist."""
    stored = open_flags(f"{Span(np.array(contracts)).condition('contract_id')} AND {pinned.measures_condition(None)}")
    because = partial(closed_because, pinned=pinned, known=(), ended=(), concluded={})
    run.closed += close(stored, np.arange(len(stored.ids)), because=because, run=run)


def _ended(part: Part, pinned: PinnedPolicies) -> set[int]:
    """The contracts that are closed, and so were not even read, or have come to their end."""
    ended = part.contracts.ids[stages(part.contracts, pinned.calendar).array(np.bool_, ENDED.__contains__)]
    return set(np.setdiff1d(part.span.ids, part.contracts.ids).tolist()) | set(ended.tolist())
