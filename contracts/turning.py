"""The days on which the calendar alone may change what contracts are or do: each the first of something new.

Pure, over columns. What is derived from the days is in `contracts/stage.py` and `contracts/days.py`.
"""

from datetime import datetime

import numpy as np

from contracts.columns import NOT_KNOWN, Bools, Contracts
from contracts.days import LAST_DAY, NO_END, Days
from contracts.facts import Conclusion, Terms
from contracts.stage import Calendar, start_of_day


def has_ended_for_good(contracts: Contracts, now: Calendar) -> Bools:
    """Whether no passing of time can bring a contract back to where it could be flagged."""
    closed: Bools = contracts.terms.array(np.bool_, _is_closed)
    return closed | (contracts.terminated <= now.today.toordinal())


def next_day_of_the_contract(contracts: Contracts, now: Calendar) -> Days:
    """The next day in the business time zone on which its stage or its renewal may be another; NO_END where none is."""
    notice = contracts.terms.array(np.int64, notice_days)
    renews = contracts.terms.array(np.bool_, may_renew) & (contracts.terminated == NO_END)
    ends = renews & (contracts.expires < NO_END)
    horizon = now.renewal_horizon_days + np.maximum(notice, 0)
    return _next(
        now.today.toordinal(),
        contracts.effective,
        contracts.notice_given,
        contracts.terminated,
        _after(contracts.expires),
        np.where(ends, contracts.expires - horizon, NO_END),
        np.where(ends & (notice >= 0), contracts.expires - notice + 1, NO_END),
    )


def next_day_of_delivery(contracts: Contracts, today: int) -> Days:
    """The same in a measure's zone: when deliveries, signatures and call-offs end or are overdue."""
    next_day = _next(today, contracts.terminated, _after(contracts.expires))
    np.minimum.at(next_day, contracts.lines.contract, _next(today, _after(contracts.lines.ship_until)))
    return next_day


def concluded_from(conclusion: Conclusion, timezone: str) -> datetime | None:
    """The instant from which on a contract is concluded; `timezone` is that of business."""
    if conclusion.concluded_at is not None:
        return conclusion.concluded_at
    if conclusion.concluded_on is None:
        return None
    return start_of_day(conclusion.concluded_on, conclusion.concluded_timezone or timezone)


def notice_days(terms: Terms) -> int:
    return NOT_KNOWN if terms.notice_days is None else terms.notice_days


def _is_closed(terms: Terms) -> bool:
    return terms.closed_as is not None


def may_renew(terms: Terms) -> bool:
    return terms.renewal != "none"


def _after(last: Days) -> Days:
    """The days after last days, where there are such and the calendar has them."""
    return np.where(last < LAST_DAY, last + 1, NO_END).astype(np.int32)


def _next(today: int, *columns: Days) -> Days:
    found = np.full(len(columns[0]), NO_END, dtype=np.int64)
    for days in columns:
        found = np.where((days > today) & (days < found), days, found)
    return found.astype(np.int32)
