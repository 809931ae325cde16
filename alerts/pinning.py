"""The compiled policies of the last run, kept for the next one in the same process while nothing about them changes.

Reading and compiling a large policy set takes seconds; saving one contract and screening it must not. What is kept is
used again only where no policy, organization, list or licence has an entry in the change log that it did not see, no
day has begun anywhere, and the settings are the same; of a few policy changes that changed alone, just these are read.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import NamedTuple

from alerts.portfolio import PinnedPolicies, calendar
from alerts.seen import changed_since, database, settled_snapshot
from people.models import ChangeEntry

MOST_AGE = 1.0
"""Seconds for which `lately` does not ask whether anything has changed."""
Kind = ChangeEntry.Kind
BESIDES_POLICY_CHANGES = [kind for kind in Kind.values if kind not in (Kind.CONTRACT, Kind.POLICY_CHANGE)]
MOST = 100
"""With more changed policy changes than these, all are read again."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Policies as a PostgreSQL snapshot saw them, of one database."""

    database: tuple[str, ...]
    snapshot: str
    pinned: PinnedPolicies
    asked: float = 0.0
    """On the process's own clock, when it was last found that nothing about them had changed."""

    def serves(self, at: datetime) -> bool:
        """Whether they were found unchanged a moment ago and no day has begun anywhere since they were compiled."""
        fresh = monotonic() - self.asked < MOST_AGE and self.database == database()
        return fresh and self.pinned.calendar.at <= at < self.pinned.days_end


class _Again(NamedTuple):
    """Policies that are still good but for these policy changes, by id."""

    pinned: PinnedPolicies
    changed: list[int]


class Pinning:
    """What this process keeps."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._reading = Lock()

    def at(self, at: datetime, *, afresh: bool = False) -> PinnedPolicies:
        """The stored policies compiled for an instant; `afresh`: read whatever is kept."""
        kept = None if afresh else self._again(at)
        if kept and not kept.changed:
            return kept.pinned
        snapshot = settled_snapshot()
        pinned = kept.pinned.with_changed(kept.changed) if kept else PinnedPolicies.at(at)
        self._kept = _Kept(database(), snapshot, pinned, monotonic()) if snapshot else None
        return pinned

    def lately(self, at: datetime) -> PinnedPolicies:
        """The same, as it was at most MOST_AGE seconds ago; for answers that say which version they stand on, and
        that are looked at again. Of threads that find it outdated one reads, and the others wait."""
        kept = self._kept
        if kept is None or not kept.serves(at):
            with self._reading:
                kept = self._kept
                if kept is None or not kept.serves(at):
                    return self.at(at)
        return kept.pinned.moved(calendar(at))

    def _again(self, at: datetime) -> "_Again | None":
        """What is kept, for another instant, and the policy changes that changed; None where it is of no use."""
        kept = self._kept
        if not kept or kept.database != database() or changed_since(kept.snapshot, BESIDES_POLICY_CHANGES, most=1):
            return None
        changed = changed_since(kept.snapshot, [Kind.POLICY_CHANGE], most=MOST + 1)
        again = kept.pinned.again(calendar(at)) if len(changed) <= MOST else None
        if again is None:
            return None
        if not changed:
            self._kept = replace(kept, asked=monotonic())
        return _Again(again, changed)

    def forget(self) -> None:
        self._kept = None


pinning = Pinning()
