"""What storing a section of a bundle would change, before anything is written."""

from dataclasses import dataclass, field
from typing import Literal

from alerts.bundle.problems import Problem
from people.faults import Values

Outcome = Literal["created", "updated", "unchanged"]


@dataclass(slots=True)
class RowChanges:
    """Rows of a part: whole rows to insert and to update, with the id of their object as `parent`; ids of rows gone.

    Rows that are `restated` stay what they are: another source stands behind them too.
    """

    new: list[Values] = field(default_factory=list)
    changed: list[Values] = field(default_factory=list)
    restated: list[Values] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.new) + len(self.changed) + len(self.gone)


@dataclass(slots=True)
class SectionChanges:
    """Whole objects to insert or update, the rows of their parts, and the pairs that join them to others by id."""

    objects: list[Values] = field(default_factory=list)
    parts: dict[str, RowChanges] = field(default_factory=dict)
    joined: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    """Of the objects in the order in which they were sent."""
