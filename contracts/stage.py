"""Where a contract stands on a day: its stage, what it still has to lose, and whether a renewal is ahead.

Always derived, never stored. Source: "Stage on a day" and "Renewal ahead" of the bundle format (docs/bundle.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from contracts.days import NO_END, first_day, last_day
from contracts.facts import Amounts, Closing, ContractFacts, LineFacts, Negotiation, Renewal

Stage = Literal[
    "completed",
    "cancelled",
    "terminated",
    "draft",
    "negotiation",
    "pending_signature",
    "not_concluded",
    "terminating",
    "concluded",
    "expired",
    "active",
]
LIVE: frozenset[Stage] = frozenset({"concluded", "active", "terminating", "expired"})
NOT_CONCLUDED: frozenset[Stage] = frozenset({"draft", "negotiation", "pending_signature", "not_concluded"})
RENEWS_BY_ITSELF = frozenset({"auto", "evergreen"})


@dataclass(frozen=True, slots=True)
class Calendar:
    """The instant of a screening, the business time zone (IANA), and how long before a renewal to look ahead."""

    at: datetime
    timezone: str
    renewal_horizon_days: int

    @property
    def today(self) -> date:
        return self.at.astimezone(ZoneInfo(self.timezone)).date()


def start_of_day(day: date, timezone: str) -> datetime:
    """The instant at which the day begins in the IANA zone (the later clock where midnight does not exist)."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))


class Bargain(Protocol):
    """What a contract's stage and renewal depend on besides its dates."""

    @property
    def negotiation(self) -> Negotiation | None: ...
    @property
    def closed_as(self) -> Closing | None: ...
    @property
    def renewal(self) -> Renewal | None: ...
    @property
    def notice_days(self) -> int | None: ...


class Moment(Protocol):
    """When a contract is concluded."""

    @property
    def concluded_at(self) -> datetime | None: ...
    @property
    def concluded_on(self) -> date | None: ...
    @property
    def concluded_timezone(self) -> str | None: ...


class Place(NamedTuple):
    """How a contract's dates lie to an instant."""

    concluded: bool
    terminated: bool
    will_terminate: bool
    terminating: bool
    not_yet_effective: bool
    ends: bool
    past_end: bool
    renewal_near: bool


def is_concluded(moment: Moment, now: Calendar) -> bool:
    if moment.concluded_at is not None:
        return moment.concluded_at <= now.at
    if moment.concluded_on is not None:
        return start_of_day(moment.concluded_on, moment.concluded_timezone or now.timezone) <= now.at
    return False


def places(
    *, concluded: Any, effective: Any, expires: Any, notice_given: Any, terminated: Any, notice_days: Any, now: Calendar
) -> Any:
    """Places as numbers (see `place_of`), of day numbers or of columns of them; no days of notice count as 0."""
    today = now.today.toordinal()
    found = Place(
        concluded=concluded,
        terminated=terminated <= today,
        will_terminate=terminated < NO_END,
        terminating=notice_given <= today,
        not_yet_effective=today < effective,
        ends=expires < NO_END,
        past_end=expires < today,
        renewal_near=expires - notice_days - today <= now.renewal_horizon_days,
    )
    return sum(bit * (1 << position) for position, bit in enumerate(found))


@cache
def place_of(number: int) -> Place:
    return Place(*(bool(number >> position & 1) for position in range(len(Place._fields))))


def place(contract: ContractFacts, now: Calendar) -> Place:
    return place_of(
        places(
            concluded=is_concluded(contract, now),
            effective=first_day(contract.effective_on),
            expires=last_day(contract.expires_on),
            notice_given=last_day(contract.termination_notice_on),
            terminated=last_day(contract.terminated_on),
            notice_days=contract.notice_days or 0,
            now=now,
        )
    )


def stage(contract: ContractFacts, now: Calendar) -> Stage:
    """The contract's stage at the instant; its own dates are days in the business time zone."""
    return stage_at(contract, place(contract, now))


def stage_at(bargain: Bargain, place: Place) -> Stage:
    if bargain.closed_as is not None:
        return bargain.closed_as
    if place.terminated:
        return "terminated"
    if not place.concluded:
        return bargain.negotiation or "not_concluded"
    if place.terminating:
        return "terminating"
    if place.not_yet_effective:
        return "concluded"
    if place.past_end and bargain.renewal not in RENEWS_BY_ITSELF:
        return "expired"
    return "active"


def renewal_ahead(contract: ContractFacts, now: Calendar) -> bool | None:
    """Whether a renewal lies ahead: True, False, or None where a fact that decides is not established."""
    return renewal_ahead_at(contract, place(contract, now))


def renewal_ahead_at(bargain: Bargain, place: Place) -> bool | None:
    if stage_at(bargain, place) not in ("active", "concluded") or place.will_terminate:
        return False
    if bargain.renewal == "none":
        return False
    if bargain.renewal is None:
        return None  # an evergreen contract always renews, so whatever the dates, it may
    if bargain.renewal == "evergreen" or place.past_end:
        return True
    if not place.ends:
        return None
    if place.renewal_near:
        return True
    return False if bargain.notice_days is not None else None


class Term(Protocol):
    """When a contract ends, and how long before that notice has to be given."""

    @property
    def expires_on(self) -> date | None: ...
    @property
    def notice_days(self) -> int | None: ...


def notice_deadline(contract: Term) -> date | None:
    """The last day on which notice against the renewal is in time; None where it is not established."""
    if contract.expires_on is None or contract.notice_days is None:
        return None
    try:
        return contract.expires_on - timedelta(days=contract.notice_days)
    except OverflowError:
        return date.min


def open_quantity(line: LineFacts | Amounts) -> Decimal | None:
    """What is still to be delivered, in the line's unit, never below zero; None where it is not established."""
    if line.quantity is None or line.delivered is None or line.cancelled is None:
        return None
    return max(line.quantity - line.delivered - line.cancelled, Decimal(0))


def is_open(line: LineFacts | Amounts, *, framework: bool) -> bool | None:
    """Whether something is still to be delivered; a framework's ceiling that is not committed leaves nothing open."""
    if line.quantity is None:
        return False if framework else None
    at_most = line.quantity - (line.delivered or 0) - (line.cancelled or 0)
    if at_most <= 0:
        return False
    return None if line.delivered is None or line.cancelled is None else True
