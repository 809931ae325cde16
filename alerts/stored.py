"""Open flags as they are stored, as columns, to be compared with those that screening demands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.models import Flag
from alerts.screening.flags import Flags
from alerts.screening.verdicts import BASES, KINDS
from contracts.columns import NO_LINE, Ids, Rows
from people.copying import array_of, columns, number, read

NUMBERS = array_of("int4")
TABLE = Flag._meta.db_table
_ORDINAL_ONE = "act_by - DATE '0001-01-01' + 1"


@dataclass(frozen=True, slots=True)
class Stored:
    """Open flags: their ids, contracts, measures, and content in the shape of what screening demands."""

    ids: Ids
    measure: Ids
    flags: Flags


def open_flags(condition: str) -> Stored:
    """The open flags whose contracts and measures meet a condition in SQL, in no particular order."""
    source = f"FROM {TABLE} WHERE closed_at IS NULL AND {condition} ORDER BY id"
    fixed, (texts,) = columns(
        {
            "id": ("id", "i8"),
            "contract": ("contract_id", "i8"),
            "measure": ("measure_id", "i8"),
            "kind": (_position("kind", KINDS), "i2"),
            "matched": ("(certainty = 'matched')::int", "i2"),
            "basis": (_position("basis", BASES), "i2"),
            "act_by": (_ORDINAL_ONE, "i4"),
        },
        source,
        ["lines", "unknowns", "exposure_amount", "exposure_currency"],
    )
    rows = read(texts, [NUMBERS, NUMBERS, number, str])
    lines, masks = [numbers or (NO_LINE,) for numbers, _, _, _ in rows], [masks for _, masks, _, _ in rows]
    counts = np.array([len(numbers) for numbers in lines], dtype=np.intp)
    flags = Flags(
        contract=fixed["contract"],
        slot=np.full(len(counts), -1),
        kind=fixed["kind"].astype(np.int8),
        matched=fixed["matched"].astype(np.bool_),
        basis=fixed["basis"].astype(np.int8),
        act_by=fixed["act_by"],
        exposure=_objects([amount for _, _, amount, _ in rows]),
        currency=_objects([currency for _, _, _, currency in rows]),
        starts=np.cumsum(counts) - counts,
        line=_flat(lines),
        unknowns=_flat(masks),
    )
    return Stored(fixed["id"], fixed["measure"], flags)


def paired(left: Flags, left_measure: Ids, right: Flags, right_measure: Ids) -> tuple[Rows, Rows]:
    """The rows of both in which the same contract, measure and kind meet."""
    measures, codes = np.unique(np.concatenate([left_measure, right_measure]), return_inverse=True)
    _, rows = np.unique(np.concatenate([left.contract, right.contract]), return_inverse=True)
    key = (rows.astype(np.int64) * max(len(measures), 1) + codes) * len(KINDS) + np.concatenate([left.kind, right.kind])
    both = np.intersect1d(key[: len(left)], key[len(left) :], assume_unique=True, return_indices=True)
    return both[1], both[2]


def same(left: Flags, right: Flags) -> npt.NDArray[np.bool_]:
    """Row by row, whether two flags of the same contract, measure and kind say the same."""
    equal: npt.NDArray[np.bool_] = (left.matched == right.matched) & (left.basis == right.basis)
    equal &= left.act_by == right.act_by
    equal &= (left.exposure == right.exposure) & (left.counts == right.counts)
    equal &= (left.currency == right.currency) | (left.exposure == None)  # noqa: E711
    rows = np.flatnonzero(equal)
    some, other = left.take(rows), right.take(rows)
    differs = (some.line != other.line) | (some.unknowns != other.unknowns)
    if len(rows):
        equal[rows] = ~np.logical_or.reduceat(differs, some.starts)
    return equal


def _position(column: str, names: tuple[str, ...]) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {position}" for position, name in enumerate(names))
    return f"CASE {column} {cases} END"


def _flat(arrays: Sequence[Sequence[int]]) -> npt.NDArray[np.int32]:
    return np.fromiter((number for array in arrays for number in array), dtype=np.int32)


def _objects(values: list[Any]) -> npt.NDArray[np.object_]:
    found = np.empty(len(values), dtype=np.object_)
    found[:] = values
    return found
