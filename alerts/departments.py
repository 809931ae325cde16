"""Whose contracts somebody may write: those of the own departments, before and after."""

from collections.abc import Collection

from alerts.bundle.problems import Problem
from contracts.models import Contract
from people.models import User
from people.row_security import seen_by

TAKEN = Problem(("reference",), "taken", "this reference cannot be used")
OUTSIDE = Problem(("department",), "not_your_department", "the contract has to stay with one of your departments")


def of_others(references: Collection[str], user: User) -> set[str]:
    """References of stored contracts that the user does not see: not there for reading, and not to be taken over."""
    there = Contract.objects.filter(reference__among=references).values_list("reference", flat=True)
    seen = Contract.objects.visible_to(user).filter(reference__among=references).values_list("reference", flat=True)
    with seen_by(user):
        own = set(seen)
    return set(there) - own
