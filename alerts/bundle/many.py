"""Many objects of one section stored together, row by row: a bad one is refused and named, the others are kept."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from django.db import transaction

from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import unsupported
from alerts.bundle.rows import stored_references
from alerts.bundle.single import inside
from alerts.bundle.store import store
from alerts.departments import OUTSIDE, TAKEN, of_others
from people.faults import Values
from people.models import User
from people.strict import at_most

Outcome = Literal["created", "updated", "unchanged", "refused"]
MOST_FAULTS = 10
"""Of a row; what comes after so many is not looked at, for there may be as many in each of thousands."""


class Row(NamedTuple):
    """What was sent as one object, by its number from 0; or what is wrong with it as JSON."""

    number: int
    sent: Any
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row; a refused one has problems, by pointers within the object."""

    row: int
    reference: str | None
    outcome: Outcome
    problems: Sequence[Problem] = ()

    def as_json(self) -> dict[str, Any]:
        errors = [
            {"code": one.code, "detail": one.detail, "pointer": f"#{one.pointer}" if one.path else None}
            for one in self.problems
        ]
        return {"row": self.row, "reference": self.reference, "outcome": self.outcome, "errors": errors}


class Many:
    """The rows of one section that somebody sends, checked one by one and stored in one transaction."""

    def __init__(self, section: str, rows: Sequence[Row], *, by: User, partial: bool = False) -> None:
        self.kind, self.by = KINDS[section], by
        self.serializer = self.kind.partial_serializer if partial else self.kind.serializer
        self.refused: dict[int, list[Problem]] = {}
        self.references: dict[int, str | None] = {}
        self.good: dict[int, Values] = {}
        self._read(rows)

    def keep(self, *, at: datetime, dry_run: bool = False) -> list[Result]:
        """Store what is good, and say of every row in order what became of it; with `dry_run` what would."""
        self._refuse_others_contracts()
        outcomes: dict[int, Outcome] = {}
        while numbers := self._standing():
            try:
                with transaction.atomic():
                    stored = store(self._bundle(), source=self.by.email, at=at)
                    found = self._outside()
                    transaction.set_rollback(dry_run or bool(found))
            except BundleErrors as errors:
                found = [(numbers[int(problem.path[1])], inside(problem)) for problem in errors.problems]
            if not found:
                outcomes = dict(zip(numbers, stored.outcomes[self.kind.section], strict=True))
                break
            self._refuse(found)
        return [
            Result(number, reference, outcomes.get(number, "refused"), self.refused.get(number, ()))
            for number, reference in self.references.items()
        ]

    def _read(self, rows: Sequence[Row]) -> None:
        first: dict[str, int] = {}
        for row in rows:
            with at_most(MOST_FAULTS):
                values, problems = self._examine(row)
            reference = values.get(self.kind.key)
            self.references[row.number] = reference
            if reference is not None and (earlier := first.setdefault(reference, row.number)) != row.number:
                detail = f"{reference} stands in row {earlier} already; one file names an object once"
                problems.append(Problem((self.kind.key,), "duplicate_reference", detail))
            if problems:
                self.refused[row.number] = problems
            else:
                self.good[row.number] = values

    def _examine(self, row: Row) -> tuple[Values, list[Problem]]:
        if row.problem is not None:
            return {}, [row.problem]
        values, errors = self.serializer.examine(row.sent)
        return values, list(islice(flattened(errors, ()), MOST_FAULTS))

    def _refuse(self, found: Collection[tuple[int, Problem]]) -> None:
        for number, problem in found:
            told = self.refused.setdefault(number, [])
            if len(told) < MOST_FAULTS:
                told.append(problem)
            self.good.pop(number, None)

    def _standing(self) -> list[int]:
        """The numbers of the rows that are left when those are refused that refer to what is not there."""
        numbers = list(self.good)
        found = unsupported(self.kind, list(self.good.values()), stored_references, most=MOST_FAULTS)
        self._refuse([(numbers[place], problem) for place, problems in found.items() for problem in problems])
        return list(self.good)

    def _refuse_others_contracts(self) -> None:
        self._refuse([(number, TAKEN) for number in self._of_others()])

    def _outside(self) -> list[tuple[int, Problem]]:
        """Contracts that would not be the sender's any more as they are stored now."""
        return [(number, OUTSIDE) for number in self._of_others()]

    def _of_others(self) -> list[int]:
        if self.kind.section != "contracts":
            return []
        others = of_others([values["reference"] for values in self.good.values()], self.by)
        return [number for number, values in self.good.items() if values["reference"] in others]

    def _bundle(self) -> Bundle:
        return Bundle(**{self.kind.section: list(self.good.values())})


def lines(text: str, load: Callable[[str], Any]) -> Iterator[Row]:
    """The rows of newline-delimited JSON, empty lines left out; `load` raises ValueError for what is not JSON."""
    number = 0
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            yield Row(number, load(line))
        except (ValueError, RecursionError) as error:
            words = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            yield Row(number, None, Problem((), "not_json", f"not JSON: {words}"))
        number += 1


def summary(results: Sequence[Result]) -> dict[str, int]:
    """How many rows there were, and what became of them."""
    outcomes = [result.outcome for result in results]
    names: tuple[Outcome, ...] = ("created", "updated", "unchanged", "refused")
    return {"rows": len(outcomes), **{name: outcomes.count(name) for name in names}}


def dumped(results: Sequence[Result]) -> Iterator[str]:
    """Each result as a line of JSON."""
    return (json.dumps(result.as_json(), ensure_ascii=False) for result in results)
