"""What an answer says: reasons as flags have them, what would clear it, candidates, next steps, faults by pointer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any

from alerts.bundle.output import exact
from alerts.bundle.problems import Problem, pointer
from alerts.checks.candidates import candidates
from alerts.checks.decisions import NEXT_STEP, Decided, Decision, Finding
from alerts.checks.documents import UNIDENTIFIED, Document, Faulty
from alerts.checks.outcomes import Outcome
from alerts.models import CheckRelease
from alerts.portfolio import PinnedPolicies
from alerts.screening import Clearing, reasons
from contracts.facts import ContractFacts

MOST_EXPLAINED = 20
"""Findings of one document of which what would clear them is worked out; each takes many screenings."""


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Report:
    """Answers on the same policies."""

    def __init__(self, pinned: PinnedPolicies) -> None:
        self.pinned = pinned

    def of(self, document: Document, outcome: Outcome) -> dict[str, Any]:
        facts, decided = document.asked.facts, outcome.decided
        return {
            "document": facts.reference,
            "purpose": document.asked.purpose,
            "decision": decided.decision,
            "next_step": NEXT_STEP[decided.decision],
            "lines": [
                {"number": number, "decision": line, "next_step": NEXT_STEP[line]}
                for number, line in decided.lines.items()
            ],
            "findings": [
                self._finding(finding, facts, cleared)
                for finding, cleared in zip(decided.findings, self._cleared(document, decided), strict=False)
            ],
            "unidentified": [_unidentified(role, party) for role, party in document.unidentified.items()],
            "release": None if outcome.release is None else released(outcome.release),
            "errors": [],
        }

    def _cleared(self, document: Document, decided: Decided) -> Iterator[Sequence[Clearing]]:
        """What would clear the findings, as far as they are explained; nothing of any other."""
        explained = [(finding.verdict, document.asked.facts) for finding in decided.findings[:MOST_EXPLAINED]]
        return chain(self.pinned.clearances_for(document.asked.purpose).of_all(explained), repeat(()))

    def _finding(self, finding: Finding, facts: ContractFacts, clearings: Sequence[Clearing]) -> dict[str, Any]:
        verdict, measure = finding.verdict, finding.measure
        why = reasons(verdict, facts, measure, self.pinned.policies)
        return {
            "measure": verdict.measure,
            "policy_change": measure.change,
            "effect": measure.effect,
            "kind": verdict.kind,
            "decision": finding.decision,
            "certainty": verdict.certainty,
            "basis": verdict.basis,
            "lines": list(verdict.lines),
            "reasons": [{**asdict(reason), "contract_says": _named(reason.contract_says)} for reason in why],
            "would_clear_if": [asdict(clearing) for clearing in clearings],
            "act_by": verdict.act_by.isoformat(),
            "exposure": exact(verdict.exposure),
        }


def of_faulty(faulty: Faulty, position: int) -> dict[str, Any]:
    return {
        "document": faulty.reference,
        "purpose": faulty.purpose,
        "decision": Decision.ERROR,
        "next_step": NEXT_STEP[Decision.ERROR],
        "lines": [],
        "findings": [],
        "unidentified": [],
        "release": None,
        "errors": _errors(faulty.problems, position),
    }


def released(release: CheckRelease) -> dict[str, Any]:
    return {
        "id": release.pk,
        "by": release.by.email,
        "at": instant(release.at),
        "reason": release.reason,
        "text": release.text,
        "expires_on": release.expires_on.isoformat(),
    }


def measures_against(outcome: Outcome) -> list[str]:
    return sorted({finding.verdict.measure for finding in outcome.decided.findings})


def by_line(outcome: Outcome) -> dict[str, str]:
    return {str(number): str(line) for number, line in outcome.decided.lines.items()}


def _unidentified(role: str, party: Mapping[str, Any]) -> dict[str, Any]:
    identifiers: Sequence[Mapping[str, str]] = party.get("identifiers") or ()
    return {
        "role": role,
        "name": party["name"],
        "candidates": [asdict(one) for one in candidates(party["name"], identifiers)],
    }


def _named(says: Any) -> Any:
    """What a document says, without the mark that stands for an organization nobody knows."""
    if isinstance(says, dict):
        return {name: None if value == UNIDENTIFIED else value for name, value in says.items()}
    return says


def _errors(problems: Sequence[Problem], position: int) -> list[dict[str, str]]:
    return [
        {
            "pointer": _writable(f"#{pointer(('documents', position, *one.path))}"),
            "code": one.code,
            "detail": _writable(one.detail),
        }
        for one in problems
    ]


def _writable(text: str) -> str:
    """A key that was sent may hold what no answer can: an unpaired surrogate."""
    return text.encode("utf-8", "replace").decode()
