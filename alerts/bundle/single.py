"""One object of a section by itself, as REST and forms send it under its reference."""

from typing import Any

from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import unresolved
from alerts.bundle.rows import stored_references


def single(section: str, sent: Any, key: str, *, partial: bool = False) -> Bundle:
    """The bundle that holds this object alone; `partial`: of one that is stored, so that nothing need be said again.

    Raises BundleErrors with every problem, by paths within the object.
    """
    kind = KINDS[section]
    values, errors = (kind.partial_serializer if partial else kind.serializer).examine(sent)
    problems = list(flattened(errors, ()))
    if partial:
        values.setdefault(kind.key, key)
    if values.get(kind.key, key) != key:
        problems.append(Problem((kind.key,), "other_reference", f"this is the place of {key[:64]!r}"))
    bundle = Bundle(**{section: [values]})
    problems += [inside(problem) for problem in unresolved([bundle], stored_references)[0]]
    if problems:
        raise BundleErrors(problems)
    return bundle


def inside(problem: Problem) -> Problem:
    """A problem of a bundle's only object, by its path within the object."""
    return Problem(problem.path[2:], problem.code, problem.detail)
