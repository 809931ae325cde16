"""P3: everything is screened again and nothing has changed."""

import os
from datetime import timedelta

import psycopg

from alerts.models import Flag
from alerts.runs import sweep
from contracts.models import Contract, Line
from contracts.reading import CONTRACT_COLUMNS, LINE_COLUMNS
from tests.benchmarks import world
from tests.benchmarks.figures import Finding, Measured, most_memory, seconds
from tests.benchmarks.world import Size

AT = world.NOW.at - timedelta(minutes=20)
"""Everything is due for a clock that was set back; no day begins in between."""
MEMORY = 400
PARTIES = ("supplier", "buyer", "end_user", "framework")
FLAG = ("id", "contract_id", "measure_id", "kind", "certainty", "basis", "lines", "act_by", "contract_version")
READ = (
    (Contract, ("id", "reference", "version", *(f"{c}_id" if c in PARTIES else c for c in CONTRACT_COLUMNS))),
    (Line, ("contract_id", "number", "tariff_codes", "control_codes", "elements", "content", *LINE_COLUMNS)),
    (Flag, (*FLAG, "exposure_amount", "exposure_currency", "exposure_told")),
)
"""What a screening has to know: contracts, lines, and the flags as they are."""


def measure(size: Size, first: bool) -> Measured:
    limit = _read_everything()
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
        ]
    )


def _read_everything() -> float:
    """Seconds to read the columns with binary COPY, and throw them away."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        return sum(
            seconds(lambda model=model, columns=columns: _read(connection, model, columns))[0]
            for model, columns in READ
        )  # type: ignore[misc]


def _read(connection: psycopg.Connection[tuple[object, ...]], model: type, columns: tuple[str, ...]) -> int:
    statement = f"COPY (SELECT {', '.join(columns)} FROM {model._meta.db_table}) TO STDOUT (FORMAT binary)"  # type: ignore[attr-defined]
    with connection.cursor().copy(statement) as copy:
        return sum(len(block) for block in copy)
