"""Merging the objects of a bundle with what is stored of them, by the rule of people/provenance.py."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from alerts.bundle.changes import RowChanges, SectionChanges
from alerts.bundle.kinds import Kind, Part
from alerts.bundle.problems import Problem
from alerts.bundle.rows import Identities, stored_objects, stored_pairs, stored_rows
from people.faults import Path, Values, examined
from people.provenance import merge


class Speaker(NamedTuple):
    """Who says what a bundle says, and when."""

    source: str
    at: datetime


class Existing(NamedTuple):
    """What is stored of the objects of a section: by key, and the rows and pairs of each part by id of the object."""

    objects: dict[str, Values]
    rows: dict[str, dict[int, list[Values]]]
    pairs: dict[str, dict[int, list[str]]]


def merge_section(
    kind: Kind, objects: Sequence[Values], identities: Identities, *, source: str, at: datetime
) -> SectionChanges:
    """What the objects of a section change. Problems are contradictions with what is stored; ids are promised to what
    is new, and looked up for all that is referred to."""
    existing = _existing(kind, objects)
    identities.look_up(kind.section, existing.objects)
    identities.promise(kind, [values[kind.key] for values in objects if values[kind.key] not in existing.objects])
    _look_up_links(kind, objects, existing, identities)
    changes = SectionChanges(
        parts={part.name: RowChanges() for part in kind.parts}, joined={name: {} for name in kind.joined}
    )
    for index, values in enumerate(objects):
        path = (kind.section, index)
        _merge_object(
            kind, values, identities(kind.section, values[kind.key]), existing, changes, Speaker(source, at), path
        )
    return changes


def _existing(kind: Kind, objects: Sequence[Values]) -> Existing:
    found = stored_objects(kind, [values[kind.key] for values in objects])
    ids = [row["id"] for row in found.values()]
    return Existing(
        found,
        {part.name: stored_rows(part, ids) if ids else {} for part in kind.parts},
        {name: stored_pairs(kind, name, ids) if ids else {} for name in kind.joined},
    )


def _look_up_links(kind: Kind, objects: Sequence[Values], existing: Existing, identities: Identities) -> None:
    """Rows are written whole, so the references of stored ones are needed as well as those sent."""
    rows = [*objects, *existing.objects.values()]
    for column, section in kind.links.items():
        identities.look_up(section, (row[column] for row in rows if row.get(column)))
    for part in kind.parts:
        sent = (row for values in objects for row in values.get(part.name) or ())
        kept = (row for stored in existing.rows[part.name].values() for row in stored)
        parts = [*sent, *kept]
        for column, section in part.links.items():
            identities.look_up(section, (row[column] for row in parts if row.get(column)))
    for name, section in kind.joined.items():
        identities.look_up(section, (reference for values in objects for reference in values.get(name) or ()))


def _merge_object(
    kind: Kind, values: Values, id: int, existing: Existing, changes: SectionChanges, speaker: Speaker, path: Path
) -> None:
    """Add to the changes what an object changes; lists take part in its merge as what they are made of, for who stated
    a list stated which rows it has, and not each fact in them."""
    stored = existing.objects.get(values[kind.key])
    rows = {part.name: existing.rows[part.name].get(id, []) for part in kind.parts}
    outlines = {part.name: _outline(part, values[part.name]) for part in kind.parts if part.name in values}
    outlines |= {name: values[name] and sorted(set(values[name])) for name in kind.joined if name in values}
    merged = merge(
        stored
        and {**stored, **_outlines(kind, rows), **{name: existing.pairs[name].get(id, []) for name in kind.joined}},
        stored["provenance"] if stored else {},
        {**values, **outlines},
        source=speaker.source,
        at=speaker.at,
        lists=kind.lists | rows.keys() | kind.joined.keys(),
    )
    whole = {**(stored or {}), **{name: value for name, value in merged.values.items() if name in kind.columns}}
    differs = not stored or bool(merged.values.keys() & kind.columns)
    if not stored or differs or merged.provenance is not stored["provenance"]:
        changes.objects.append({**whole, "provenance": merged.provenance})
    for part in kind.parts:
        before = len(changes.parts[part.name])
        if part.key and values.get(part.name) is not None:
            whole[part.name] = _merge_rows(
                part, values[part.name], rows[part.name], id, changes.parts[part.name], speaker
            )
        elif part.name in merged.values:
            whole[part.name] = values[part.name] or []
            _replace_rows(part, whole[part.name], rows[part.name], id, changes.parts[part.name])
        differs = differs or len(changes.parts[part.name]) != before
    for name in merged.values.keys() & kind.joined.keys():
        changes.joined[name][id] = merged.values[name]
        differs = True
    changes.outcomes.append("created" if stored is None else "updated" if differs else "unchanged")
    if stored is not None:
        changes.problems += _contradictions(kind, whole, path)


def _outlines(kind: Kind, rows: Mapping[str, Sequence[Values]]) -> dict[str, list[Any] | None]:
    return {
        part.name: _outline(part, [row for row in rows[part.name] if not row.get("retired_at")]) for part in kind.parts
    }


def _outline(part: Part, rows: Sequence[Mapping[str, Any]] | None) -> list[Any] | None:
    """What a list is made of: the keys of its rows, in no order, or the rows themselves."""
    if rows is None:
        return None
    if part.key:
        return sorted((part.key_of(row) for row in rows), key=str)
    return [{column: row.get(column) for column in part.columns} for row in rows]


def _merge_rows(
    part: Part, sent: Sequence[Values], stored: Sequence[Values], parent: int, changes: RowChanges, speaker: Speaker
) -> list[Values]:
    """Merge a list of rows by key; returns the rows as they will be, in the order sent."""
    before = {part.key_of(row): row for row in stored}
    after: list[Values] = []
    for values in sent:
        row = before.pop(part.key_of(values), None)
        provenance = {} if row is None else row["provenance"]
        merged = merge(row, provenance, values, source=speaker.source, at=speaker.at)
        whole = {**(row or {}), **merged.values, "provenance": merged.provenance, "parent": parent}
        after.append(whole)
        if row is None:
            changes.new.append(whole)
        elif merged.values or row.get("retired_at"):
            changes.changed.append({**whole, "retired_at": None} if part.retires else whole)
        elif merged.provenance is not provenance:
            changes.restated.append(whole)
    changes.gone += [row["id"] for row in before.values() if not row.get("retired_at")]
    return after


def _replace_rows(
    part: Part, sent: Sequence[Values], stored: Sequence[Values], parent: int, changes: RowChanges
) -> None:
    """Put one list of rows in the place of another, keeping what both begin with, so that the order stays the
    order of ids."""
    if part.key:  # only ever to an empty list: all others are merged
        changes.gone += [row["id"] for row in stored if not row.get("retired_at")]
        return
    kept = 0
    for new, old in zip(_outline(part, sent) or [], _outline(part, stored) or [], strict=False):
        if new != old:
            break
        kept += 1
    changes.gone += [row["id"] for row in stored[kept:]]
    changes.new += [{**row, "parent": parent} for row in sent[kept:]]


def _contradictions(kind: Kind, values: Values, path: Path) -> Iterator[Problem]:
    """Where an object, merged with what was stored of it, breaks a rule that what was sent alone does not."""
    faults = list(examined(kind.serializer.rules, values))
    for part in kind.parts:
        for index, row in enumerate(values.get(part.name) or ()):
            found = examined(part.serializer.rules, row)
            faults += (fault._replace(path=(part.name, index, *fault.path)) for fault in found)
    for fault in faults:
        yield Problem((*path, *fault.path), fault.code, f"together with what is stored: {fault.detail}")
