"""Whether the objects of bundles are unique, and whether all they refer to exists."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol

from alerts.bundle.kinds import KINDS, Kind
from alerts.bundle.problems import Problem, pointer
from people.faults import Path, Values

# Of these references to objects of a section, those that exist elsewhere, such as in the database.
Known = Callable[[str, set[str]], set[str]]


class Sections(Protocol):
    def section(self, name: str) -> Sequence[Values]: ...


class Use(NamedTuple):
    """A reference in an object, and the section it refers to."""

    path: Path
    section: str
    reference: str


def duplicates(kind: Kind, objects: Sequence[Values]) -> Iterator[Problem]:
    """Objects of a section that have the reference of an earlier one; both places are named."""
    seen: dict[str, int] = {}
    for index, values in enumerate(objects):
        reference = values.get(kind.key)
        if reference is None:
            continue
        first = seen.setdefault(reference, index)
        if first != index:
            place = pointer((kind.section, first, kind.key))
            detail = f"{reference} stands at {place} already; one file names an object once"
            yield Problem((kind.section, index, kind.key), "duplicate_reference", detail)


def unresolved(bundles: Sequence[Sections], known: Known = lambda section, references: set()) -> list[list[Problem]]:
    """Per bundle, references to objects that neither the bundles hold nor anybody else knows."""
    held = {
        name: {values[kind.key] for bundle in bundles for values in bundle.section(name) if kind.key in values}
        for name, kind in KINDS.items()
    }
    open_uses: list[list[Use]] = []
    asked: dict[str, set[str]] = defaultdict(set)
    for bundle in bundles:
        uses = [use for use in _uses(bundle) if use.reference not in held[use.section]]
        open_uses.append(uses)
        for use in uses:
            asked[use.section].add(use.reference)
    elsewhere = {section: known(section, references) for section, references in asked.items()}
    return [[_unknown(use) for use in uses if use.reference not in elsewhere[use.section]] for uses in open_uses]


def unsupported(kind: Kind, objects: Sequence[Values], known: Known, *, most: int) -> dict[int, list[Problem]]:
    """What is wrong with the objects of one section that cannot stand, by their places in the list: they refer to what
    neither the others are nor anybody else knows, or to others that cannot stand.

    Paths are within the object; so many problems of each are told at most. `known` is asked once a section, and once
    more for those among the objects that others refer to, however long the chains between them are.
    """
    held = {values[kind.key] for values in objects if kind.key in values}
    asked: dict[str, set[str]] = defaultdict(set)
    users: dict[str, list[int]] = defaultdict(list)
    for place, values in enumerate(objects):
        for use in _uses_of(kind, (), values):
            if use.section == kind.section and use.reference in held:
                users[use.reference].append(place)
            else:
                asked[use.section].add(use.reference)
    missing = {section: references - known(section, references) for section, references in asked.items()}

    def told(place: int) -> list[Problem]:
        uses = (use for use in _uses_of(kind, (), objects[place]) if use.reference in missing.get(use.section, ()))
        return [_unknown(use) for use in islice(uses, most)]

    places = range(len(objects)) if any(missing.values()) else ()
    problems = {place: found for place in places if (found := told(place))}
    fallen = set(problems)
    stored = known(kind.section, set(users)) if fallen and users else set()
    while fallen:
        names = (objects[place].get(kind.key) for place in fallen)
        missing = {kind.section: {name for name in names if name in users and name not in stored}}
        # What refers to those that fell before has fallen with them.
        fallen = {place for name in missing[kind.section] for place in users[name] if place not in problems}
        problems |= {place: told(place) for place in fallen}
    return problems


def _uses(bundle: Sections) -> Iterator[Use]:
    for name, kind in KINDS.items():
        for index, values in enumerate(bundle.section(name)):
            yield from _uses_of(kind, (name, index), values)


def _uses_of(kind: Kind, path: Path, values: Values) -> Iterator[Use]:
    yield from _linked(kind.links, path, values)
    for part in kind.parts:
        if part.links:
            for index, row in enumerate(values.get(part.name) or ()):
                yield from _linked(part.links, (*path, part.name, index), row or {})
    for name, section in kind.joined.items():
        yield from _listed(section, (*path, name), values.get(name))
    if kind.section == "policy_changes":
        for index, measure in enumerate(values.get("measures") or ()):
            parties = ((measure or {}).get("scope") or {}).get("parties") or {}
            criterion = (*path, "measures", index, "scope", "parties")
            yield from _listed("party_lists", (*criterion, "lists"), parties.get("lists"))
            yield from _listed("organizations", (*criterion, "named"), parties.get("named"))


def _linked(links: Mapping[str, str], path: Path, row: Mapping[str, Any]) -> Iterator[Use]:
    for column, section in links.items():
        if row.get(column) is not None:
            yield Use((*path, column), section, row[column])


def _listed(section: str, path: Path, references: Sequence[str | None] | None) -> Iterator[Use]:
    for index, reference in enumerate(references or ()):
        if reference is not None:
            yield Use((*path, index), section, reference)


def _unknown(use: Use) -> Problem:
    section = use.section.replace("_", " ")
    return Problem(use.path, "unknown_reference", f"there is no {use.reference} among the {section}")
