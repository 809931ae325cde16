"""Who stands behind each fact, and what a new statement about an object may change.

Every source that stated a fact's present value is kept, with the instant at which it first did. Another value takes
the place of the old one and of all who stated it. A source that says null takes back what it said itself: the value
goes when nobody else stands behind it, and stays when another source or a person does.

Stored as `{source: {instant: [fields]}}`, for one source states many facts at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

Provenance = dict[str, dict[str, list[str]]]
Sources = dict[str, str]
"""Since when each source states a fact."""

# Facts of which one replaces the other: a new instant of conclusion supersedes the date that was known before.
ALTERNATIVES: tuple[tuple[str, str], ...] = (("concluded_at", "concluded_on"),)


class Merged(NamedTuple):
    """The values that change, and the provenance after the change: the same object where it does not change."""

    values: dict[str, Any]
    provenance: Provenance


def merge(
    stored: Mapping[str, Any] | None,
    provenance: Provenance,
    incoming: Mapping[str, Any],
    *,
    source: str,
    at: datetime,
    lists: Collection[str] = (),
) -> Merged:
    """What a source's statement at an instant changes: `stored` None is a new object. A missing key leaves its value.

    For `lists`, null says the same as an empty list, and a list is stored empty rather than null.
    """
    since = at.isoformat()
    if stored is None:
        stated = {field: value for field, value in incoming.items() if value is not None}
        return Merged(stated, {source: {since: sorted(stated)}} if stated else {})
    changes: dict[str, Any] = {}
    behind = by_field(provenance)
    for field, value in incoming.items():
        none: Any = [] if field in lists else None
        now = stored.get(field)
        sources = behind.get(field, {})
        if value is None:
            others = {name: when for name, when in sources.items() if name != source}
            if now is not None and now != none and sources and not others:
                changes[field] = none
            behind[field] = others
        elif now != value:
            changes[field] = value
            behind[field] = {source: since}
        elif sources and source not in sources:  # of a value nobody claims it is not known who else stands behind it
            behind[field] = {**sources, source: since}
    _supersede(changes, behind, stored, incoming)
    after = _by_source(behind)
    return Merged(changes, provenance if after == provenance else after)


def record(provenance: Provenance, fields: Iterable[str], *, source: str, at: datetime) -> Provenance:
    """The provenance after a person set the fields by hand."""
    return _by_source({**by_field(provenance), **{field: {source: at.isoformat()} for field in fields}})


def by_field(provenance: Provenance) -> dict[str, Sources]:
    """Per fact, who stands behind it and since when."""
    behind: dict[str, Sources] = defaultdict(dict)
    for source, instants in provenance.items():
        for instant, fields in instants.items():
            for field in fields:
                behind[field][source] = instant
    return dict(behind)


def _by_source(behind: Mapping[str, Sources]) -> Provenance:
    provenance: Provenance = {}
    for field in sorted(behind):
        for source, instant in behind[field].items():
            provenance.setdefault(source, {}).setdefault(instant, []).append(field)
    return provenance


def _supersede(
    changes: dict[str, Any], behind: dict[str, Sources], stored: Mapping[str, Any], incoming: Mapping[str, Any]
) -> None:
    for pair in ALTERNATIVES:
        for new, old in (pair, pair[::-1]):
            if changes.get(new) is not None and incoming.get(old) is None and stored.get(old) is not None:
                changes[old] = None
                behind[old] = {}
