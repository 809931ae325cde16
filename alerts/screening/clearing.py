"""What would clear a flag: the single facts not established whose value, once known, would close it.

Each answer is verified by screening again with that fact. A fact with few possible values lists all that clear; of
one with many, the smallest example is given.
"""

from collections.abc import Hashable, Sequence
from copy import copy
from dataclasses import dataclass

from alerts.screening.answers import Answers
from alerts.screening.gaps import Organizations, gaps, parties
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.reasons import Json
from alerts.screening.standings import Purpose
from alerts.screening.verdicts import Kind, Verdict
from contracts.facts import ContractFacts
from contracts.stage import Calendar
from policies.facts import MeasureFacts

MOST = 2_000
"""Policy sets kept, each of one measure."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A fact by its path in the contract or in an organization, and values that would close the flag."""

    field: str
    values: list[Json]


class Clearances:
    """Answers for many flags on the same policies: what is compiled for one flag serves those that are alike.

    With a purpose they are the flags of a check. `answers` are those of a set with the same organizations and lists.
    """

    def __init__(
        self, policies: Policies, now: Calendar, purpose: Purpose | None = None, answers: Answers | None = None
    ) -> None:
        self.policies = policies
        self.now = now
        self.purpose = purpose
        self.answers = answers
        self._measures = {measure.name: measure for measure in policies.measures}
        self._compiled: dict[Hashable, PolicySet] = {}

    def at(self, now: Calendar) -> "Clearances":
        """The same for another instant of the same days; what is compiled for one serves the other."""
        other = copy(self)
        other.now = now
        return other

    def of(self, verdict: Verdict, contract: ContractFacts) -> list[Clearing]:
        """The single unknown facts that would close the flag; empty where no single fact can."""
        measure = self._measures[verdict.measure]
        clearings: list[Clearing] = []
        found = list(gaps(verdict, contract, measure, self.policies, self.now))
        alike = [option.contract for gap in found for option in gap.options if option.organizations is None]
        cleared = iter(self._spared(measure, alike, verdict.kind))
        for gap in found:
            values: list[Json] = []
            for option in gap.options:
                if option.organizations is None:
                    clears = next(cleared)
                else:
                    key = (measure.name, gap.field, str(option.value), *parties(contract))
                    supposed = self._policy_set(key, measure, option.organizations, None)
                    clears = supposed.spares([option.contract], verdict.kind)[0]
                if clears:
                    values.append(option.value)
            if values:
                clearings.append(Clearing(gap.field, values if gap.few else values[:1]))
        return clearings

    def _spared(self, measure: MeasureFacts, alike: Sequence[ContractFacts], kind: Kind) -> list[bool]:
        """Of contracts of the organizations that are known, whether each is spared."""
        if not alike:
            return []
        known = self._policy_set(measure.name, measure, self.policies.organizations, self.answers)
        return known.spares(alike, kind)

    def _policy_set(
        self, key: Hashable, measure: MeasureFacts, organizations: Organizations, answers: Answers | None
    ) -> PolicySet:
        compiled = self._compiled.get(key)
        if compiled is None:
            names = {measure.name, measure.change}
            granted = [licence for licence in self.policies.licences if not names.isdisjoint(licence.measures)]
            alone = Policies([measure], organizations, self.policies.lists, granted)
            compiled = compile_policies(alone, self.now, answers)
            if len(self._compiled) > MOST:
                self._compiled.clear()
            self._compiled[key] = compiled
        return (compiled.asked(self.purpose) if self.purpose else compiled).at(self.now)


def would_clear_if(verdict: Verdict, contract: ContractFacts, policies: Policies, now: Calendar) -> list[Clearing]:
    """The same for a single flag."""
    return Clearances(policies, now).of(verdict, contract)
