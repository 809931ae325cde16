"""The next instant at which a screening may answer differently because time has passed, and for no other reason.

Between an instant and the next one every flag stays what it is; only a day to act by that is always today follows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from alerts.screening.policy_set import Policies
from contracts.facts import ContractFacts
from contracts.stage import Calendar, start_of_day
from contracts.turning import conclusion, days_of_delivery, days_of_the_contract, has_ended_for_good
from policies.facts import MeasureFacts
from policies.turning import days_of_licence, days_of_list, days_of_measure

_start = lru_cache(maxsize=65_536)(start_of_day)


class Turns:
    """The turns of time that lie ahead, under the policies of one instant."""

    def __init__(self, policies: Policies, now: Calendar) -> None:
        self.now = now
        self.measures = [m for m in policies.measures if m.status == "published" and m.effect != "watch"]
        self.policies = policies
        zones = {now.timezone, *(measure.timezone for measure in self.measures)}
        self.today: Mapping[str, date] = {zone: self._today(zone) for zone in sorted(zones)}

    def of_policies(self) -> datetime | None:
        """When measures, lists, ownership or licences may say something else; None where they never will."""
        return min(self._of_policies(), default=None)

    def of_contract(self, contract: ContractFacts) -> datetime | None:
        """When something becomes of the contract itself; None where nothing ever will."""
        if has_ended_for_good(contract, self.now):
            return None
        return min(self._of_contract(contract), default=None)

    def _of_contract(self, contract: ContractFacts) -> Iterator[datetime]:
        own = days_of_the_contract(contract, self.now.renewal_horizon_days)
        yield from self._first(own, self.now.timezone)
        deliveries = set(days_of_delivery(contract))
        for zone in self.today:
            yield from self._first(deliveries, zone)
        concluded = conclusion(contract, self.now)
        if concluded is not None and concluded > self.now.at:
            yield concluded

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
