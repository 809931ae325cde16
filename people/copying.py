"""Many rows read from PostgreSQL as columns, in one statement and a few large values instead of row by row.

PostgreSQL gathers each column into an array: numbers come in binary, in records of one length that NumPy reads as they
are; words come as text, a row's columns together.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import connection
from psycopg import Cursor
from psycopg.adapt import Transformer
from psycopg.postgres import types
from psycopg.pq import Format

# ruff: noqa: S608 (callers name what they select, and their conditions hold numbers)

Load = Callable[[str], Any]
HEADER = 20
"""Bytes before the first element of an array of one dimension."""
TYPES = {"i8": "int8", "i4": "int4", "i2": "int2"}
"""NumPy's and PostgreSQL's."""
TEXTS = types["text"].array_oid


def columns(
    numbers: Mapping[str, tuple[str, str]], source: str, *words: Sequence[str]
) -> tuple[dict[str, Any], list[list[str]]]:
    """Arrays of expressions that are never null, each with its type (`i8`, `i4`, `i2`), by name; and per group of
    `words` the rows of these columns, for `read`. All in the order of the source."""
    selected = [f"({expression})::{TYPES[kind]}" for expression, kind in numbers.values()]
    selected += [f"ROW({', '.join(group)})::text" for group in words]
    named = ", ".join(f"{expression} AS c{position}" for position, expression in enumerate(selected))
    gathered = ", ".join(f"array_agg(c{position})" for position in range(len(selected)))
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        cursor.execute(f"SELECT {gathered} FROM (SELECT {named} {source}) AS rows", binary=True)
        values = [_raw(cursor, position) for position in range(len(selected))]
        texts = Transformer.from_context(cursor).get_loader(TEXTS, Format.BINARY)
        rows = [texts.load(value) if value is not None else [] for value in values[len(numbers) :]]
    kinds = ((name, kind) for name, (_, kind) in numbers.items())
    return {name: _array(value, kind) for (name, kind), value in zip(kinds, values, strict=False)}, rows


def _raw(cursor: Cursor[Any], column: int) -> bytes | None:
    """A column of the first row as it came."""
    return cursor.pgresult.get_value(0, column) if cursor.pgresult else None


def _array(value: bytes | None, kind: str) -> Any:
    if value is None:
        return np.zeros(0, dtype=kind)
    element = np.dtype([("length", ">i4"), ("value", f">{kind}")])
    return np.frombuffer(value, dtype=element, offset=HEADER)["value"].astype(kind)


def read(rows: Sequence[str], loads: Sequence[Load]) -> list[list[Any]]:
    """The values of rows of words, each column read in its own way; an empty text reads as none."""
    # A row is written as CSV is, but for backslashes, which are doubled.
    return [
        [load(text.replace("\\\\", "\\")) if text else None for load, text in zip(loads, parts, strict=True)]
        for parts in csv.reader(row[1:-1] for row in rows)
    ]


def cached(load: Load) -> Load:
    """For values that repeat."""
    return lru_cache(maxsize=65_536)(load)


def array_of(kind: str) -> Load:
    """Reads arrays of a PostgreSQL type as tuples."""
    load = Transformer().get_loader(types[kind].array_oid, Format.TEXT).load
    return cached(lambda text: tuple(load(text.encode())))


number = cached(Decimal)
day = cached(date.fromisoformat)
moment = datetime.fromisoformat
