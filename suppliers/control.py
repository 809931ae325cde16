"""Who controls an organization, and who is its affiliate: three-valued rules over dated ownership.

Source of the rules: "State control" and "Affiliates at a threshold" of the bundle format (docs/bundle.md).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from suppliers.facts import OrganizationFacts, Stake

CONTROL_ABOVE = Decimal(50)
"""More than this percentage of the shares is control."""
INFLUENCE_FROM = Decimal(20)
"""From this percentage on, a holding whose control is not established may be control."""
ALL = Decimal(100)


@dataclass(frozen=True, slots=True)
class Answer:
    """The organizations of which something certainly holds, and those of which it may hold (certain ones included)."""

    certain: frozenset[str]
    possible: frozenset[str]

    def of(self, reference: str) -> bool | None:
        """True = certainly, False = certainly not, None = not established."""
        if reference in self.certain:
            return True
        return None if reference in self.possible else False


class Ownership:
    """The stakes in force on one day, by organization and by owner."""

    def __init__(self, organizations: Mapping[str, OrganizationFacts], day: date) -> None:
        self.organizations = organizations
        self.stakes: dict[str, tuple[Stake, ...]] = {}
        self.held_by: defaultdict[str, list[str]] = defaultdict(list)
        for reference, organization in organizations.items():
            in_force = tuple(stake for stake in organization.owners if stake.covers(day))
            if in_force:
                self.stakes[reference] = in_force
            for stake in in_force:
                self.held_by[stake.owner].append(reference)

    def controlled_by_state(self, state: str) -> Answer:
        """Which organizations are controlled by the state (ISO country); both certain sets are the smallest."""
        certain = self._spread(
            (o.reference for o in self.organizations.values() if o.kind == "state_body" and o.country == state),
            self._certainly_controlled,
        )
        # Certainly not controlled is a smallest set too: undisclosed cycles stay unknown.
        not_controlled: set[str] = set()
        pending = [reference for reference in self.organizations if reference not in certain]
        while pending:
            reference = pending.pop()
            if reference in not_controlled or reference in certain:
                continue
            if self._certainly_not_controlled(reference, state, not_controlled):
                not_controlled.add(reference)
                pending.extend(self.held_by[reference])
        return Answer(frozenset(certain), frozenset(self.organizations.keys() - not_controlled))

    def _certainly_controlled(self, reference: str, certain: Collection[str]) -> bool:
        holders = [stake for stake in self.stakes.get(reference, ()) if stake.owner in certain]
        if any(stake.controls for stake in holders):
            return True
        return sum((stake.percent for stake in holders if stake.percent is not None), Decimal(0)) > CONTROL_ABOVE

    def _certainly_not_controlled(self, reference: str, state: str, not_controlled: Collection[str]) -> bool:
        organization = self.organizations[reference]
        if organization.kind == "person":
            return True
        if organization.kind == "state_body":
            return organization.country is not None and organization.country != state
        if organization.kind != "company" or organization.owners_complete is not True:
            return False
        suspects = [stake for stake in self.stakes.get(reference, ()) if stake.owner not in not_controlled]
        held = sum((ALL if stake.percent is None else stake.percent for stake in suspects), Decimal(0))
        return held <= CONTROL_ABOVE and all(_is_harmless(stake) for stake in suspects)

    def affiliates(
        self,
        parties: Iterable[str],
        *,
        min_percent: Decimal,
        operator: Literal["gte", "gt"],
        aggregate: bool,
    ) -> Answer:
        """The parties themselves and the organizations they hold at the threshold, tier by tier."""

        def reached(percent: Decimal) -> bool:
            return percent >= min_percent if operator == "gte" else percent > min_percent

        def held(reference: str, within: Collection[str], unknown: Decimal) -> bool:
            shares = [
                unknown if stake.percent is None else stake.percent
                for stake in self.stakes.get(reference, ())
                if stake.owner in within
            ]
            if not shares:
                return False
            return reached(sum(shares, Decimal(0))) if aggregate else any(reached(share) for share in shares)

        seeds = tuple(parties)
        certain = self._spread(seeds, lambda reference, within: held(reference, within, Decimal(0)))
        possible = self._spread(seeds, lambda reference, within: held(reference, within, ALL))
        return Answer(frozenset(certain), frozenset(possible | certain))

    def _spread(self, seeds: Iterable[str], joins: Callable[[str, Collection[str]], bool]) -> set[str]:
        """The smallest set that holds the seeds and every organization that joins because of its members."""
        members = set(seeds)
        pending = list(members)
        while pending:
            for held in self.held_by[pending.pop()]:
                if held not in members and joins(held, members):
                    members.add(held)
                    pending.append(held)
        return members


def _is_harmless(stake: Stake) -> bool:
    """A holding that certainly gives no control by itself."""
    if stake.controls is not None:
        return not stake.controls
    return stake.percent is not None and stake.percent < INFLUENCE_FROM
