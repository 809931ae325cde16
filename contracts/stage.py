"""Where a contract stands on a day: its stage, what it still has to lose, and whether a renewal is ahead.

Always derived, never stored. Source: "Stage on a day" and "Renewal ahead" of the bundle format (docs/bundle.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from contracts.facts import ContractFacts, LineFacts, Negotiation

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


def is_concluded(contract: ContractFacts, now: Calendar) -> bool:
    if contract.concluded_at is not None:
        return contract.concluded_at <= now.at
    if contract.concluded_on is not None:
        return start_of_day(contract.concluded_on, contract.concluded_timezone or now.timezone) <= now.at
    return False


def stage(contract: ContractFacts, now: Calendar) -> Stage:
    """The contract's stage at the instant; its own dates are days in the business time zone."""
    today = now.today
    if contract.closed_as is not None:
        return contract.closed_as
    if contract.terminated_on is not None and contract.terminated_on <= today:
        return "terminated"
    if not is_concluded(contract, now):
        negotiation: Negotiation | None = contract.negotiation
        return negotiation or "not_concluded"
    if contract.termination_notice_on is not None and contract.termination_notice_on <= today:
        return "terminating"
    if contract.effective_on is not None and today < contract.effective_on:
        return "concluded"
    if _is_past_end(contract, today) and contract.renewal not in RENEWS_BY_ITSELF:
        return "expired"
    return "active"


def _is_past_end(contract: ContractFacts, today: date) -> bool:
    return contract.expires_on is not None and contract.expires_on < today


def renewal_ahead(contract: ContractFacts, now: Calendar) -> bool | None:
    """Whether a renewal lies ahead: True, False, or None where a fact that decides is not established."""
    if stage(contract, now) not in ("active", "concluded") or contract.terminated_on is not None:
        return False
    today = now.today
    if contract.renewal == "none":
        return False
    if contract.renewal is None:
        return None  # an evergreen contract always renews, so whatever the dates, it may
    if contract.renewal == "evergreen" or _is_past_end(contract, today):
        return True
    if contract.expires_on is None:
        return None
    notice = timedelta(days=contract.notice_days or 0)
    if contract.expires_on - today <= timedelta(days=now.renewal_horizon_days) + notice:
        return True
    return False if contract.notice_days is not None else None


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


def act_before_renewal(contract: ContractFacts, today: date) -> date:
    """The day by which somebody must act on a renewal: the notice deadline, or today where that is past or unknown."""
    deadline = notice_deadline(contract)
    return today if deadline is None or deadline < today else deadline


def open_quantity(line: LineFacts) -> Decimal | None:
    """What is still to be delivered, in the line's unit, never below zero; None where it is not established."""
    if line.quantity is None or line.delivered is None or line.cancelled is None:
        return None
    return max(line.quantity - line.delivered - line.cancelled, Decimal(0))


def is_open(line: LineFacts, *, framework: bool) -> bool | None:
    """Whether something is still to be delivered; a framework's ceiling that is not committed leaves nothing open."""
    if line.quantity is None:
        return False if framework else None
    at_most = line.quantity - (line.delivered or 0) - (line.cancelled or 0)
    if at_most <= 0:
        return False
    return None if line.delivered is None or line.cancelled is None else True
