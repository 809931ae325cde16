"""What the answer about documents is at an instant: the core's decision, releases that hold, and how long it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.checks.decisions import Decided, Decision, decide
from alerts.checks.documents import Document
from alerts.checks.releases import cleared, held_by
from alerts.models import CheckRelease
from alerts.portfolio import PinnedPolicies
from contracts.columns import Contracts
from contracts.instants import NEVER, moment
from contracts.stage import start_of_day


@dataclass(frozen=True, slots=True)
class Outcome:
    """`due_at` is when time may next change what the document is or what was released; policies apart."""

    decided: Decided
    release: CheckRelease | None
    due_at: datetime | None

    def until(self, pinned: PinnedPolicies, latest: datetime) -> datetime:
        """When time alone may next change the answer, at the latest `latest`."""
        return min(filter(None, (self.due_at, pinned.turn, latest)))


def outcomes(documents: Sequence[Document], pinned: PinnedPolicies) -> list[Outcome]:
    """Of each document, in the order given."""
    if not documents:
        return []
    decided = decide(pinned.policy_set, [document.asked for document in documents])
    if pinned.untouchable:
        decided = [_doubted(one) for one in decided]
        releases: list[CheckRelease | None] = [None] * len(documents)
    else:
        releases = held_by(documents, decided, pinned)
    turns = pinned.turns.at(pinned.calendar).of_contracts(
        Contracts.of([document.asked.facts for document in documents])
    )
    return [
        _outcome(one, release, None if turn == NEVER else moment(turn), pinned)
        for one, release, turn in zip(decided, releases, turns.tolist(), strict=True)
    ]


def _doubted(decided: Decided) -> Decided:
    """What a measure says that cannot be read or compiled is not known: nothing is clear until somebody mends it."""
    lines = {n: Decision.REVIEW if line == Decision.CLEAR else line for n, line in decided.lines.items()}
    overall = Decision.REVIEW if decided.decision == Decision.CLEAR else decided.decision
    return replace(decided, decision=overall, lines=lines)


def _outcome(decided: Decided, release: CheckRelease | None, turn: datetime | None, pinned: PinnedPolicies) -> Outcome:
    if release is None:
        return Outcome(decided, None, turn)
    ends = start_of_day(release.expires_on + timedelta(days=1), pinned.calendar.timezone)
    return Outcome(cleared(decided), release, min(turn, ends) if turn else ends)
