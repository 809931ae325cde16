"""What stands against committing documents: the core's flags for the step asked about; the worst wins.

Pure. Which columns of the effect table a purpose asks about stands in alerts/screening/standings.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.screening import PolicySet, Purpose, Verdict
from contracts.columns import Contracts
from contracts.facts import ContractFacts
from contracts.stage import LIVE, Calendar, place, stage, stage_at
from policies.facts import MeasureFacts


class Decision(StrEnum):
    """From the best to the worst."""

    CLEAR = "clear"
    CLEARED = "cleared"
    REVIEW = "review"
    LICENCE_REQUIRED = "licence_required"
    BLOCKED = "blocked"
    ERROR = "error"


SEVERITY: Mapping[Decision, int] = {decision: severity for severity, decision in enumerate(Decision)}
NEXT_STEP: Mapping[Decision, str] = {
    Decision.CLEAR: "commit",
    Decision.CLEARED: "commit_as_released",
    Decision.REVIEW: "establish_facts_or_release",
    Decision.LICENCE_REQUIRED: "obtain_licence",
    Decision.BLOCKED: "do_not_commit",
    Decision.ERROR: "correct_and_ask_again",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A document and the step asked about; a call-off is judged under the name of its framework, too."""

    facts: ContractFacts
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Finding:
    """A measure that stands against the step, and what it makes of it."""

    verdict: Verdict
    measure: MeasureFacts
    decision: Decision


@dataclass(frozen=True, slots=True)
class Decided:
    """The worst of all findings; `lines` by number, each by itself."""

    decision: Decision
    lines: Mapping[int, Decision]
    findings: Sequence[Finding] = ()


def worst(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=SEVERITY.__getitem__, default=Decision.CLEAR)


def decision_of(verdict: Verdict, effect: str) -> Decision:
    """What is not certain is reviewed, and so is what a seller only considers."""
    if verdict.certainty == "needs_review":
        return Decision.REVIEW
    if verdict.kind == "licence_required":
        return Decision.LICENCE_REQUIRED
    considered = verdict.kind == "possible_termination" and effect != "ban"
    return Decision.REVIEW if considered else Decision.BLOCKED


def misfit(asked: Asked, now: Calendar) -> str | None:
    """Why the document cannot be asked about for this purpose at all, in plain words."""
    facts, purpose = asked.facts, asked.purpose
    at_stage = stage(facts, now)
    if at_stage in ("completed", "cancelled", "terminated"):
        return f"the contract is {at_stage}: there is nothing to commit"
    if purpose == "call_off" and facts.kind == "purchase":
        return "a call-off is of the kind call_off, or asks of a framework whether it may be called off from"
    if purpose == "call_off" and facts.kind == "framework" and at_stage not in ("concluded", "active"):
        return f"the framework is {_words(at_stage)}: nothing is called off from it"
    if purpose == "amendment" and at_stage not in LIVE:
        return "an amendment is of a contract that is concluded: say when (concluded_at or concluded_on)"
    if purpose == "renewal":
        return _not_renewable(facts, now)
    return None


def decide(policy_set: PolicySet, documents: Sequence[Asked]) -> list[Decided]:
    """Of each document, in the order given; all documents of a purpose are screened together."""
    decided: dict[int, Decided] = {}
    by_purpose: defaultdict[Purpose, list[int]] = defaultdict(list)
    for position, document in enumerate(documents):
        by_purpose[document.purpose].append(position)
    for purpose, positions in by_purpose.items():
        found = _decide(policy_set.asked(purpose), [documents[position].facts for position in positions])
        decided.update(zip(positions, found, strict=True))
    return [decided[position] for position in range(len(documents))]


def _decide(policy_set: PolicySet, documents: Sequence[ContractFacts]) -> list[Decided]:
    whole = _findings(policy_set, documents)
    several = [number for number, facts in enumerate(documents) if whole[number] and len(facts.lines) > 1]
    alone = [replace(documents[number], lines=(line,)) for number in several for line in documents[number].lines]
    of_alone = iter(_findings(policy_set, alone))
    by_line = {number: [next(of_alone) for _ in documents[number].lines] for number in several}
    return [
        Decided(
            worst(finding.decision for finding in findings),
            {
                line.number: worst(finding.decision for finding in its)
                for line, its in zip(facts.lines, by_line.get(number) or [findings] * len(facts.lines), strict=True)
            },
            findings,
        )
        for number, (facts, findings) in enumerate(zip(documents, whole, strict=True))
    ]


def _findings(policy_set: PolicySet, documents: Sequence[ContractFacts]) -> list[list[Finding]]:
    """Of each document, one per measure and kind, in their order."""
    asked, owner = list(documents), list(range(len(documents)))
    for number, facts in enumerate(documents):
        if facts.kind == "call_off" and facts.framework and _is_named(facts.framework, policy_set):
            asked.append(replace(facts, reference=facts.framework))
            owner.append(number)
    found: list[dict[tuple[str, str], Finding]] = [{} for _ in documents]
    if not asked:
        return []
    flags = policy_set.flags(policy_set.book(Contracts.of(asked)))
    slots = policy_set.slots
    references = [asked[position].reference for position in flags.contract.tolist()]
    rows = zip(flags.contract.tolist(), flags.slot.tolist(), flags.verdicts(slots, references), strict=True)
    for position, slot, verdict in rows:
        measure = slots.measures[slot]
        finding = Finding(verdict, measure, decision_of(verdict, measure.effect))
        its = found[owner[position]]
        known = its.get((verdict.measure, verdict.kind))
        if known is None or SEVERITY[finding.decision] > SEVERITY[known.decision]:
            its[verdict.measure, verdict.kind] = finding
    return [[its[key] for key in sorted(its)] for its in found]


def _is_named(reference: str, policy_set: PolicySet) -> bool:
    return any(reference in measure.scope.contracts for measure in policy_set.slots.measures)


def _not_renewable(facts: ContractFacts, now: Calendar) -> str | None:
    where = place(facts, now)
    at_stage = stage_at(facts, where)
    if at_stage not in ("concluded", "active"):
        return f"the contract is {_words(at_stage)}: ask about a new one"
    return "the contract is being terminated: ask about a new one" if where.will_terminate else None


def _words(at_stage: str) -> str:
    return at_stage.replace("_", " ")
