"""Which missing facts keep flags in review: per field, organization and owner, ranked by the exposure they hold."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from alerts.bundle.output import exact
from alerts.models import Flag
from alerts.models.flags import FlagQuerySet
from alerts.portfolio import calendar, stored_policies
from alerts.screening import Clearances, Clearing, Money, Verdict, compile_policies
from alerts.screening.commodities import FACETS, is_stated
from alerts.screening.gaps import gaps, with_owners
from alerts.screening.verdicts import BIT
from contracts.facts import ContractFacts
from contracts.models import Contract
from policies.facts import MeasureFacts

BATCH = 500
READ_BY = {
    "hs": ("hs_code",),
    "tariff": ("hs_code", "tariff_codes"),
    "control_codes": ("control_codes",),
    "elements": ("elements",),
    "min_purity": ("purity",),
    "min_value_share": ("content",),
}
GOODS = {name for names in READ_BY.values() for name in names}
OF_ANYBODY = BIT["buyer_countries"] | BIT["parties"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact whose absence keeps a flag in review.

    `field` is its path without numbers and references; `organization` whose fact it is, of a contract's the supplier;
    `alone` where this fact by itself may clear the flag.
    """

    flag: Flag
    field: str
    organization: str
    alone: bool


@dataclass(slots=True)
class Held:
    """What one missing fact, organization or owner holds: a contract counts once, with its largest flag."""

    flags: set[int] = field(default_factory=set)
    clears: set[int] = field(default_factory=set)
    contracts: set[int] = field(default_factory=set)
    amounts: dict[str, dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, missing: Missing) -> None:
        flag = missing.flag
        self.flags.add(flag.pk)
        self.contracts.add(flag.contract_id)
        if missing.alone:
            self.clears.add(flag.pk)
        if (money := flag.exposure) is not None:
            largest = self.amounts[money.currency]
            largest[flag.contract_id] = max(largest.get(flag.contract_id, money.amount), money.amount)

    def total(self, currency: str) -> Decimal:
        return sum(self.amounts.get(currency, {}).values(), Decimal(0))


def missing_facts(flags: FlagQuerySet, *, at: datetime) -> Iterator[Missing]:
    """Of the flags in review that nobody has put aside, every missing fact on which they hang."""
    policies = stored_policies()
    clearances = Clearances(policies, compile_policies(policies, calendar(at)))
    review = flags.to_do().filter(certainty="needs_review").select_related("contract__supplier", "measure__change")
    rows = review.order_by("contract_id", "id").iterator(BATCH)
    while some := list(islice(rows, BATCH)):
        read = Contract.objects.filter(id__in={flag.contract_id for flag in some}).facts()
        contracts = {facts.reference: facts for facts in read}
        held: list[tuple[Flag, Verdict, ContractFacts]] = []
        for flag in some:
            name = f"{flag.measure.change.reference}/{flag.measure.key}"
            contract = contracts.get(flag.contract.reference)
            if contract is not None and name in clearances.measures and flag.fits(contract):
                held.append((flag, flag.verdict(contract.reference, name), contract))
        cleared = clearances.of_all((verdict, contract) for _, verdict, contract in held)
        for (flag, verdict, contract), clearings in zip(held, cleared, strict=True):
            yield from _missing(flag, verdict, contract, clearings, clearances)


def report(missing: Iterable[Missing], *, currency: str | None = None) -> dict[str, Any]:
    """The gaps as REST and the command line give them, those that hold most first.

    They are ranked in one currency, that in which most contracts are unless another is named, for amounts of several
    are not added up; then by contracts.
    """
    found = list(missing)
    everything = Held()
    for one in found:
        everything.add(one)
    usual = max(everything.amounts, key=lambda name: (len(everything.amounts[name]), name), default=None)
    ranked_in = currency or usual
    keys: Mapping[str, tuple[str, Callable[[Missing], str | None]]] = {
        "by_field": ("field", lambda one: one.field),
        "by_organization": ("organization", lambda one: one.organization),
        "by_owner": ("owner", lambda one: one.flag.contract.owner),
    }
    return {
        "ranked_in": ranked_in,
        **_shown(everything),
        **{part: _ranked(found, title, key, ranked_in) for part, (title, key) in keys.items()},
    }


def _ranked(
    found: Sequence[Missing], title: str, key: Callable[[Missing], str | None], currency: str | None
) -> list[dict[str, Any]]:
    groups: defaultdict[str | None, Held] = defaultdict(Held)
    for one in found:
        groups[key(one)].add(one)
    order = sorted(
        groups.items(), key=lambda item: (-item[1].total(currency or ""), -len(item[1].contracts), str(item[0]))
    )
    return [{title: name, **_shown(held)} for name, held in order]


def _shown(held: Held) -> dict[str, Any]:
    known = {contract for amounts in held.amounts.values() for contract in amounts}
    return {
        "flags": len(held.flags),
        "clears_alone": len(held.clears),
        "contracts": len(held.contracts),
        "exposure": [exact(Money(held.total(currency), currency)) for currency in sorted(held.amounts)],
        "exposure_not_established": len(held.contracts - known),
    }


def _missing(
    flag: Flag,
    verdict: Verdict,
    contract: ContractFacts,
    clearings: Sequence[Clearing],
    clearances: Clearances,
) -> Iterator[Missing]:
    fields = {clearing.field for clearing in clearings}
    alone = bool(fields)
    if not alone:
        fields = set(_together(verdict, contract, clearances))
    for name, organization in {_named(path, contract) for path in fields}:
        yield Missing(flag, name, organization, alone)


def _together(verdict: Verdict, contract: ContractFacts, clearances: Clearances) -> Iterator[str]:
    """The missing facts that only together would clear the flag: of each line those that a criterion in doubt reads."""
    measure, policies = clearances.measures[verdict.measure], clearances.policies
    unread = GOODS - set(_read_of_goods(measure))
    suppliers = with_owners([contract.supplier], policies.organizations)
    for at, unknowns in enumerate(verdict.unknowns):
        # Of a licence requirement, too, only what is in doubt: a licence might also cover what is certain.
        line = replace(verdict, kind="no_new_contracts", lines=verdict.lines[at : at + 1], unknowns=(unknowns,))
        for gap in gaps(line, contract, measure, policies, clearances.policy_set.now):
            path = gap.field.split("/")
            if path[0] == "lines" and path[2] in unread:
                continue
            if path[0] != "organizations" or unknowns & OF_ANYBODY or path[1] in suppliers:
                yield gap.field


def _read_of_goods(measure: MeasureFacts) -> Iterator[str]:
    """The facts of a line that the facets of the measure's goods read."""
    for entry in (*measure.scope.commodities, *measure.scope.except_commodities):
        for facet in FACETS:
            if is_stated(facet.stated(entry)):
                yield from READ_BY[facet.name]


def _named(path: str, contract: ContractFacts) -> tuple[str, str]:
    """`lines/10/elements` is `lines/elements`, `organizations/REF/kind` is `organizations/kind` of REF."""
    steps = path.split("/")
    if steps[0] == "organizations":
        rest = [steps[2], steps[-1]] if len(steps) > 3 else steps[2:]
        return "/".join(["organizations", *rest]), steps[1]
    return "/".join(step for step in steps if not step.isdigit()), contract.supplier
