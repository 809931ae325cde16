"""What would clear a flag: the single facts not established whose value, once known, would close it.

Each answer is verified by screening again with that fact. A fact with few possible values lists all that clear; of
one with many, the smallest example is given.
"""

from dataclasses import dataclass
from itertools import islice

from alerts.screening.gaps import Option, gaps
from alerts.screening.policy_set import Policies, compile_policies
from alerts.screening.reasons import Json
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.stage import Calendar
from policies.facts import MeasureFacts


@dataclass(frozen=True, slots=True)
class Clearing:
    """A fact by its path in the contract or in an organization, and values that would close the flag."""

    field: str
    values: list[Json]


def would_clear_if(verdict: Verdict, contract: ContractFacts, policies: Policies, now: Calendar) -> list[Clearing]:
    """The single unknown facts that would close the flag; empty where no single fact can."""
    measure = next(measure for measure in policies.measures if measure.name == verdict.measure)
    found: list[Clearing] = []
    for gap in gaps(verdict, contract, measure, policies, now):
        clears = (option.value for option in gap.options if _is_cleared(verdict, option, measure, policies, now))
        values = list(clears if gap.few else islice(clears, 1))
        if values:
            found.append(Clearing(gap.field, values))
    return found


def _is_cleared(verdict: Verdict, option: Option, measure: MeasureFacts, policies: Policies, now: Calendar) -> bool:
    alone = Policies([measure], option.organizations, policies.lists, policies.licences)
    return all(v.key != verdict.key for v in compile_policies(alone, now).screen([option.contract]))
