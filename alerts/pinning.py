"""The compiled policies of the last run, kept for the next one in the same process while nothing about them changes.

Reading and compiling a large policy set takes seconds; saving one contract and screening it must not. What is kept is
used again only where no policy, organization, list or licence has an entry in the change log that it did not see, no
day has begun anywhere, and the settings are the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from time import monotonic

from alerts.portfolio import PinnedPolicies, calendar
from alerts.seen import changed_since, database, settled_snapshot
from people.models import ChangeEntry

MOST_AGE = 1.0
"""Seconds for which `lately` does not ask whether anything has changed."""
ABOUT_POLICIES = [kind for kind in ChangeEntry.Kind.values if kind != ChangeEntry.Kind.CONTRACT]


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


class Pinning:
    """What this process keeps."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._reading = Lock()

    def at(self, at: datetime, *, afresh: bool = False) -> PinnedPolicies:
        """The stored policies compiled for an instant; `afresh`: read whatever is kept."""
        kept = None if afresh else self._kept
        if kept and kept.database == database() and not changed_since(kept.snapshot, ABOUT_POLICIES, most=1):
            again = kept.pinned.again(calendar(at))
            if again is not None:
                self._kept = replace(kept, pinned=again, asked=monotonic())
                return again
        snapshot = settled_snapshot()
        pinned = PinnedPolicies.at(at)
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

    def forget(self) -> None:
        self._kept = None


pinning = Pinning()
