"""Who is told about a contract: its owner, the deputy when the owner is away, otherwise a mailbox; never nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from contracts.models import Contract
from people.models import Absence, User

Capacity = Literal["owner", "deputy", "department", "compliance"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address, the user whose it is (None: nobody's that we know), and why it is this one.

    `owner` is the address of the owner in whose place it is told.
    """

    address: str
    user: User | None
    capacity: Capacity
    owner: str | None = None


class Directory:
    """Users by address, and who of them is away at an instant; read once for many contracts."""

    def __init__(self, contracts: Iterable[Contract], at: datetime) -> None:
        self.at = at
        addresses = {_address(a) for c in contracts for a in (c.owner, c.deputy, *_mailboxes(c)) if a}
        self.users = {user.email: user for user in User.objects.filter(email__in=addresses)}
        deputies = {_address(user.deputy) for user in self.users.values() if user.deputy} - self.users.keys()
        self.users |= {user.email: user for user in User.objects.filter(email__in=deputies)}
        days = [self._today(user) for user in self.users.values()]
        self.away = set(self._absences(min(days), max(days))) if days else set()

    def recipient(self, contract: Contract | None) -> Recipient:
        """Who is told about the contract (None: it was deleted) at the instant.

        The owner's address counts though no user has it; a user who is no longer active is not told.
        """
        owner = (contract and _address(contract.owner)) or None
        if contract and owner and self._reachable(owner):
            return Recipient(owner, self.users.get(owner), "owner")
        user = self.users.get(owner) if owner else None
        for deputy in (contract and contract.deputy, user and user.deputy):
            if owner and deputy and self._reachable(_address(deputy)):
                return Recipient(_address(deputy), self.users.get(_address(deputy)), "deputy", owner)
        for mailbox in _mailboxes(contract):
            return Recipient(_address(mailbox), self.users.get(_address(mailbox)), "department", owner)
        if owner and user and user.is_active:
            return Recipient(owner, user, "owner")  # away, but there is nobody else
        return Recipient(settings.COMPLIANCE_MAILBOX, None, "compliance", owner)

    def _reachable(self, address: str) -> bool:
        user = self.users.get(address)
        return user is None or (user.is_active and user.pk not in self.away)

    def _today(self, user: User) -> date:
        """An absence is in days of the user's own zone."""
        return self.at.astimezone(ZoneInfo(user.timezone or settings.TIME_ZONE)).date()

    def _absences(self, first: date, last: date) -> Iterable[int]:
        by_pk = {user.pk: user for user in self.users.values()}
        near = Absence.objects.filter(
            Q(from_on__isnull=True) | Q(from_on__lte=last), Q(until_on__isnull=True) | Q(until_on__gte=first)
        )
        for absence in near.filter(user__in=by_pk):
            today = self._today(by_pk[absence.user_id])
            if (absence.from_on or today) <= today <= (absence.until_on or today):
                yield absence.user_id


def _address(address: str | None) -> str:
    return (address or "").strip().lower()


def _mailboxes(contract: Contract | None) -> list[str]:
    mailbox = contract and contract.department and contract.department.mailbox
    return [mailbox] if mailbox else []
