"""Whom a flag moves to that nobody has acknowledged: the first in line who is there and has not been told of it yet."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.conf import settings

from alerts.models import Step
from alerts.recipients import Charge, Directory, address_of
from people.models import User

RANKS = {step: rank for rank, step in enumerate(Step, start=1)}
"""0 is that of an alert itself."""


@dataclass(frozen=True, slots=True)
class Successor:
    """Whom it moves to, the user whose address that is (None: nobody's that we know), and as what."""

    step: Step
    address: str
    user: User | None


def next_step(charge: Charge, *, beyond: int, told: Collection[str], directory: Directory) -> Successor | None:
    """The first step of a rank beyond one whose holder is reachable and has not been told; None where none is left.

    The owner comes first where somebody else was told in the owner's place, or the contract has another owner by now.
    """
    for step, address in _line(charge, directory):
        reachable = step == Step.COMPLIANCE or directory.reachable(address)
        if address and RANKS[step] > beyond and address not in told and reachable:
            return Successor(step, address, directory.users.get(address))
    return None


def _line(charge: Charge, directory: Directory) -> Iterator[tuple[Step, str]]:
    owner = address_of(charge.owner)
    user = directory.users.get(owner)
    yield Step.OWNER, owner
    yield Step.DEPUTY, address_of(charge.deputy)
    yield Step.DEPUTY, address_of(user.deputy if user else None)
    yield Step.HEAD, address_of(charge.department.head if charge.department else None)
    yield Step.COMPLIANCE, address_of(settings.COMPLIANCE_MAILBOX)
