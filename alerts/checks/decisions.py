"""What stands against committing documents: the core's flags for the step asked about; the worst wins.

Pure. Which columns of the effect table a purpose asks about stands in alerts/screening/standings.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.screening import Certainty, Kind, PolicySet, Purpose, Verdict
from alerts.screening.book import Book
from alerts.screening.effects import Hits
from alerts.screening.flags import gathered
from alerts.screening.verdicts import KINDS
from contracts.columns import NO_LINE, Contracts
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


def decision_of(certainty: Certainty, kind: Kind, effect: str) -> Decision:
    """What is not certain is reviewed, and so is what a seller only considers."""
    if certainty == "needs_review":
        return Decision.REVIEW
    if kind == "licence_required":
        return Decision.LICENCE_REQUIRED
    considered = kind == "possible_termination" and effect != "ban"
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
    """Per document a finding for each measure and kind, in their order; a line hangs on its own hits alone."""
    asked, owner = list(documents), list(range(len(documents)))
    for number, facts in enumerate(documents):
        if facts.kind == "call_off" and facts.framework and _is_named(facts.framework, policy_set):
            asked.append(replace(facts, reference=facts.framework))
            owner.append(number)
    book = policy_set.book(Contracts.of(asked))
    hits, slots = policy_set.hits(book), policy_set.slots
    flags = gathered(hits, book)

    findings: list[dict[tuple[str, str], Finding]] = [{} for _ in documents]
    references = [asked[position].reference for position in flags.contract.tolist()]
    rows = zip(flags.contract.tolist(), flags.slot.tolist(), flags.verdicts(slots, references), strict=True)
    for position, slot, verdict in rows:
        measure = slots.measures[slot]
        finding = Finding(verdict, measure, decision_of(verdict.certainty, verdict.kind, measure.effect))
        its = findings[owner[position]]
        known = its.get((verdict.measure, verdict.kind))
        if known is None or SEVERITY[finding.decision] > SEVERITY[known.decision]:
            its[verdict.measure, verdict.kind] = finding

    lines = [dict.fromkeys((line.number for line in facts.lines), Decision.CLEAR) for facts in documents]
    for position, number, slot, kind, surely in _by_line(hits, book):
        if number != NO_LINE:
            certainty: Certainty = "matched" if surely else "needs_review"
            decision = decision_of(certainty, KINDS[kind], slots.measures[slot].effect)
            lines[owner[position]][number] = worst([lines[owner[position]][number], decision])
    return [
        Decided(worst(one.decision for one in its.values()), of_lines, [its[key] for key in sorted(its)])
        for its, of_lines in zip(findings, lines, strict=True)
    ]


def _by_line(hits: Hits, book: Book) -> Iterator[tuple[int, int, int, int, bool]]:
    """Of each hit the contract's position, the line's number, slot, kind, and whether it is certain."""
    contract = book.ids[book.contract_of[hits.line]]
    columns = (contract, book.number[hits.line], hits.slot, hits.kind, hits.surely)
    return zip(*(column.tolist() for column in columns), strict=True)


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
