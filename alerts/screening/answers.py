"""Who is controlled by a state and whom a party criterion means, asked once for a policy set and its successors."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from alerts.screening.kleene import Truth
from contracts.stage import Calendar
from policies.facts import Parties, PartyListFacts, Role
from suppliers.control import Answer, Ownership
from suppliers.facts import OrganizationFacts

HALF = Decimal(50)
"""Where a measure has no affiliates rule, a holding from here on makes an organization's place on a list unknown."""


class Answers:
    """Ownership questions, answered once per question and day."""

    def __init__(
        self, organizations: Mapping[str, OrganizationFacts], lists: Mapping[str, PartyListFacts], now: Calendar
    ) -> None:
        self.organizations = organizations
        self.lists = lists
        self.now = now
        self.ownership: dict[date, Ownership] = {}
        self.control: dict[tuple[str, date], Answer] = {}
        self.parties: dict[tuple[Parties, date], Answer] = {}

    def _on(self, day: date) -> Ownership:
        if day not in self.ownership:
            self.ownership[day] = Ownership(self.organizations, day)
        return self.ownership[day]

    def about(self, answer: Answer) -> Callable[[Any], Truth]:
        """An organization of which nothing is known, not even that it exists, is unknown."""
        known = self.organizations
        return lambda organization: answer.of(organization) if organization in known else None

    def state_control(self, state: str, day: date) -> Answer:
        if (state, day) not in self.control:
            self.control[state, day] = self._on(day).controlled_by_state(state)
        return self.control[state, day]

    def meant(self, parties: Parties, day: date) -> Answer:
        """The organizations a party criterion means on the measure's day; list entries count by their list's own."""
        if (parties, day) not in self.parties:
            self.parties[parties, day] = self._meant(parties, day)
        return self.parties[parties, day]

    def _meant(self, parties: Parties, day: date) -> Answer:
        listed = frozenset(parties.named).union(*(self._listed(reference) for reference in parties.lists))
        rule = parties.affiliates
        if rule is None:
            half = self._on(day).affiliates(listed, min_percent=HALF, operator="gte", aggregate=True)
            return Answer(listed, half.possible)
        return self._on(day).affiliates(
            listed, min_percent=rule.min_percent, operator=rule.operator, aggregate=rule.aggregate
        )

    def _listed(self, reference: str) -> frozenset[str]:
        listing = self.lists[reference]
        today = self.now.at.astimezone(ZoneInfo(listing.timezone)).date()
        return frozenset(
            entry.organization
            for entry in listing.entries
            if (entry.from_on is None or entry.from_on <= today) and (entry.until_on is None or today <= entry.until_on)
        )

    def in_role(self, role: Role) -> Any:
        def rule(stated: tuple[Parties, date]) -> Callable[[Any], Truth]:
            parties, day = stated
            if role not in parties.roles:
                return lambda organization: False
            return self.about(self.meant(parties, day))

        return rule
