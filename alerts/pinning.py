"""The compiled policies of the last run, kept for the next one in the same process while nothing about them changes.

Reading and compiling a large policy set takes seconds; saving one contract and screening it must not. What is kept is
used again only where no policy, organization, list or licence has an entry in the change log that it did not see, no
day has begun anywhere, and the settings are the same.
"""

from dataclasses import dataclass
from datetime import datetime

from alerts.portfolio import PinnedPolicies, calendar
from alerts.seen import changed_since, database, settled_snapshot
from people.models import ChangeEntry

ABOUT_POLICIES = [kind for kind in ChangeEntry.Kind.values if kind != ChangeEntry.Kind.CONTRACT]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Policies as a PostgreSQL snapshot saw them, of one database."""

    database: tuple[str, ...]
    snapshot: str
    pinned: PinnedPolicies


class Pinning:
    """What this process keeps."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None

    def at(self, at: datetime, *, afresh: bool = False) -> PinnedPolicies:
        """The stored policies compiled for an instant; `afresh`: read whatever is kept."""
        kept = None if afresh else self._kept
        if kept and kept.database == database() and not changed_since(kept.snapshot, ABOUT_POLICIES, most=1):
            again = kept.pinned.again(calendar(at))
            if again is not None:
                return again
        snapshot = settled_snapshot()
        pinned = PinnedPolicies.at(at)
        self._kept = _Kept(database(), snapshot, pinned) if snapshot else None
        return pinned

    def forget(self) -> None:
        self._kept = None


pinning = Pinning()
