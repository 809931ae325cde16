"""One object of a section by itself, as REST and forms send it under its reference."""

from typing import Any

from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import unresolved
from alerts.bundle.rows import stored_references


def single(section: str, sent: Any, reference: str) -> Bundle:
    """The bundle that holds this object alone. Raises BundleErrors with every problem, by paths within the object."""
    values, errors = KINDS[section].serializer.examine(sent)
    problems = list(flattened(errors, ()))
    if values.get("reference", reference) != reference:
        problems.append(Problem(("reference",), "other_reference", f"this is the place of {reference[:64]!r}"))
    bundle = Bundle(**{section: [values]})
    problems += [inside(problem) for problem in unresolved([bundle], stored_references)[0]]
    if problems:
        raise BundleErrors(problems)
    return bundle


def inside(problem: Problem) -> Problem:
    """A problem of a bundle's only object, by its path within the object."""
    return Problem(problem.path[2:], problem.code, problem.detail)
