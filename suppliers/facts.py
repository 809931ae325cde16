"""What screening knows of an organization: plain values, no database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

OrganizationKind = Literal["company", "state_body", "person"]


@dataclass(frozen=True, slots=True)
class Stake:
    """One owner's holding in an organization; both days inclusive, None = open; percent 0 to 100, None = unknown."""

    owner: str
    percent: Decimal | None = None
    controls: bool | None = None
    from_on: date | None = None
    until_on: date | None = None

    def covers(self, day: date) -> bool:
        return (self.from_on is None or self.from_on <= day) and (self.until_on is None or day <= self.until_on)

    def turns(self) -> Iterator[date]:
        """The first day it covers and the first after it, where it has them."""
        if self.from_on is not None:
            yield self.from_on
        if self.until_on is not None and self.until_on < date.max:
            yield self.until_on + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """An organization by reference; None is "not established", never "no"."""

    reference: str
    country: str | None = None
    kind: OrganizationKind | None = None
    owners: tuple[Stake, ...] = ()
    owners_complete: bool | None = None
