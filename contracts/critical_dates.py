"""The dates of a contract that somebody has to keep in mind, derived from its facts and the day it is.

A contract that renews by itself stands in its current term, and its end and its notice deadline are those of that term.
How long such terms are is no fact of a contract: they are presumed to last as long as the first, and a year at most, so
that no deadline is missed; where that cannot be told from the first term, a year.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import count
from typing import Literal, NamedTuple

import numpy as np

from contracts.columns import Bools, Codes, Dated, Ids, Rows, together
from contracts.days import LAST_DAY, NO_BEGIN, NO_END, Days, first_day
from contracts.facts import Amounts, Conclusion, ContractFacts, Terms
from contracts.stage import LIVE, Calendar, is_open
from contracts.standing import stages
from contracts.turning import may_renew, notice_days

Meaning = Literal["effective", "notice_deadline", "expiry", "termination", "last_delivery"]
REMINDED: frozenset[Meaning] = frozenset({"notice_deadline", "expiry", "last_delivery"})
"""Dates by which somebody has to do something."""
YEAR = 12
"""Months."""
ONE_DAY = timedelta(days=1)
FIRST_DAY = date.min.toordinal()
REMEMBERED = 65_536
"""Terms: many contracts share theirs."""


class CriticalDate(NamedTuple):
    """A day in the business time zone, and what it is the last or first day of.

    `term` counts the renewals before the term it belongs to; from the first on the day is presumed.
    """

    on: date
    meaning: Meaning
    term: int = 0


class CriticalDates(NamedTuple):
    """Critical dates of one meaning as columns: the rows of their contracts, the days, the numbers of their terms."""

    meaning: Meaning
    rows: Rows
    on: Days
    term: Codes

    def where(self, holds: Bools) -> "CriticalDates":
        return CriticalDates(self.meaning, self.rows[holds], self.on[holds], self.term[holds])


def critical_dates(contract: ContractFacts, now: Calendar) -> list[CriticalDate]:
    """In order of the calendar; a deadline that cannot be known is not among them.

    Where the current term's notice deadline has passed and another term follows by itself, both are.
    """
    return _in_order(_known(Dated.of([contract]), now.today.toordinal()))


def dates_ahead(contract: ContractFacts, now: Calendar, until: date = date.max) -> list[CriticalDate]:
    """Those from today to the day that still mean something; none where the contract has nothing to lose."""
    return _in_order(all_dates_ahead(Dated.of([contract]), now, until))


def all_dates_ahead(contracts: Dated, now: Calendar, until: date) -> Iterator[CriticalDates]:
    """The same of many contracts."""
    today, last = now.today.toordinal(), until.toordinal()
    over = np.minimum(contracts.terminated, LAST_DAY)  # what ends with the calendar has no end
    stands = stages(contracts, now)
    live = stands.array(np.bool_, LIVE.__contains__)
    terminating = stands.array(np.bool_, "terminating".__eq__)
    for found in _known(contracts, today):
        holds = live[found.rows] & (today <= found.on) & (found.on <= last)
        if found.meaning in REMINDED:
            holds &= found.on < over[found.rows]
        if found.meaning == "notice_deadline":
            holds &= ~terminating[found.rows]
        yield found.where(holds)


def _in_order(dates: Iterable[CriticalDates]) -> list[CriticalDate]:
    return sorted(
        CriticalDate(date.fromordinal(on), found.meaning, term)
        for found in dates
        for on, term in zip(found.on.tolist(), found.term.tolist(), strict=True)
    )


def _known(contracts: Dated, today: int) -> Iterator[CriticalDates]:
    every = np.arange(len(contracts.ids))
    first = np.zeros(len(every), dtype=np.int32)
    yield CriticalDates("effective", every, contracts.effective, first).where(contracts.effective != NO_BEGIN)
    yield CriticalDates("termination", every, contracts.terminated, first).where(contracts.terminated != NO_END)
    yield from _notice_deadlines(contracts, today)
    number, end = _terms(contracts, np.full(len(every), today))
    yield CriticalDates("expiry", every, end, number).where(contracts.expires != NO_END)
    yield _last_deliveries(contracts)


def _notice_deadlines(contracts: Dated, today: int) -> Iterator[CriticalDates]:
    """Of the term of today, and of the one in which notice would be given today, where that is another."""
    notice = contracts.terms.array(np.int64, notice_days)
    renews = contracts.terms.array(np.bool_, may_renew)
    known = renews & (contracts.terminated == NO_END) & (contracts.expires != NO_END) & (notice >= 0)
    every = np.arange(len(contracts.ids))
    number, end = _terms(contracts, np.full(len(every), today))
    then, later = _terms(contracts, np.minimum(today + np.maximum(notice, 0), LAST_DAY))
    for term, last, which in ((number, end, known), (then, later, known & (then != number))):
        deadline = np.maximum(last - np.maximum(notice, 0), FIRST_DAY).astype(np.int32)
        yield CriticalDates("notice_deadline", every, deadline, term).where(which)


def _last_deliveries(contracts: Dated) -> CriticalDates:
    """Of the lines of which something is, or may be, still to be delivered."""
    frameworks = contracts.terms.array(np.bool_, _is_framework)
    of_framework = frameworks[contracts.line_contract].astype(np.int8)
    undone = together(_may_be_open, contracts.amounts, of_framework).array(np.bool_, bool)
    last = np.full(len(contracts.ids), NO_BEGIN, dtype=np.int32)
    np.maximum.at(last, contracts.line_contract[undone], contracts.ship_until[undone])
    rows = np.flatnonzero(last != NO_BEGIN)
    return CriticalDates("last_delivery", rows, last[rows], np.zeros(len(rows), dtype=np.int32))


def _is_framework(terms: Terms) -> bool:
    return terms.kind == "framework"


def _renews_by_itself(terms: Terms) -> bool:
    """For terms of a length; one that is evergreen has none."""
    return terms.renewal == "auto"


def _concluded_on(moment: Conclusion) -> int:
    return first_day(moment.concluded_on)


def _may_be_open(amounts: Amounts, framework: int) -> bool:
    return is_open(amounts, framework=bool(framework)) is not False


def _terms(contracts: Dated, days: Ids) -> tuple[Codes, Days]:
    """Of each contract the first term that has not ended before its day: the term's number and its last day."""
    number = np.zeros(len(contracts.ids), dtype=np.int32)
    end = contracts.expires.copy()
    renewed = np.flatnonzero(contracts.terms.array(np.bool_, _renews_by_itself) & (end < days))
    concluded = contracts.conclusion.array(np.int32, _concluded_on)
    begin = np.where(contracts.effective != NO_BEGIN, contracts.effective, concluded)
    facts = (column[renewed].tolist() for column in (begin, contracts.expires, days))
    found = [_renewed(first, last, day) for first, last, day in zip(*facts, strict=True)]
    if found:
        number[renewed], end[renewed] = np.array(found, dtype=np.int32).T
    return number, end


@lru_cache(REMEMBERED)
def _renewed(begin: int, expires: int, day: int) -> tuple[int, int]:
    """The number and the last day of the first renewed term that has not ended before the day; days as numbers."""
    expires_on, wanted = date.fromordinal(expires), date.fromordinal(day)
    months = _months_of_a_term(date.fromordinal(begin) if begin != NO_BEGIN else None, expires_on)
    passed = (wanted.year - expires_on.year) * YEAR + wanted.month - expires_on.month
    for number in count(max(passed // months, 1)):
        follows = _months_after(expires_on + ONE_DAY, number * months)
        end = follows - ONE_DAY if follows < date.max else follows  # the calendar ends with the term
        if end >= wanted:
            return number, end.toordinal()
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
