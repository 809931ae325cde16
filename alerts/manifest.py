"""What a run found, in figures that anyone can compute again from the same contracts and verdicts.

Every contract that was screened contributes one number, taken from its reference, its version and its verdicts. The
numbers are added up in 256 buckets by the contract's reference, so that neither order nor division of the work
matters, and so that two manifests that differ say where. The digest is over the policy version and the buckets.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256

from alerts.screening.verdicts import Verdict

MODULUS = 1 << 128


def bucket_of(reference: str) -> str:
    """The bucket of a contract: two hexadecimal digits."""
    return sha256(reference.encode()).hexdigest()[:2]


class Manifest:
    """Sums over contracts and their verdicts."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, int] = defaultdict(int)

    def add(self, reference: str, version: int, verdicts: Iterable[Verdict]) -> None:
        """Take in a contract that was screened, with all verdicts on it."""
        text = "\n".join([f"{reference} {version}", *sorted(map(_line, verdicts))])
        number = int.from_bytes(sha256(text.encode()).digest()[:16], "big")
        bucket = bucket_of(reference)
        self._sums[bucket] = (self._sums[bucket] + number) % MODULUS

    def add_all(self, versions: Mapping[str, int], verdicts: Iterable[Verdict]) -> None:
        """Take in the contracts that were screened, by reference with their versions."""
        of_contract: defaultdict[str, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            of_contract[verdict.contract].append(verdict)
        for reference, version in versions.items():
            self.add(reference, version, of_contract[reference])

    @property
    def buckets(self) -> dict[str, str]:
        return {bucket: f"{number:032x}" for bucket, number in sorted(self._sums.items())}

    def digest(self, policy_version: str) -> str:
        text = "\n".join([policy_version, *(f"{bucket} {number}" for bucket, number in self.buckets.items())])
        return sha256(text.encode()).hexdigest()


def _line(verdict: Verdict) -> str:
    money = f"{verdict.exposure.amount} {verdict.exposure.currency}" if verdict.exposure else "-"
    lines = " ".join(f"{line}:{mask}" for line, mask in zip(verdict.lines, verdict.unknowns, strict=False))
    without_lines = f"{verdict.unknowns[0]}" if not verdict.lines and verdict.unknowns else ""
    return (
        f"{verdict.measure} {verdict.kind} {verdict.certainty} {verdict.basis} {verdict.act_by.isoformat()}"
        f" [{lines or without_lines}] {money}"
    )
