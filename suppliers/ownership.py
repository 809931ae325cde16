"""Rules of ownership that no single row can break: who holds what of an organization on any one day."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from people.faults import Fault

_DAY = timedelta(days=1)
Row = tuple[int, Mapping[str, Any]]


def owner_once_on_any_day(values: Mapping[str, Any]) -> Iterator[Fault]:
    """One owner appears at most once on any day."""
    by_owner: dict[str, list[Row]] = defaultdict(list)
    for index, row in _rows(values):
        by_owner[row["owner"]].append((index, row))
    for owner, rows in by_owner.items():
        rows.sort(key=lambda row: row[1].get("from_on") or date.min)
        last: Row | None = None
        for index, row in rows:
            if last is not None and (row.get("from_on") or date.min) <= (last[1].get("until_on") or date.max):
                detail = f"{owner} is an owner on the same days in owners/{last[0]}"
                yield Fault(("owners", index, "owner"), "owner_twice", detail)
            if last is None or (row.get("until_on") or date.max) > (last[1].get("until_on") or date.max):
                last = (index, row)


def shares_add_up(values: Mapping[str, Any]) -> Iterator[Fault]:
    """The shares of a day add up to at most 100 percent; reported once, for the first day on which they do not."""
    changes: dict[date, Decimal] = defaultdict(Decimal)
    for _, row in _rows(values):
        share, until = row.get("percent"), row.get("until_on")
        if share is None:
            continue
        changes[row.get("from_on") or date.min] += share
        if until is not None:
            changes[until + _DAY] -= share
    total = Decimal(0)
    for day, change in sorted(changes.items()):
        total += change
        if total > 100:
            when = "" if day == date.min else f" on {day}"
            yield Fault(("owners",), "more_than_all", f"the owners hold {total} percent together{when}")
            return


def _rows(values: Mapping[str, Any]) -> Iterator[Row]:
    for index, row in enumerate(values.get("owners") or ()):
        if row and row.get("owner") and not _backwards(row):
            yield index, row


def _backwards(row: Mapping[str, Any]) -> bool:
    first, last = row.get("from_on"), row.get("until_on")
    return first is not None and last is not None and last < first
