"""Some contracts of a run: read, screened and reconciled together; one that cannot be screened is set aside alone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypedDict

import structlog
from django.db import Error as DatabaseError

from alerts import schedule
from alerts.closing import closed_because
from alerts.manifest import Manifest
from alerts.models import ScreeningRun, SetAside
from alerts.portfolio import PinnedPolicies
from alerts.reconcile import Scope, reconcile
from alerts.reopening import reopen_changed
from alerts.screening import PolicySet
from alerts.screening.instants import Turns
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.models import Contract

SHOWN_ERRORS = 100
"""How many of a run's errors its record holds; all are counted."""

log = structlog.get_logger(__name__)


class Failure(TypedDict):
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
    failures: list[Failure] = field(default_factory=list)

    def __add__(self, other: "Screened") -> "Screened":
        return Screened(self.facts + other.facts, self.verdicts + other.verdicts, self.failures + other.failures)


def screen_batch(
    pins: Sequence[Pin], pinned: PinnedPolicies, turns: Turns, run: ScreeningRun, manifest: Manifest
) -> None:
    """Screen the contracts, make their flags agree, note when they are due next, and add them to the manifest."""
    screened = screen_contracts([pin.id for pin in pins], [pin.reference for pin in pins], pinned.policy_set, _stored)
    by_reference = {pin.reference: pin for pin in pins}
    facts = {by_reference[fact.reference].id: fact for fact in screened.facts}
    scope = Scope(
        contracts={ref: (pin.id, pin.version) for ref, pin in by_reference.items() if pin.id in facts},
        gone=frozenset(),
        measures=pinned.ids,
        today=pinned.today,
        policy_version=pinned.version,
        because=partial(closed_because, pinned=pinned, contracts=facts),
        untouchable=pinned.untouchable,
    )
    changes = reconcile(screened.verdicts, within=scope, at=run.at, run=run)
    reopen_changed(facts, pinned, run)
    run.contracts += len(pins)
    run.screened += len(facts)
    run.lines += sum(len(fact.lines) for fact in screened.facts)
    run.set_aside += len(screened.failures)
    run.errors = [*run.errors, *screened.failures][:SHOWN_ERRORS]
    run.opened += changes.opened
    run.updated += changes.updated
    run.closed += changes.closed
    run.unchanged += changes.unchanged
    manifest.add_all(
        {fact.reference: by_reference[fact.reference].version for fact in screened.facts}, screened.verdicts
    )
    schedule.keep({id: turns.of_contract(fact) for id, fact in facts.items()})
    _note_failures({by_reference[one["contract"]].id: one for one in screened.failures}, facts.keys(), run)


def close_flags_of_deleted(contracts: frozenset[int], pinned: PinnedPolicies, run: ScreeningRun) -> None:
    """Close the flags of contracts that no longer exist."""
    because = partial(closed_because, pinned=pinned, contracts={})
    scope = Scope({}, contracts, {}, {}, pinned.version, because, pinned.untouchable)
    run.closed += reconcile([], within=scope, at=run.at, run=run).closed


def screen_contracts(
    ids: Sequence[int],
    references: Sequence[str],
    policy_set: PolicySet,
    read: Callable[[Sequence[int]], list[ContractFacts]],
) -> Screened:
    """Halve what fails until the contract at fault stands alone, and leave only that one out."""
    if not ids:
        return Screened()
    try:
        facts = read(ids)
        return Screened(facts, policy_set.screen(facts))
    except DatabaseError:
        raise  # the transaction is lost: this is nobody's fault but the run's
    except Exception as error:
        if len(ids) == 1:
            log.exception("contract set aside", contract=references[0])
            return Screened(failures=[Failure(contract=references[0], error=f"{type(error).__name__}: {error}"[:500])])
    middle = len(ids) // 2
    first = screen_contracts(ids[:middle], references[:middle], policy_set, read)
    return first + screen_contracts(ids[middle:], references[middle:], policy_set, read)


def _stored(ids: Sequence[int]) -> list[ContractFacts]:
    return Contract.objects.filter(id__in=ids).facts()


def _note_failures(failures: Mapping[int, Failure], screened: Collection[int], run: ScreeningRun) -> None:
    """Keep the list of contracts that cannot be screened: tried again daily, and when they or the policies change."""
    SetAside.objects.filter(contract_id__in=screened).delete()
    schedule.forget(failures)
    SetAside.objects.bulk_create(
        [
            SetAside(contract_id=id, reference=one["contract"], error=one["error"], run=run)
            for id, one in failures.items()
        ],
        update_conflicts=True,
        unique_fields=["contract_id"],
        update_fields=["reference", "error", "run"],
    )
