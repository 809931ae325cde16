"""Whether a run's manifest is true: computes it again from history, and names the contracts that differ."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from alerts.batch import screen_contracts
from alerts.history import Past
from alerts.manifest import Manifest, bucket_of
from alerts.models import EventKind, FlagEvent, ScreeningRun
from alerts.portfolio import PinnedPolicies
from alerts.screening import Calendar
from alerts.screening.verdicts import Verdict
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
    if not run.snapshot or run.renewal_horizon_days is None:
        raise CannotTell(f"run {run.pk} is older than the record of what a run saw")
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
    ids = sorted(past.contracts if run.scope is None else run.scope)
    if unknown := [id for id in ids if id not in past.contracts]:
        raise CannotTell(_in_short([f"contract {id} was in scope and is not in history" for id in unknown]))
    versions = past.versions(ChangeEntry.Kind.CONTRACT)
    manifest, lines, screened = Manifest(), 0, 0
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for batch in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
        references = [past.contracts[id] for id in batch]
        found = screen_contracts(batch, references, pinned.policy_set, past.contract_facts)
        of_reference = dict(zip(references, batch, strict=True))
        manifest.add_all({f.reference: versions[of_reference[f.reference]] for f in found.facts}, found.verdicts)
        lines += sum(len(fact.lines) for fact in found.facts)
        screened += len(found.facts)
        for verdict in found.verdicts:
            if run.buckets.get(bucket_of(verdict.contract)) != manifest.buckets.get(bucket_of(verdict.contract)):
                verdicts[verdict.contract].append(verdict)
    recomputed = {"contracts": len(ids), "lines": lines, "screened": screened, "policy_version": pinned.version}
    figures = [
        f"{name}: the manifest says {getattr(run, name)}, history {value}"
        for name, value in recomputed.items()
        if getattr(run, name) != value
    ]
    digest = manifest.digest(pinned.version)
    buckets = {b for b in {*run.buckets, *manifest.buckets} if run.buckets.get(b) != manifest.buckets.get(b)}
    suspects = {id: past.contracts[id] for id in ids if bucket_of(past.contracts[id]) in buckets}
    left = {one.name for one in pinned.left_out}
    differing = _differing(run, suspects, verdicts, left)
    if digest != run.digest and not figures and not differing:
        figures.append(f"digest: the manifest says {run.digest}, history {digest}")
    return Comparison(len(ids), digest, tuple(figures), tuple(differing))


def _differing(
    run: ScreeningRun, suspects: dict[int, str], verdicts: dict[str, list[Verdict]], left_out: Collection[str]
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
    marks = {
        reference: {(v.measure, v.kind, v.certainty, v.basis) for v in verdicts.get(reference, ())}
        for reference in suspects.values()
    }
    flagged_otherwise = [reference for id, reference in suspects.items() if recorded[id] != marks[reference]]
    return sorted(flagged_otherwise or suspects.values())


def _in_short(reasons: list[str], shown: int = 5) -> str:
    more = f" and {len(reasons) - shown} more" if len(reasons) > shown else ""
    return "history cannot tell: " + "; ".join(reasons[:shown]) + more
