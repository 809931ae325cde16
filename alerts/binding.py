"""What a dismissal is bound to: every fact that screening read for a flag, by path, so that it can say what changed.

Amounts and quantities count through the exposure that people were told of, which moves by a fifth or more; the day to
act by does not count, for under a measure that bites it is always today.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from hashlib import sha256

from alerts.models import Flag
from alerts.screening import Policies
from alerts.screening.gaps import parties, with_owners
from contracts.facts import ContractFacts, LineFacts
from policies.facts import LicenceFacts, MeasureFacts

Grounds = Mapping[str, str]
"""A digest of each fact by its path; a fact not established has none."""

NOT_COUNTED = {"quantity", "unit_price", "delivered", "cancelled", "number"}
DIGITS = 16


def grounds(flag: Flag, contract: ContractFacts, measure: MeasureFacts, policies: Policies) -> dict[str, str]:
    """What the flag says and all that it was decided on; the same for the same facts, whenever it is asked for."""
    return digested(_facts(flag, contract, measure, policies))


def digested(facts: Iterable[tuple[str, object]]) -> dict[str, str]:
    """A digest of each fact that is established."""
    return {
        path: sha256(json.dumps(value, default=str, sort_keys=True).encode()).hexdigest()[:DIGITS]
        for path, value in facts
        if value is not None and value not in ((), [])
    }


def differences(before: Grounds, now: Grounds) -> list[str]:
    """The paths of what was added, changed or taken away."""
    return sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))


def token(found: Grounds) -> str:
    """One digest over the grounds: whoever decides can name what they saw."""
    return sha256(json.dumps(dict(found), sort_keys=True).encode()).hexdigest()[:DIGITS]


def _facts(
    flag: Flag, contract: ContractFacts, measure: MeasureFacts, policies: Policies
) -> Iterator[tuple[str, object]]:
    for name in ("certainty", "basis", "lines", "unknowns"):
        yield f"flag/{name}", getattr(flag, name)
    told = flag.exposure_told
    yield "flag/exposure", None if told is None else f"{told.normalize():f} {flag.exposure_currency}"
    for name, value in asdict(contract).items():
        if name != "lines":
            yield f"contract/{name}", value
    for line in contract.lines:
        if line.number in flag.lines:
            yield from _line(line)
    yield from surroundings(contract, measure, policies)


def surroundings(contract: ContractFacts, measure: MeasureFacts, policies: Policies) -> Iterator[tuple[str, object]]:
    """What a measure is decided on besides the contract: its parties and their owners, the measure, lists, licences."""
    organizations = with_owners(parties(contract), policies.organizations)
    for reference, organization in organizations.items():
        for name, value in asdict(organization).items():
            yield f"organizations/{reference}/{name}", value
    for name, value in asdict(measure).items():
        yield f"measure/{name}", value
    for reference in measure.scope.parties.lists if measure.scope.parties else ():
        entries = policies.lists[reference].entries
        yield f"party_lists/{reference}", [asdict(entry) for entry in entries if entry.organization in organizations]
    for licence in policies.licences:
        if _concerns(licence, contract, measure):
            yield f"licences/{licence.reference}", asdict(licence)


def _line(line: LineFacts) -> Iterator[tuple[str, object]]:
    for name, value in asdict(line).items():
        if name not in NOT_COUNTED:
            yield f"contract/lines/{line.number}/{name}", value


def _concerns(licence: LicenceFacts, contract: ContractFacts, measure: MeasureFacts) -> bool:
    granted = measure.name in licence.measures or measure.change in licence.measures
    return granted and measure.effect == "licence_required" and licence.exporter == contract.supplier
