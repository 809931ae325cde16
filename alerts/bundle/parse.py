"""From the text of a bundle to its values, or to everything that is wrong with it."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from alerts.bundle.kinds import KINDS
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import duplicates, unresolved
from alerts.screening import Policies
from contracts.facts import ContractFacts
from contracts.reading import contract_facts
from people.faults import Path, Values
from people.fields import found
from policies.reading import licence_facts, measure_facts, party_list_facts
from suppliers.reading import organization_facts

Section = Sequence[Values]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The objects of a bundle by section: checked values under the names by which they are stored, references to
    other objects as they were sent."""

    departments: Section = ()
    users: Section = ()
    organizations: Section = ()
    party_lists: Section = ()
    policy_changes: Section = ()
    licences: Section = ()
    contracts: Section = ()

    def section(self, name: str) -> Section:
        objects: Section = getattr(self, name)
        return objects

    def __len__(self) -> int:
        return sum(len(self.section(name)) for name in KINDS)

    def facts(self) -> tuple[Policies, list[ContractFacts]]:
        """What screening knows of the bundle, without any database; each in order of reference."""
        organizations = map(organization_facts, _sorted(self.organizations))
        party_lists = map(party_list_facts, _sorted(self.party_lists))
        policies = Policies(
            measures=[
                measure_facts(change, measure)
                for change in _sorted(self.policy_changes)
                for measure in sorted(change.get("measures") or (), key=lambda measure: str(measure["key"]))
            ],
            organizations={organization.reference: organization for organization in organizations},
            lists={party_list.reference: party_list for party_list in party_lists},
            licences=[licence_facts(licence) for licence in _sorted(self.licences)],
        )
        return policies, [contract_facts(contract) for contract in _sorted(self.contracts)]


class Examined(NamedTuple):
    """A bundle as far as it is good, and what is wrong with it; references are not resolved yet."""

    bundle: Bundle
    problems: list[Problem]


def parse(text: str | bytes) -> Bundle:
    """A bundle that stands alone: all it refers to is in it. Raises BundleErrors with every problem."""
    bundle, problems = examine(text)
    problems += unresolved([bundle])[0]
    if problems:
        raise BundleErrors(problems)
    return bundle


def examine(text: str | bytes, progress: Callable[[], object] = lambda: None) -> Examined:
    """Read a bundle and check everything but whether what it refers to exists; `progress` is called per object."""
    try:
        document, problems = _document(text)
    except _JsonError as error:
        return Examined(Bundle(), [Problem((), error.code, str(error))])
    if not isinstance(document, dict):
        return Examined(Bundle(), [Problem((), "not_an_object", f"{found(document)} where a bundle belongs")])
    known = ", ".join(KINDS)
    problems += [
        Problem((key,), "unknown_key", f"unknown key {key[:100]!r}; a bundle has {known}")
        for key in document
        if key not in KINDS
    ]
    sections: dict[str, list[Values]] = {}
    for name, kind in KINDS.items():
        objects = document.get(name, [])
        if not isinstance(objects, list):
            problems.append(Problem((name,), "not_a_list", f"{found(objects)} where a list belongs"))
            continue
        sections[name] = values = []
        for index, sent in enumerate(objects):
            good, errors = kind.serializer.examine(sent)
            values.append(good)
            if errors:
                problems += flattened(errors, (name, index))
            progress()
        problems += duplicates(kind, values)
    return Examined(Bundle(**sections), problems)


class _JsonError(Exception):
    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


class _Doubled(dict[str, Any]):
    """An object in which keys occur more than once."""

    keys_twice: Sequence[str] = ()


def _document(text: str | bytes) -> tuple[Any, list[Problem]]:
    """The JSON document, and the keys that occur twice in one of its objects."""
    doubled: list[_Doubled] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        read = dict(pairs)
        if len(read) == len(pairs):
            return read
        names = [name for name, _ in pairs]
        twice = _Doubled(pairs)
        twice.keys_twice = sorted(name for name, times in Counter(names).items() if times > 1)
        doubled.append(twice)
        return twice

    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        document = json.loads(
            decoded.removeprefix("\ufeff"),
            object_pairs_hook=as_object,
            parse_int=lambda digits: int(digits) if len(digits) < 40 else float("inf"),
            parse_constant=_refuse_constant,
        )
        return document, list(_keys_twice(document, ())) if doubled else []
    except UnicodeDecodeError as error:
        raise _JsonError("not_utf8", f"not UTF-8: the byte at {error.start} begins no character") from error
    except json.JSONDecodeError as error:
        detail = f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise _JsonError("not_json", detail) from error
    except RecursionError as error:
        raise _JsonError("not_json", "not a bundle: nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise _JsonError("not_json", f"not JSON: {name} is no number of JSON's")


def _keys_twice(node: Any, path: Path) -> Iterator[Problem]:
    if isinstance(node, _Doubled):
        for key in node.keys_twice:
            yield Problem((*path, key), "key_twice", f"the key {key[:100]!r} stands here more than once")
    if isinstance(node, dict):
        for key, nested in node.items():
            yield from _keys_twice(nested, (*path, key))
    elif isinstance(node, list):
        for index, nested in enumerate(node):
            yield from _keys_twice(nested, (*path, index))


def _sorted(objects: Section) -> list[Values]:
    return sorted(objects, key=lambda values: str(values["reference"]))
