"""Who stands behind each fact, and what a new statement about an object may change.

A provenance is `{field: {source: instant}}`: every source that stated the present value, and since when. Another value
takes the place of the old one and of all who stated it. A source that says null takes back what it said itself: the
value goes when nobody else stands behind it, and stays when another source or a person does.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

Provenance = dict[str, dict[str, str]]

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
    lists: frozenset[str] = frozenset(),
) -> Merged:
    """What a source's statement at an instant changes: `stored` None is a new object. A missing key leaves its value.

    For `lists`, null says the same as an empty list, and a list is stored empty rather than null.
    """
    changes: dict[str, Any] = {}
    after = {field: dict(sources) for field, sources in provenance.items()}
    values = {} if stored is None else stored
    for field, value in incoming.items():
        none: Any = [] if field in lists else None
        now = values.get(field)
        behind = after.get(field, {})
        if value is None:
            others = {name: since for name, since in behind.items() if name != source}
            if now in (None, none):
                after.pop(field, None)
            elif behind and not others:
                changes[field] = none
                del after[field]
            elif source in behind:
                after[field] = others
        elif stored is not None and now == value:
            if behind and source not in behind:  # of a value nobody claims it is not known who else stands behind it
                after[field] = {**behind, source: at.isoformat()}
        else:
            changes[field] = value
            after[field] = {source: at.isoformat()}
    _supersede(changes, after, values, incoming)
    return Merged(changes, provenance if after == provenance else after)


def record(provenance: Provenance, fields: Iterable[str], *, source: str, at: datetime) -> Provenance:
    """The provenance after a person set the fields by hand."""
    return {**provenance, **{field: {source: at.isoformat()} for field in fields}}


def _supersede(
    changes: dict[str, Any], after: Provenance, stored: Mapping[str, Any], incoming: Mapping[str, Any]
) -> None:
    for pair in ALTERNATIVES:
        for new, old in (pair, pair[::-1]):
            if changes.get(new) is not None and incoming.get(old) is None and stored.get(old) is not None:
                changes[old] = None
                after.pop(old, None)
