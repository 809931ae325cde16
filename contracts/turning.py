"""The days on which the calendar alone may change what a contract is or does: each the first of something new.

Pure. What is derived from them is in `contracts/stage.py` and `contracts/days.py`.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from contracts.facts import ContractFacts
from contracts.stage import Calendar, notice_deadline, start_of_day

ONE_DAY = timedelta(days=1)


def day_after(day: date | None) -> Iterator[date]:
    """The day after a last day, where there is one and the calendar has it."""
    if day is not None and day < date.max:
        yield day + ONE_DAY


def has_ended_for_good(contract: ContractFacts, now: Calendar) -> bool:
    """Whether no passing of time can bring the contract back to where it could be flagged."""
    return contract.closed_as is not None or (
        contract.terminated_on is not None and contract.terminated_on <= now.today
    )


def days_of_the_contract(contract: ContractFacts, renewal_horizon_days: int) -> Iterator[date]:
    """Days in the business time zone: its stage and its renewal."""
    yield from filter(None, (contract.effective_on, contract.termination_notice_on, contract.terminated_on))
    if contract.expires_on is None:
        return
    yield from day_after(contract.expires_on)
    if contract.renewal == "none" or contract.terminated_on is not None:
        return
    ahead = timedelta(days=renewal_horizon_days + (contract.notice_days or 0))
    if contract.expires_on - date.min >= ahead:
        yield contract.expires_on - ahead
    yield from day_after(notice_deadline(contract))


def days_of_delivery(contract: ContractFacts) -> Iterator[date]:
    """Days in the zone of every measure: when deliveries, signatures and call-offs end or are overdue."""
    if contract.terminated_on is not None:
        yield contract.terminated_on
    yield from day_after(contract.expires_on)
    for line in contract.lines:
        yield from day_after(line.ship_until)


def conclusion(contract: ContractFacts, now: Calendar) -> datetime | None:
    """The instant from which on the contract is concluded."""
    if contract.concluded_at is not None:
        return contract.concluded_at
    if contract.concluded_on is None:
        return None
    return start_of_day(contract.concluded_on, contract.concluded_timezone or now.timezone)
