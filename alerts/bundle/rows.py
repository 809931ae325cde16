"""The database's side of a bundle: reading what is stored of its objects, writing what differs, in bulk."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, models

from alerts.bundle.changes import RowChanges, SectionChanges
from alerts.bundle.kinds import KINDS, Kind, Part
from people.faults import Values
from people.models import User

# ruff: noqa: S608 (tables and columns are named by the models)

MOST = 100_000
"""Rows of a statement; as JSON they have to stay below a gigabyte."""
LOADING = 20260113
"""The advisory lock of those who store several bundles in one transaction."""
MANY = 200
"""Rows of a statement for which it is worth planning its triggers anew."""


def one_load_at_a_time() -> None:
    """Wait for the end of another transaction that stores several bundles: each may hold what the other needs next."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOADING])


def stored_references(section: str, references: set[str]) -> set[str]:
    """Those of the references that the database knows."""
    kind = KINDS[section]
    found = kind.model._default_manager.filter(**{f"{kind.key}__among": references})
    return set(found.values_list(kind.key, flat=True))


class Identities:
    """Database ids by section and reference, asked for in bulk, and promised to objects not yet written."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, int]] = defaultdict(dict)

    def look_up(self, section: str, references: Iterable[str]) -> None:
        missing = [reference for reference in set(references) if reference not in self._ids[section]]
        if missing:
            kind = KINDS[section]
            found = kind.model._default_manager.filter(**{f"{kind.key}__among": missing}).values_list(kind.key, "pk")
            self._ids[section].update(found)

    def promise(self, kind: Kind, references: Sequence[str]) -> None:
        """Ids from the table's own sequence, so that new objects can name one another before any is written."""
        table = kind.model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, len(references)]
            )
            ids = [id for (id,) in cursor.fetchall()]
        self._ids[kind.section].update(zip(references, ids, strict=True))

    def __call__(self, section: str, reference: str) -> int:
        return self._ids[section][reference]


def stored_objects(kind: Kind, keys: Sequence[str]) -> dict[str, Values]:
    """The stored values of objects, locked, by key: references instead of ids, `id` and `provenance` besides."""
    found = kind.model._default_manager.filter(**{f"{kind.key}__among": keys})
    # Locked in the order of their ids, as the triggers do; apart from the reading, which joins.
    list(found.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return {row[kind.key]: row for row in _values(found, kind.columns, kind.links)}


def stored_rows(part: Part, parents: Sequence[int]) -> dict[int, list[Values]]:
    """The stored rows of a part, by the id of their object, in the order recorded."""
    rows: dict[int, list[Values]] = defaultdict(list)
    extra = [f"{part.parent}_id"]
    if part.key:
        extra.append("provenance")
    if part.retires:
        extra.append("retired_at")
    found = part.model._default_manager.filter(**{f"{part.parent}__among": parents}).order_by("pk")
    for row in _values(found, part.columns, part.links, extra):
        rows[row.pop(f"{part.parent}_id")].append(row)
    return rows


def stored_pairs(kind: Kind, name: str, objects: Sequence[int]) -> dict[int, list[str]]:
    """The references that a table of pairs joins to objects, sorted, by the id of the object."""
    pairs: dict[int, list[str]] = defaultdict(list)
    key = f"{name}__{KINDS[kind.joined[name]].key}"
    rows = kind.model._default_manager.filter(pk__among=objects, **{f"{name}__isnull": False})
    for id, reference in rows.order_by(key).values_list("pk", key):
        pairs[id].append(reference)
    return pairs


def _values(
    found: models.QuerySet[Any],
    columns: Sequence[str],
    links: Mapping[str, str],
    extra: Sequence[str] = ("provenance",),
) -> Iterable[Values]:
    paths = [f"{column}__{KINDS[links[column]].key}" if column in links else column for column in columns]
    for values in found.values_list("pk", *paths, *extra):
        yield dict(zip(("id", *columns, *extra), values, strict=True))


def write(kind: Kind, changes: SectionChanges, identities: Identities, *, at: datetime) -> None:
    """Write the changed objects of a section and their parts, each table in one statement or a few."""
    columns = (*kind.columns, "provenance")
    blank = {"password": make_password(None)} if kind.model is User else {}

    def assigned(row: Values) -> Values:
        id = identities(kind.section, row[kind.key])
        return {"id": id, **blank, **_assigned(row, columns, kind.links, identities)}

    if max([len(changes.objects), *map(len, changes.parts.values())]) >= MANY:
        _forget_plans()
    # In one order whatever the bundle's, so that two who create the same objects cannot deadlock.
    rows = sorted(changes.objects, key=lambda row: str(row[kind.key]))
    _insert(kind.model, [assigned(row) for row in rows if "id" not in row])
    _update(kind.model, [assigned(row) for row in rows if "id" in row], columns)
    for part in kind.parts:
        _write_part(part, changes.parts[part.name], identities, at=at)
    for name, section in kind.joined.items():
        through = getattr(kind.model, name).through
        own, other = kind.model._meta.model_name, KINDS[section].model._meta.model_name
        pairs = changes.joined[name]
        through.objects.filter(**{f"{own}_id__among": list(pairs)}).delete()
        through.objects.bulk_create(
            through(**{f"{own}_id": id, f"{other}_id": identities(section, reference)})
            for id, references in pairs.items()
            for reference in references
        )


def _forget_plans() -> None:
    """Triggers keep the plans of their first statement for as long as a connection lives: one that was made for the
    three lines of a PUT compares ten thousand rows with each other."""
    with connection.cursor() as cursor:
        cursor.execute("DISCARD PLANS")


def _write_part(part: Part, changes: RowChanges, identities: Identities, *, at: datetime) -> None:
    columns = [*part.columns, *(["provenance"] if part.key else [])]
    gone = part.model._default_manager.filter(pk__among=changes.gone)
    if part.retires:
        gone.update(retired_at=at)
        columns.append("retired_at")
    elif changes.gone:
        gone.delete()

    def assigned(row: Values) -> Values:
        return {f"{part.parent}_id": row["parent"], **_assigned(row, columns, part.links, identities)}

    _insert(part.model, [assigned(row) for row in changes.new])
    changed = (*changes.changed, *changes.restated)
    _update(part.model, [{"id": row["id"], **assigned(row)} for row in changed], columns)


def _insert(model: type[models.Model], rows: Sequence[Values]) -> None:
    """Insert rows: one statement, so that the triggers run once, for MOST of them.

    Not by COPY, which PostgreSQL has not for a table with row-level security.
    """
    table = connection.ops.quote_name(model._meta.db_table)
    for start in range(0, len(rows), MOST):
        own_keys = rows[0].get("id") is not None
        fields = [field for field in model._meta.concrete_fields if own_keys or not field.primary_key]
        defaults = {field.attname: field.get_default() for field in fields}
        named = ", ".join(map(connection.ops.quote_name, defaults))
        text = json.dumps([{**defaults, **row} for row in rows[start : start + MOST]], default=str, ensure_ascii=False)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({named}) SELECT {named} FROM json_populate_recordset(NULL::{table}, %s::json)",
                [text],
            )


def _update(model: type[models.Model], rows: Sequence[Values], columns: Sequence[str]) -> None:
    """Update rows that are there: one statement, so that the triggers run once, however many columns differ."""
    if not rows:
        return
    table = connection.ops.quote_name(model._meta.db_table)
    fields = {field.name: field.column for field in model._meta.concrete_fields}
    named = [connection.ops.quote_name(str(fields[column])) for column in columns]
    text = json.dumps(rows, default=str, ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {', '.join(f'{name} = sent.{name}' for name in named)}"
            f" FROM json_populate_recordset(NULL::{table}, %s::json) AS sent WHERE {table}.id = sent.id",
            [text],
        )


def _assigned(row: Values, columns: Sequence[str], links: Mapping[str, str], identities: Identities) -> Values:
    """A row's values as the model takes them: ids instead of references."""
    assigned: Values = {}
    for column in columns:
        if column not in row:
            continue
        value = row[column]
        if column in links:
            assigned[f"{column}_id"] = None if value is None else identities(links[column], value)
        else:
            assigned[column] = value
    return assigned
