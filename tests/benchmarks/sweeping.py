"""P3: everything is screened again and nothing has changed."""

from datetime import timedelta

import psycopg

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
CONTRACT = ["reference", *(f"{name}_id" if name in PARTIES else name for name in CONTRACT_COLUMNS)]
LINE = ["number", "tariff_codes", "control_codes", "elements", "content", *LINE_COLUMNS]
FLAG = ["contract_id", "measure_id", "kind", "certainty", "basis", "lines", "unknowns", "act_by"]
FLAG += ["exposure_amount", "exposure_currency"]
OF_CONTRACTS, OF_LINES, OF_FLAGS = (model._meta.db_table for model in (Contract, Line, Flag))
READ = (
    f"SELECT id, version FROM {OF_CONTRACTS}",
    f"SELECT id, {', '.join(CONTRACT)} FROM {OF_CONTRACTS} WHERE closed_as IS NULL",
    f"SELECT c.id, {', '.join(f'l.{name}' for name in LINE)} FROM {OF_CONTRACTS} AS c"
    f" JOIN {OF_LINES} AS l ON l.contract_id = c.id WHERE c.closed_as IS NULL",
    f"SELECT id, {', '.join(FLAG)} FROM {OF_FLAGS} WHERE closed_at IS NULL",
)
"""What a screening has to know: the versions of all contracts, those that are not closed with their lines, and the
flags as they are."""


def measure(size: Size, first: bool) -> Measured:
    size_read, limit = _read_everything()
    took, run = seconds(lambda: sweep(at=AT))
    memory = most_memory()
    if run is None or not run.everything or run.screened != size.contracts:
        raise RuntimeError("the sweep did not screen everything")
    if run.opened or run.updated or run.closed:
        raise RuntimeError(f"the sweep changed flags: {run.opened} opened, {run.updated} updated, {run.closed} closed")
    operation = f"sweep of {run.screened:,} contracts with {run.lines:,} lines, {run.unchanged:,} flags unchanged"
    return Measured(
        [
            Finding("P3", operation, took, "binary COPY of the columns read", limit, at_most=5),
            Finding("P3", "peak memory of a process of the sweep", memory, "bound", MEMORY, at_most=1, unit="MiB"),
        ],
        [
            f"P3: what is read are the versions of all contracts, {len(CONTRACT) + 1} columns of those that are not"
            f" closed, {len(LINE) + 1} of their lines and {len(FLAG) + 1} of the flags, {size_read / 2**20:,.0f} MiB."
            f" A bare join count of all contracts and lines takes {shown(_join_count(), 's')}."
        ],
    )


def _read_everything() -> tuple[int, float]:
    """The columns with binary COPY, thrown away: how many bytes, in how many seconds."""
    with limits.as_owner() as connection:
        took, sizes = seconds(lambda: [_read(connection, statement) for statement in READ])
    return sum(sizes), took


def _read(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> int:
    with connection.cursor().copy(f"COPY ({statement}) TO STDOUT (FORMAT binary)") as copy:
        return sum(map(len, copy))


def _join_count() -> float:
    with limits.as_owner() as connection:
        statement = f"SELECT count(*) FROM {OF_CONTRACTS} AS c JOIN {OF_LINES} AS l ON l.contract_id = c.id"
        return seconds(lambda: connection.execute(statement).fetchone())[0]
