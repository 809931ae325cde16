"""Whether a run's manifest is true: computes it again from history, and names the contracts that differ."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.batch import Failed, screened
from alerts.history import Past
from alerts.manifest import FORMAT, Manifest, bucket_of
from alerts.models import EventKind, FlagEvent, ScreeningRun
from alerts.portfolio import PinnedPolicies
from alerts.resident import Piece
from alerts.screening import Calendar, PolicySet
from alerts.screening.book import Book
from contracts.columns import NO_LINE
from contracts.copying import Span
from people.models import ChangeEntry

BATCH = 5_000
Mark = tuple[str, str, str, str]
"""Measure, kind, certainty, basis."""


class CannotTell(Exception):  # noqa: N818
    """History does not hold what the run saw."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was computed again, and where it differs from the manifest; all empty where they are equal."""

    contracts: int
    digest: str
    figures: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.figures and not self.differing


def verify(run: ScreeningRun) -> Comparison:
    """Compute the manifest of a run again. CannotTell where the run did not finish or history has gaps."""
    if run.finished_at is None:
        by = f"; run {run.completed_by_id} did its work" if run.completed_by_id else ""
        raise CannotTell(f"run {run.pk} did not finish and has no manifest{by}")
    if not run.snapshot or run.renewal_horizon_days is None or run.manifest_format != FORMAT:
        raise CannotTell(f"run {run.pk} is older than the manifests that can be computed again")
    past = Past(run.snapshot)
    if gaps := list(past.gaps()):
        raise CannotTell(_in_short(gaps))
    try:
        return _compare(run, past)
    except KeyError as missing:
        raise CannotTell(f"history names an object that it does not hold: {missing}") from missing


def _compare(run: ScreeningRun, past: Past) -> Comparison:
    policies, left_out = past.policies()
    calendar = Calendar(run.at, run.timezone, run.renewal_horizon_days or 0)
    pinned = PinnedPolicies.of(policies, left_out, past.policy_version(), calendar)
    named = sorted(past.contracts if run.scope is None else run.scope)
    others = sorted(past.contracts.keys() - set(named)) if run.changes else []
    ids = [*named, *others]
    if unknown := [id for id in ids if id not in past.contracts]:
        raise CannotTell(_in_short([f"contract {id} was in scope and is not in history" for id in unknown]))
    found = _Recomputed(run, past, pinned)
    found.screen(named, pinned.policy_set)
    if run.changes:
        found.screen(others, pinned.narrowed(run.changes))
    recomputed = {
        "contracts": len(ids),
        "lines": found.lines,
        "screened": found.screened,
        "policy_version": pinned.version,
    }
    figures = [
        f"{name}: the manifest says {getattr(run, name)}, history {value}"
        for name, value in recomputed.items()
        if getattr(run, name) != value
    ]
    digest, own = found.manifest.digest(pinned.version), found.manifest.buckets
    buckets = {b for b in {*run.buckets, *own} if run.buckets.get(b) != own.get(b)}
    suspects = {id: past.contracts[id] for id in ids if bucket_of(id) in buckets}
    left = {one.name for one in pinned.left_out}
    differing = _differing(run, suspects, found.marks, left)
    if digest != run.digest and not figures and not differing:
        figures.append(f"digest: the manifest says {run.digest}, history {digest}")
    return Comparison(len(ids), digest, tuple(figures), tuple(differing))


class _Recomputed:
    """What is computed again, part by part in the order of the run."""

    def __init__(self, run: ScreeningRun, past: Past, pinned: PinnedPolicies) -> None:
        self.past = past
        self.pinned = pinned
        self.versions = past.versions(ChangeEntry.Kind.CONTRACT)
        self.manifest = Manifest()
        self.lines = self.screened = 0
        self.marks: dict[int, set[Mark]] = defaultdict(set)

    def screen(self, ids: Sequence[int], policy_set: PolicySet) -> None:
        measures = self.pinned.ids_of(policy_set.slots)
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            versions = np.array([self.versions[id] for id in some], dtype=np.int64)
            piece = Piece(Span(np.array(some, dtype=np.int64)), versions, self._book)
            for part in screened(piece, policy_set):
                if isinstance(part, Failed):
                    continue
                versions = piece.versions[np.searchsorted(piece.span.ids, part.span.ids)]
                self.manifest.add(part.span.ids, versions, part.flags, measures[part.flags.slot])
                self.lines += int((part.contracts.lines.number != NO_LINE).sum())
                self.screened += len(part.span)
                contracts = part.flags.contract.tolist()
                for id, verdict in zip(contracts, part.flags.verdicts(policy_set.slots, contracts), strict=True):
                    self.marks[id].add((verdict.measure, verdict.kind, verdict.certainty, verdict.basis))

    def _book(self, span: Span, now: Calendar) -> Book:
        return Book(self.past.columns(span.ids.tolist()), now)


def _differing(
    run: ScreeningRun, suspects: dict[int, str], marks: Mapping[int, set[Mark]], left_out: Collection[str]
) -> Sequence[str]:
    """Of the contracts in buckets that differ, those whose recorded flags do; where none's do, all of them."""
    recorded: dict[int, set[Mark]] = defaultdict(set)
    events = FlagEvent.objects.filter(run__lte=run.pk, flag__contract__in=suspects).order_by(
        "flag_id", "-run_id", "-id"
    )
    for event in events.distinct("flag_id").select_related("flag__measure__change"):
        measure = event.flag.measure
        name = f"{measure.change.reference}/{measure.key}"
        if event.kind != EventKind.CLOSED and name not in left_out:
            recorded[event.flag.contract_id].add((name, event.flag.kind, event.certainty, event.basis))
    flagged_otherwise = [reference for id, reference in suspects.items() if recorded[id] != marks.get(id, set())]
    return sorted(flagged_otherwise or suspects.values())


def _in_short(reasons: list[str], shown: int = 5) -> str:
    more = f" and {len(reasons) - shown} more" if len(reasons) > shown else ""
    return "history cannot tell: " + "; ".join(reasons[:shown]) + more
