"""P3: everything is screened again and nothing has changed."""

from datetime import timedelta

import psycopg
from django.db.models import Model

from alerts.models import Flag
from alerts.runs import sweep
from contracts.models import Contract, Line
from contracts.reading import CONTRACT_COLUMNS, LINE_COLUMNS
from tests.benchmarks import limits, world
from tests.benchmarks.figures import Finding, Measured, most_memory, seconds, shown
from tests.benchmarks.world import Size

AT = world.NOW.at - timedelta(minutes=20)
"""Everything is due for a clock that was set back; no day begins in between."""
MEMORY = 400
PARTIES = ("supplier", "buyer", "end_user", "framework")
FLAG = ("id", "contract_id", "measure_id", "kind", "certainty", "basis", "lines", "act_by", "contract_version")
READ: tuple[tuple[type[Model], tuple[str, ...]], ...] = (
    (Contract, ("id", "reference", "version", *(f"{c}_id" if c in PARTIES else c for c in CONTRACT_COLUMNS))),
    (Line, ("contract_id", "number", "tariff_codes", "control_codes", "elements", "content", *LINE_COLUMNS)),
    (Flag, (*FLAG, "exposure_amount", "exposure_currency", "exposure_told")),
)
"""What a screening has to know: contracts, lines, and the flags as they are."""


def measure(size: Size, first: bool) -> Measured:
    size_read, limit = _read_everything()
    took, run = seconds(lambda: sweep(at=AT))
    memory = most_memory()
    if run is None or not run.everything or run.screened != size.contracts:
        raise RuntimeError("the sweep did not screen everything")
    if run.opened or run.updated or run.closed:
        raise RuntimeError(f"the sweep changed flags: {run.opened} opened, {run.updated} updated, {run.closed} closed")
    operation = f"sweep of {run.screened:,} contracts with {run.lines:,} lines, {run.unchanged:,} flags unchanged"
    columns = " + ".join(str(len(columns)) for _, columns in READ)
    return Measured(
        [
            Finding("P3", operation, took, "binary COPY of the columns read", limit, at_most=5),
            Finding("P3", "peak memory of a process of the sweep", memory, "bound", MEMORY, at_most=1, unit="MiB"),
        ],
        [
            f"P3: of contracts, lines and flags {columns} columns are read, {size_read / 2**20:,.0f} MiB. A bare join"
            f" count of contracts and lines takes {shown(_join_count(), 's')}."
        ],
    )


def _read_everything() -> tuple[int, float]:
    """The columns with binary COPY, thrown away: how many bytes, in how many seconds."""
    with limits.as_owner() as connection:
        took, sizes = seconds(lambda: [_read(connection, *one) for one in READ])
    return sum(sizes), took


def _read(connection: psycopg.Connection[tuple[object, ...]], model: type[Model], columns: tuple[str, ...]) -> int:
    statement = f"COPY (SELECT {', '.join(columns)} FROM {model._meta.db_table}) TO STDOUT (FORMAT binary)"
    with connection.cursor().copy(statement) as copy:
        return sum(map(len, copy))


def _join_count() -> float:
    contracts, lines = Contract._meta.db_table, Line._meta.db_table
    with limits.as_owner() as connection:
        statement = f"SELECT count(*) FROM {contracts} AS c JOIN {lines} AS l ON l.contract_id = c.id"
        return seconds(lambda: connection.execute(statement).fetchone())[0]
