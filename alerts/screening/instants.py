"""The next instant at which a screening may answer differently because time has passed, and for no other reason.

Between an instant and the next one every flag stays what it is; only a day to act by that is always today follows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from alerts.screening.policy_set import Policies
from contracts.columns import Contracts
from contracts.days import NO_END, Days
from contracts.facts import Conclusion
from contracts.instants import NEVER, Moments, microseconds
from contracts.stage import Calendar, start_of_day
from contracts.turning import concluded_from, has_ended_for_good, next_day_of_delivery, next_day_of_the_contract
from policies.facts import MeasureFacts
from policies.turning import days_of_licence, days_of_list, days_of_measure

_start = lru_cache(maxsize=65_536)(start_of_day)


def _instants(days: Days, zone: str) -> Moments:
    """When days begin in a zone; NEVER for NO_END."""
    distinct, rows = np.unique(days, return_inverse=True)
    begun = [NEVER if day == NO_END else microseconds(_start(date.fromordinal(day), zone)) for day in distinct.tolist()]
    return np.array(begun, dtype=np.int64)[rows]


def _concluded_from(conclusion: Conclusion, now: Calendar) -> int:
    """From when on a contract is concluded, where that lies ahead."""
    turn = concluded_from(conclusion, now.timezone)
    return microseconds(turn) if turn is not None and turn > now.at else NEVER


class Turns:
    """The turns of time that lie ahead, under the policies of one instant."""

    def __init__(self, policies: Policies, now: Calendar) -> None:
        self.now = now
        self.measures = [m for m in policies.measures if m.status == "published" and m.effect != "watch"]
        self.policies = policies
        zones = {now.timezone, *(measure.timezone for measure in self.measures)}
        self.today: Mapping[str, date] = {zone: self._today(zone) for zone in sorted(zones)}

    def at(self, now: Calendar) -> "Turns":
        """The same for another instant of the same days."""
        other = copy(self)
        other.now = now
        return other

    def of_policies(self) -> datetime | None:
        """When measures, lists, ownership or licences may say something else; None where they never will."""
        return min(self._of_policies(), default=None)

    def of_contracts(self, contracts: Contracts) -> Moments:
        """When something becomes of each contract itself, in microseconds since 1970; NEVER where nothing ever will."""
        own = next_day_of_the_contract(contracts, self.now)
        first = contracts.conclusion.array(np.int64, _concluded_from, self.now)
        first = np.minimum(first, _instants(own, self.now.timezone))
        days = {day: next_day_of_delivery(contracts, day.toordinal()) for day in set(self.today.values())}
        for zone, day in self.today.items():
            first = np.minimum(first, _instants(days[day], zone))
        return np.where(has_ended_for_good(contracts, self.now), NEVER, first)

    def _of_policies(self) -> Iterator[datetime]:
        for measure in self.measures:
            yield from self._first(days_of_measure(measure), measure.timezone)
        asking = {m.timezone for m in self.measures if m.scope.supplier_controlled_by_state or m.scope.parties}
        stakes = {day for o in self.policies.organizations.values() for stake in o.owners for day in stake.turns()}
        for zone in asking:
            yield from self._first(stakes, zone)
        for reference in {name for m in self.measures if m.scope.parties for name in m.scope.parties.lists}:
            listing = self.policies.lists[reference]
            yield from self._first(days_of_list(listing), listing.timezone)
        granting = self._zones_by_grant(self.measures)
        for licence in self.policies.licences:
            for zone in {zone for name in licence.measures for zone in granting.get(name, ())}:
                yield from self._first(days_of_licence(licence), zone)

    @staticmethod
    def _zones_by_grant(measures: Iterable[MeasureFacts]) -> Mapping[str, set[str]]:
        zones: dict[str, set[str]] = {}
        for measure in measures:
            for name in (measure.name, measure.change):
                zones.setdefault(name, set()).add(measure.timezone)
        return zones

    def _first(self, days: Iterable[date], zone: str) -> Iterator[datetime]:
        """The beginning of the first of the days that has not begun in the zone."""
        today = self.today[zone] if zone in self.today else self._today(zone)
        ahead = min((day for day in days if day > today), default=None)
        if ahead is not None:
            yield _start(ahead, zone)

    def _today(self, zone: str) -> date:
        return self.now.at.astimezone(ZoneInfo(zone)).date()
