"""What a run found, in figures that anyone can compute again from the same contracts and policies.

The contracts fall into 256 buckets by the remainder of their ids, so that two manifests that differ say where. A
bucket is the SHA-256 over four streams, each hashed by itself, in order of contract, measure and kind:

- of each contract screened, its id and version (8 bytes each, the lowest first, as all numbers);
- of each flag demanded, contract and measure (8 bytes each), kind, matched and basis (1 byte each), the day to act by
  (4 bytes, days since 31 December of the year before 1) and how many lines it has (4 bytes);
- of each flag's lines, the number (-1 where the contract has none) and the bits of the unknown criteria (4 bytes each);
- of each flag, its exposure: amount and currency in words, or `-`, and a newline.

The digest is over the policy version and the buckets. The division of the work plays no part.
"""

from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from alerts.screening.flags import Flags
from contracts.columns import Ids

FORMAT = 2
"""Manifests of the first format, over references and words, can no longer be computed."""
BUCKETS = 256
STREAMS = 4


def bucket_of(contract: int) -> str:
    """The bucket of a contract by its id: two hexadecimal digits."""
    return f"{contract % BUCKETS:02x}"


class Manifest:
    """Hashes that take in what was screened, in ascending order of the contracts' ids."""

    def __init__(self) -> None:
        self._hashes = [[sha256() for _ in range(STREAMS)] for _ in range(BUCKETS)]
        self._used: set[int] = set()

    def add(self, contracts: Ids, versions: Ids, flags: Flags, measures: Ids) -> None:
        """Take in contracts that were screened, with their versions, and what they demand; `measures` are ids.

        Called with one part after the other, contracts ascending within and between them.
        """
        order = np.lexsort((flags.kind, measures, flags.contract))
        flags, measures = flags.take(order), measures[order]
        screened = np.stack([contracts, versions], axis=1).astype("<i8")
        for bucket, rows in _by_bucket(contracts):
            self._feed(bucket, 0, screened[rows].tobytes())
        for bucket, rows in _by_bucket(flags.contract):
            some = flags.take(rows)
            self._feed(bucket, 1, _fixed(some, measures[rows]))
            self._feed(bucket, 2, np.stack([some.line, some.unknowns], axis=1).astype("<i4").tobytes())
            self._feed(bucket, 3, "".join(_exposures(some)).encode())

    def _feed(self, bucket: int, stream: int, data: bytes) -> None:
        self._used.add(bucket)
        self._hashes[bucket][stream].update(data)

    @property
    def buckets(self) -> dict[str, str]:
        """Those that hold a contract."""
        return {
            bucket_of(bucket): sha256(b"".join(one.digest() for one in self._hashes[bucket])).hexdigest()
            for bucket in sorted(self._used)
        }

    def digest(self, policy_version: str) -> str:
        text = "\n".join([policy_version, *(f"{bucket} {number}" for bucket, number in self.buckets.items())])
        return sha256(text.encode()).hexdigest()


def _by_bucket(contracts: Ids) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """The rows of each bucket, in their order."""
    buckets = (contracts % BUCKETS).astype(np.uint8)
    order = np.argsort(buckets, kind="stable")
    bounds = np.searchsorted(buckets[order], np.arange(BUCKETS + 1))
    for bucket in np.flatnonzero(np.diff(bounds)).tolist():
        yield bucket, order[bounds[bucket] : bounds[bucket + 1]]


RECORD = np.dtype(
    [
        ("contract", "<i8"),
        ("measure", "<i8"),
        ("kind", "i1"),
        ("matched", "i1"),
        ("basis", "i1"),
        ("act_by", "<i4"),
        ("lines", "<i4"),
    ]
)


def _fixed(flags: Flags, measures: Ids) -> bytes:
    found = np.zeros(len(flags), dtype=RECORD)
    columns = (flags.contract, measures, flags.kind, flags.matched, flags.basis, flags.act_by, flags.counts)
    for name, column in zip(RECORD.names or (), columns, strict=True):
        found[name] = column
    return found.tobytes()


def _exposures(flags: Flags) -> Iterator[str]:
    for amount, currency in zip(flags.exposure.tolist(), flags.currency.tolist(), strict=True):
        yield "-\n" if amount is None else f"{_plain(amount)} {currency}\n"


def _plain(amount: Decimal) -> str:
    """Digits alone, without trailing zeros."""
    return format(amount.normalize(), "f")
