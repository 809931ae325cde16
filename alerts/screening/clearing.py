"""What would clear a flag: the single facts not established whose value, once known, would close it.

Each answer is verified by screening again with that fact. A fact with few possible values lists all that clear; of
one with many, the smallest example is given.
"""

from dataclasses import dataclass

from alerts.screening.gaps import Organizations, gaps, parties, with_owners
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.reasons import Json
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.stage import Calendar


@dataclass(frozen=True, slots=True)
class Clearing:
    """A fact by its path in the contract or in an organization, and values that would close the flag."""

    field: str
    values: list[Json]


def would_clear_if(verdict: Verdict, contract: ContractFacts, policies: Policies, now: Calendar) -> list[Clearing]:
    """The single unknown facts that would close the flag; empty where no single fact can."""
    measure = next(measure for measure in policies.measures if measure.name == verdict.measure)

    def compiled(organizations: Organizations) -> PolicySet:
        return compile_policies(Policies([measure], organizations, policies.lists, policies.licences), now)

    found = list(gaps(verdict, contract, measure, policies, now))
    options = [option for gap in found for option in gap.options]
    named = (reference for option in options for reference in parties(option.contract))
    known = compiled(with_owners(named, policies.organizations))
    alike = [option.contract for option in options if option.organizations is None]
    cleared = iter(known.spares(alike, verdict.kind))
    clears = [
        next(cleared)
        if option.organizations is None
        else compiled(option.organizations).spares([option.contract], verdict.kind)[0]
        for option in options
    ]
    answers = iter(clears)
    clearings: list[Clearing] = []
    for gap in found:
        values = [option.value for option in gap.options if next(answers)]
        if values:
            clearings.append(Clearing(gap.field, values if gap.few else values[:1]))
    return clearings
