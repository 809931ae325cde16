"""Many flags and their events opened, updated or closed by a few statements, many times faster than one by one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from django.db import connection

from alerts.models import EventKind, Flag, FlagEvent, ScreeningRun
from alerts.models.flags import ClosedBecause
from alerts.screening.flags import Flags, shown
from alerts.screening.verdicts import BASES, KINDS
from contracts.columns import NO_LINE, Ids

# ruff: noqa: S608 (tables and columns are the models'; values are parameters)

FLAGS, EVENTS = Flag._meta.db_table, FlagEvent._meta.db_table
OPENED = (
    "id",
    "contract_id",
    "measure_id",
    "kind",
    "certainty",
    "basis",
    "lines",
    "unknowns",
    "act_by",
    "exposure_amount",
    "exposure_currency",
    "exposure_told",
    "contract_version",
    "policy_version",
    "opened_at",
    "updated_at",
)
NULL = "\\N"
SENT = "sent_flags"
"""A table of the session, empty between uses: COPY takes no rows into a table with row-level security."""
BLOCK = 10_000
"""Rows handed to COPY at once."""


def open_flags(
    flags: Flags, measures: Ids, versions: Mapping[int, int], policy_version: str, run: ScreeningRun
) -> None:
    """Insert the flags (`measures` are ids, `versions` those of the contracts), each with its event."""
    if not len(flags):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [FLAGS, len(flags)]
        )
        ids = [id for (id,) in cursor.fetchall()]
        rows = _rows(ids, flags, measures.tolist(), versions, policy_version, run.at.isoformat())
        columns = ", ".join(OPENED)
        cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {SENT} ON COMMIT DELETE ROWS AS"
            f" SELECT {columns} FROM {FLAGS} WITH NO DATA; TRUNCATE {SENT}"
        )
        with cursor.copy(f"COPY {SENT} ({columns}) FROM STDIN") as copy:
            for block in _blocks(rows):
                copy.write(block)
        cursor.execute(f"INSERT INTO {FLAGS} ({columns}) SELECT {columns} FROM {SENT}")
        # Nobody else opens flags meanwhile: runs take turns.
        cursor.execute(
            f"""
            INSERT INTO {EVENTS}
                (flag_id, run_id, kind, at, certainty, basis, act_by, exposure_amount, exposure_currency)
            SELECT id, %s, %s, %s, certainty, basis, act_by, exposure_amount, exposure_currency
            FROM {FLAGS} WHERE id BETWEEN %s AND %s ORDER BY id
            """,
            [run.pk, EventKind.OPENED, run.at, ids[0], ids[-1]],
        )


def update_flags(flags: Sequence[Flag], fields: Sequence[str]) -> None:
    """Write the fields of the flags, which are locked by the caller."""
    if not flags:
        return
    columns = [field for field in Flag._meta.concrete_fields if field.name in {"id", *fields}]
    types = ", ".join(f"{column.column} {column.rel_db_type(connection)}" for column in columns)
    rows = [{column.column: getattr(flag, column.attname) for column in columns} for flag in flags]
    assignments = ", ".join(f"{name} = v.{name}" for name in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {FLAGS} AS f SET {assignments} FROM jsonb_to_recordset(%s::jsonb) AS v ({types})"
            " WHERE f.id = v.id",
            [json.dumps(rows, default=_as_text)],
        )


def close_flags(ids: list[int], because: ClosedBecause, run: ScreeningRun) -> None:
    """Close the flags for a reason, each with its event."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {FLAGS} SET closed_at = %s, updated_at = %s, closed_because = %s WHERE id = ANY(%s)",
            [run.at, run.at, because, ids],
        )
        cursor.execute(
            f"""
            INSERT INTO {EVENTS} (
                flag_id, run_id, kind, at, certainty_before, certainty, basis_before, basis, act_by_before, act_by,
                exposure_amount_before, exposure_amount, exposure_currency_before, exposure_currency
            )
            SELECT id, %s, %s, %s, certainty, certainty, basis, basis, act_by, act_by,
                exposure_amount, exposure_amount, exposure_currency, exposure_currency
            FROM {FLAGS} WHERE id = ANY(%s) ORDER BY id
            """,
            [run.pk, EventKind.CLOSED, run.at, ids],
        )


def _rows(
    ids: list[int], flags: Flags, measures: list[int], versions: Mapping[int, int], policy_version: str, at: str
) -> Iterator[str]:
    """Rows for COPY: numbers, dates and words of our own, none of which needs escaping."""
    lines, unknowns = flags.line.tolist(), flags.unknowns.tolist()
    ends = [*flags.starts.tolist(), len(lines)]
    columns = (flags.contract, flags.kind, flags.matched, flags.basis, flags.act_by, flags.exposure, flags.currency)
    values = zip(ids, measures, *(column.tolist() for column in columns), strict=True)
    for position, (id, measure, contract, kind, matched, basis, act_by, amount, currency) in enumerate(values):
        its = slice(ends[position], ends[position + 1])
        certainty = "matched" if matched else "needs_review"
        numbers = "{}" if lines[its] == [NO_LINE] else _array(tuple(lines[its]))
        money = NULL if amount is None else format(shown(amount), "f")
        in_currency = NULL if amount is None else currency
        yield (
            f"{id}\t{contract}\t{measure}\t{KINDS[kind]}\t{certainty}\t{BASES[basis]}\t{numbers}\t"
            f"{_array(tuple(unknowns[its]))}\t{_day(act_by)}\t{money}\t{in_currency}\t{money}\t"
            f"{versions[contract]}\t{policy_version}\t{at}\t{at}\n"
        )


def _blocks(rows: Iterator[str]) -> Iterator[str]:
    block: list[str] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield "".join(block)
            block.clear()
    yield "".join(block)


@lru_cache(maxsize=65_536)
def _array(numbers: tuple[int, ...]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


@lru_cache(maxsize=65_536)
def _day(number: int) -> str:
    return date.fromordinal(number).isoformat()


def _as_text(value: object) -> str:
    if isinstance(value, date):  # a moment is one too
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} in a flag")
