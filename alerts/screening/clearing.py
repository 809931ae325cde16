"""What would clear a flag: the single facts not established whose value, once known, would close it.

Each answer is verified by screening again with that fact. A fact with few possible values lists all that clear; of
one with many, the smallest example is given.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice

from alerts.screening.gaps import CANDIDATES, Gap, Organizations, gaps, parties
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.reasons import Json
from alerts.screening.verdicts import Verdict
from contracts.facts import ContractFacts
from contracts.stage import Calendar

MOST = 2_000
"""Policy sets kept, each for a value that a fact of an organization may turn out to have."""
TOGETHER = 50
"""Flags whose suppositions are screened together."""

Flag = tuple[Verdict, ContractFacts]
Values = dict[tuple[int, str], list[Json]]
"""By flag, numbered, and field: the values that clear it."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """A fact by its path in the contract or in an organization, and values that would close the flag."""

    field: str
    values: list[Json]


class Clearances:
    """Answers for many flags of a policy set; those of a check's findings are asked of the set for its purpose."""

    def __init__(self, policies: Policies, policy_set: PolicySet) -> None:
        self.policies = policies
        self.policy_set = policy_set
        self.measures = {measure.name: measure for measure in policies.measures}
        self._candidates = sorted(policies.organizations)[: CANDIDATES + 1]
        self._supposed: dict[Hashable, PolicySet] = {}

    def by(self, policy_set: PolicySet) -> "Clearances":
        """The same for another instant of the same days; what is compiled for one serves the other."""
        other = copy(self)
        other.policy_set = policy_set
        return other

    def of(self, verdict: Verdict, contract: ContractFacts) -> list[Clearing]:
        """The single unknown facts that would close the flag; empty where no single fact can."""
        return next(self.of_all([(verdict, contract)]))

    def of_all(self, flags: Iterable[Flag]) -> Iterator[list[Clearing]]:
        """The same of each flag, in the order given."""
        pending = iter(flags)
        while some := list(islice(pending, TOGETHER)):
            found = [list(self._gaps(verdict, contract)) for verdict, contract in some]
            values = self._of_contracts(some, found) | self._of_organizations(some, found)
            yield from (_clearings(its, number, values) for number, its in enumerate(found))

    def _gaps(self, verdict: Verdict, contract: ContractFacts) -> Iterator[Gap]:
        measure = self.measures[verdict.measure]
        return gaps(verdict, contract, measure, self.policies, self.policy_set.now, self._candidates)

    def _of_contracts(self, flags: Sequence[Flag], found: Sequence[Sequence[Gap]]) -> Values:
        """Facts of contracts, whose options are all screened at once."""
        options = [
            (number, gap.field, option)
            for number, its in enumerate(found)
            for gap in its
            for option in gap.options
            if option.organizations is None
        ]
        still = self.policy_set.met([option.contract for _, _, option in options], _measures(flags))
        values: Values = defaultdict(list)
        for position, (number, field, option) in enumerate(options):
            verdict, _ = flags[number]
            if (position, verdict.measure, verdict.kind) not in still:
                values[number, field].append(option.value)
        return values

    def _of_organizations(self, flags: Sequence[Flag], found: Sequence[Sequence[Gap]]) -> Values:
        """Facts of organizations, each value by a policy set of its own, for all flags that hang on it."""
        alike: defaultdict[tuple[str, ...], list[tuple[int, Gap]]] = defaultdict(list)
        for number, its in enumerate(found):
            for gap in its:
                if gap.options and gap.options[0].organizations is not None:
                    alike[gap.field, *parties(flags[number][1])].append((number, gap))
        values: Values = defaultdict(list)
        for key, group in alike.items():
            measures = _measures(flags[number] for number, _ in group)
            for position, option in enumerate(group[0][1].options):
                # Of a fact with many values one that clears is enough.
                asked = [(number, gap) for number, gap in group if gap.few or not values[number, gap.field]]
                if not asked or option.organizations is None:
                    break
                supposed = self._suppose((*key, position), measures, option.organizations)
                still = supposed.met([flags[number][1] for number, _ in asked], measures)
                for at, (number, gap) in enumerate(asked):
                    verdict, _ = flags[number]
                    if (at, verdict.measure, verdict.kind) not in still:
                        values[number, gap.field].append(option.value)
        return values

    def _suppose(self, key: Hashable, measures: Collection[str], organizations: Organizations) -> PolicySet:
        """Some measures, compiled for organizations as they may turn out to be."""
        key = (key, frozenset(measures))
        compiled = self._supposed.get(key)
        if compiled is None:
            compiled = compile_policies(
                replace(narrowed(self.policies, measures), organizations=organizations), self.policy_set.now
            )
            if len(self._supposed) > MOST:
                self._supposed.clear()
            self._supposed[key] = compiled
        return compiled.like(self.policy_set)


def narrowed(policies: Policies, measures: Collection[str]) -> Policies:
    """Some of the measures, by name, with the licences that were granted under them."""
    some = [measure for measure in policies.measures if measure.name in measures]
    named = {name for measure in some for name in (measure.name, measure.change)}
    granted = [licence for licence in policies.licences if not named.isdisjoint(licence.measures)]
    return replace(policies, measures=some, licences=granted)


def would_clear_if(verdict: Verdict, contract: ContractFacts, policies: Policies, now: Calendar) -> list[Clearing]:
    """The same for a single flag."""
    alone = compile_policies(narrowed(policies, [verdict.measure]), now)
    return Clearances(policies, alone).of(verdict, contract)


def _measures(flags: Iterable[Flag]) -> set[str]:
    return {verdict.measure for verdict, _ in flags}


def _clearings(found: Sequence[Gap], number: int, values: Values) -> list[Clearing]:
    """Of the gaps of one flag those that clear it, in their order."""
    cleared = ((gap, values.get((number, gap.field))) for gap in found)
    return [Clearing(gap.field, known if gap.few else known[:1]) for gap, known in cleared if known]
