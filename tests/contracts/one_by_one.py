"""Critical dates found plainly, one contract after the other: what the columns of `contracts/critical_dates.py` are
compared with."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

from contracts.critical_dates import REMINDED, CriticalDate
from contracts.facts import ContractFacts
from contracts.stage import LIVE, Calendar, is_open, notice_deadline, stage

YEAR = 12
ONE_DAY = timedelta(days=1)


class Term:
    """The number of a term, its last day, and how long before that notice has to be given."""

    def __init__(self, number: int, expires_on: date, notice_days: int | None) -> None:
        self.number, self.expires_on, self.notice_days = number, expires_on, notice_days


def critical_dates(contract: ContractFacts, now: Calendar) -> list[CriticalDate]:
    return sorted(_known(contract, now.today))


def dates_ahead(contract: ContractFacts, now: Calendar, until: date = date.max) -> list[CriticalDate]:
    """Those from today to the day that still mean something; none where the contract has nothing to lose."""
    today, end = now.today, contract.terminated_on or date.max
    near = [
        found
        for found in _known(contract, today)
        if today <= found.on <= until and (found.on < end or found.meaning not in REMINDED)
    ]
    if not near:
        return []  # most contracts; where they stand need not be asked
    stands = stage(contract, now)
    if stands not in LIVE:
        return []
    return sorted(found for found in near if found.meaning != "notice_deadline" or stands != "terminating")


def _known(contract: ContractFacts, today: date) -> Iterator[CriticalDate]:
    if contract.effective_on is not None:
        yield CriticalDate(contract.effective_on, "effective")
    if contract.terminated_on is not None:
        yield CriticalDate(contract.terminated_on, "termination")
    elif contract.renewal != "none":
        yield from _notice_deadlines(contract, today)
    if contract.expires_on is not None:
        term = _term_on(contract, contract.expires_on, today)
        yield CriticalDate(term.expires_on, "expiry", term.number)
    framework = contract.kind == "framework"
    deliveries = [
        line.ship_until
        for line in contract.lines
        if line.ship_until is not None and is_open(line, framework=framework) is not False
    ]
    if deliveries:
        yield CriticalDate(max(deliveries), "last_delivery")


def _notice_deadlines(contract: ContractFacts, today: date) -> Iterator[CriticalDate]:
    if contract.expires_on is None or contract.notice_days is None:
        return
    days = {today, _later(today, contract.notice_days)} if contract.renewal == "auto" else {today}
    terms = [_term_on(contract, contract.expires_on, day) for day in days]
    for term in {term.number: term for term in terms}.values():
        deadline = notice_deadline(term)
        if deadline is not None:
            yield CriticalDate(deadline, "notice_deadline", term.number)


def _term_on(contract: ContractFacts, expires_on: date, day: date) -> Term:
    """The first term that has not ended before the day."""
    if day <= expires_on or contract.renewal != "auto":
        return Term(0, expires_on, contract.notice_days)
    number, end = _renewed(contract.effective_on or contract.concluded_on, expires_on, day)
    return Term(number, end, contract.notice_days)


def _renewed(begin: date | None, expires_on: date, day: date) -> tuple[int, date]:
    """The number and the last day of the first renewed term that has not ended before the day."""
    months = _months_of_a_term(begin, expires_on)
    passed = (day.year - expires_on.year) * YEAR + day.month - expires_on.month
    for number in count(max(passed // months, 1)):
        follows = _months_after(expires_on + ONE_DAY, number * months)
        end = follows - ONE_DAY if follows < date.max else follows  # the calendar ends with the term
        if end >= day:
            return number, end
    raise AssertionError("terms go on")


def _months_of_a_term(begin: date | None, expires_on: date) -> int:
    """Where the first term is a whole number of months and less than a year, as long; otherwise a year."""
    if begin is not None:
        apart = (expires_on.year - begin.year) * YEAR + expires_on.month - begin.month
        for months in (apart, apart + 1):
            if 0 < months < YEAR and _months_after(begin, months) in (expires_on, expires_on + ONE_DAY):
                return months
    return YEAR


def _months_after(day: date, months: int) -> date:
    """The same day of a later month; where that has no such day, the first of the month after. At most date.max."""
    years, month = divmod(day.year * YEAR + day.month - 1 + months, YEAR)
    if years > date.max.year:
        return date.max
    try:
        return day.replace(year=years, month=month + 1)
    except ValueError:
        return date(years, month + 2, 1)  # a month without such a day is never December


def _later(day: date, days: int) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))
