"""The dates of a contract that somebody has to keep in mind, derived from its facts."""

from collections.abc import Iterator
from datetime import date
from typing import Literal, NamedTuple

from contracts.facts import ContractFacts
from contracts.stage import notice_deadline

Meaning = Literal["effective", "notice_deadline", "expiry", "termination", "last_delivery"]


class CriticalDate(NamedTuple):
    """A day in the business time zone, and what it is the last or first day of."""

    on: date
    meaning: Meaning


def critical_dates(contract: ContractFacts) -> list[CriticalDate]:
    """In order of the calendar; a deadline that cannot be known is not among them."""
    return sorted(_known(contract))


def _known(contract: ContractFacts) -> Iterator[CriticalDate]:
    if contract.effective_on is not None:
        yield CriticalDate(contract.effective_on, "effective")
    deadline = notice_deadline(contract)
    if deadline is not None and contract.renewal != "none" and contract.terminated_on is None:
        yield CriticalDate(deadline, "notice_deadline")
    if contract.expires_on is not None:
        yield CriticalDate(contract.expires_on, "expiry")
    if contract.terminated_on is not None:
        yield CriticalDate(contract.terminated_on, "termination")
    deliveries = [line.ship_until for line in contract.lines if line.ship_until is not None]
    if deliveries:
        yield CriticalDate(max(deliveries), "last_delivery")
