"""Some contracts of a run: read, screened and reconciled together; one that cannot be screened is set aside alone."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypedDict

import structlog
from django.db import Error as DatabaseError

from alerts.closing import closed_because
from alerts.models import ScreeningRun
from alerts.portfolio import PinnedPolicies
from alerts.reconcile import Scope, reconcile
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.models import Contract

SHOWN_ERRORS = 100
"""How many of a run's errors its record holds; all are counted."""

log = structlog.get_logger(__name__)


class SetAside(TypedDict):
    """A contract that could not be screened; its flags stay as they were."""

    contract: str
    error: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A contract in the version that is screened."""

    id: int
    reference: str
    version: int


@dataclass(frozen=True, slots=True)
class Screened:
    """The facts of contracts and what they demand."""

    facts: list[ContractFacts] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)


def screen_batch(pins: Sequence[Pin], pinned: PinnedPolicies, run: ScreeningRun, digest: "hashlib._Hash") -> None:
    """Screen the contracts, make their flags agree, and add them to the run's manifest and digest."""
    screened = _screened(pins, pinned)
    by_reference = {pin.reference: pin for pin in pins}
    facts = {by_reference[fact.reference].id: fact for fact in screened.facts}
    scope = Scope(
        contracts={ref: (pin.id, pin.version) for ref, pin in by_reference.items() if pin.id in facts},
        gone=frozenset(),
        measures=pinned.ids,
        today=pinned.today,
        policy_version=pinned.version,
        because=partial(closed_because, pinned=pinned, contracts=facts),
    )
    changes = reconcile(screened.verdicts, within=scope, at=run.at, run=run)
    run.contracts += len(pins)
    run.screened += len(facts)
    run.lines += sum(len(fact.lines) for fact in screened.facts)
    run.set_aside += len(screened.set_aside)
    run.errors = [*run.errors, *screened.set_aside][:SHOWN_ERRORS]
    run.opened += changes.opened
    run.updated += changes.updated
    run.closed += changes.closed
    run.unchanged += changes.unchanged
    _digest(screened, by_reference, digest)


def close_flags_of_deleted(contracts: frozenset[int], pinned: PinnedPolicies, run: ScreeningRun) -> None:
    """Close the flags of contracts that no longer exist."""
    scope = Scope({}, contracts, {}, {}, pinned.version, partial(closed_because, pinned=pinned, contracts={}))
    run.closed += reconcile([], within=scope, at=run.at, run=run).closed


def _screened(pins: Sequence[Pin], pinned: PinnedPolicies) -> Screened:
    """Halve what fails until the contract at fault stands alone, and leave only that one out."""
    if not pins:
        return Screened()
    try:
        facts = Contract.objects.filter(id__in=[pin.id for pin in pins]).facts()
        return Screened(facts, pinned.policy_set.screen(facts))
    except DatabaseError:
        raise  # the transaction is lost: this is nobody's fault but the run's
    except Exception as error:
        if len(pins) == 1:
            log.exception("contract set aside", contract=pins[0].reference)
            return Screened(
                set_aside=[SetAside(contract=pins[0].reference, error=f"{type(error).__name__}: {error}"[:500])]
            )
    middle = len(pins) // 2
    first, last = _screened(pins[:middle], pinned), _screened(pins[middle:], pinned)
    return Screened(first.facts + last.facts, first.verdicts + last.verdicts, first.set_aside + last.set_aside)


def _digest(screened: Screened, pins: Mapping[str, Pin], digest: "hashlib._Hash") -> None:
    """Every contract with its version, and every verdict."""
    for fact in screened.facts:
        digest.update(f"{fact.reference} {pins[fact.reference].version}\n".encode())
    for verdict in screened.verdicts:
        digest.update(f"{verdict}\n".encode())
