"""What would clear a flag: the single facts not established whose value, once known, would close it.

Each answer is verified by screening again with that fact. A fact with few possible values lists all that clear; of
one with many, the smallest example is given.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from alerts.screening.gaps import Organizations, gaps, parties
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.reasons import Json
from alerts.screening.standings import Purpose
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.stage import Calendar
from policies.facts import MeasureFacts


@dataclass(frozen=True, slots=True)
class Clearing:
    """A fact by its path in the contract or in an organization, and values that would close the flag."""

    field: str
    values: list[Json]


class Clearances:
    """Answers for many flags on the same policies: what is compiled for one flag serves those that are alike.

    With a purpose they are the flags of a check.
    """

    def __init__(self, policies: Policies, now: Calendar, purpose: Purpose | None = None) -> None:
        self.policies = policies
        self.now = now
        self.purpose = purpose
        self._measures = {measure.name: measure for measure in policies.measures}
        self._compiled: dict[Hashable, PolicySet] = {}

    def of(self, verdict: Verdict, contract: ContractFacts) -> list[Clearing]:
        """The single unknown facts that would close the flag; empty where no single fact can."""
        measure = self._measures[verdict.measure]
        clearings: list[Clearing] = []
        found = list(gaps(verdict, contract, measure, self.policies, self.now))
        known = self._policy_set(measure.name, measure, self.policies.organizations)
        alike = [option.contract for gap in found for option in gap.options if option.organizations is None]
        cleared = iter(known.spares(alike, verdict.kind))
        for gap in found:
            values: list[Json] = []
            for option in gap.options:
                if option.organizations is None:
                    clears = next(cleared)
                else:
                    key = (measure.name, gap.field, str(option.value), *parties(contract))
                    supposed = self._policy_set(key, measure, option.organizations)
                    clears = supposed.spares([option.contract], verdict.kind)[0]
                if clears:
                    values.append(option.value)
            if values:
                clearings.append(Clearing(gap.field, values if gap.few else values[:1]))
        return clearings

    def _policy_set(self, key: Hashable, measure: MeasureFacts, organizations: Organizations) -> PolicySet:
        if key not in self._compiled:
            alone = Policies([measure], organizations, self.policies.lists, self.policies.licences)
            found = compile_policies(alone, self.now)
            self._compiled[key] = found.asked(self.purpose) if self.purpose else found
        return self._compiled[key]


def would_clear_if(verdict: Verdict, contract: ContractFacts, policies: Policies, now: Calendar) -> list[Clearing]:
    """The same for a single flag."""
    return Clearances(policies, now).of(verdict, contract)
