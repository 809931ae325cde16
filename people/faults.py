"""What is wrong with what somebody sent: where, as a code, and in plain words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
Values = dict[str, Any]


class Fault(NamedTuple):
    """A fault of the value at `path`, which is relative to the object it was found in."""

    path: Path
    code: str
    detail: str


Rule = Callable[[Mapping[str, Any]], Iterable[Fault]]


def in_order(first: str, last: str, *, path: str | None = None, code: str = "ends_before_it_begins") -> Rule:
    """A rule: the day `last` is not before the day `first` where both are given."""

    def rule(values: Mapping[str, Any]) -> Iterator[Fault]:
        begin, end = values.get(first), values.get(last)
        if isinstance(begin, date) and isinstance(end, date) and end < begin:
            yield Fault((path or last,), code, f"{end} is before {begin} ({SENT_AS.get(first, first)})")

    return rule


# The stored names of what a bundle calls by words that Python keeps for itself.
SENT_AS = {"from_on": "from", "until_on": "until"}


def once(rows: str, *keys: str) -> Rule:
    """A rule: no two rows of a list have the same keys."""

    def rule(values: Mapping[str, Any]) -> Iterator[Fault]:
        seen: dict[tuple[Any, ...], int] = {}
        for index, row in enumerate(values.get(rows) or ()):
            if row is None or any(row.get(key) is None for key in keys):
                continue
            key = tuple(row[name] for name in keys)
            if key in seen:
                shown = " ".join(map(str, key))
                yield Fault((rows, index, keys[0]), "duplicate", f"{shown} stands in {rows}/{seen[key]} already")
            else:
                seen[key] = index

    return rule


def examined(rules: Sequence[Rule], values: Mapping[str, Any]) -> Iterator[Fault]:
    """The faults by which a whole object breaks the rules. Values that are missing or bad break none."""
    for rule in rules:
        yield from rule(values)
