"""Everything that is wrong with a bundle, each fault by its JSON pointer (RFC 6901)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from people.faults import Path
from people.strict import OWN


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a bundle: where, as a code, and in plain words; `path` is what the pointer is made of."""

    path: Path
    code: str
    detail: str

    @property
    def pointer(self) -> str:
        return pointer(self.path)

    def __str__(self) -> str:
        return f"{self.pointer or '(the whole file)'}: {self.detail} [{self.code}]"


class BundleErrors(Exception):  # noqa: N818
    """A bundle that cannot be used, with every problem found in it, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = _in_order(list(problems))
        super().__init__("\n".join(map(str, self.problems)))


def pointer(path: Path) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def flattened(errors: Any, path: Path) -> Iterator[Problem]:
    """The problems in the nested errors of a serializer; those of an object itself lie at its own path."""
    if isinstance(errors, dict):
        for step, nested in errors.items():
            yield from flattened(nested, path if step == OWN else (*path, step))
    else:
        for error in errors:
            yield Problem(path, error.code, str(error))


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Section by section and object by object; within an object as they were found."""
    sections: dict[Path, int] = {}
    for problem in problems:
        sections.setdefault(problem.path[:1], len(sections))

    def place(problem: Problem) -> tuple[int, int]:
        index = problem.path[1] if len(problem.path) > 1 else -1
        return sections[problem.path[:1]], index if isinstance(index, int) else -1

    return sorted(problems, key=place)
