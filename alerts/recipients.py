"""Who is told about a contract: its owner, the deputy when the owner is away, otherwise a mailbox; never nobody."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from people.models import Absence, Department, User

Capacity = Literal["owner", "deputy", "department", "compliance", "undelivered", "no_access", "oversight"]
"""The last three: in place of somebody who could not be reached, or who may no longer have it; beside whoever has
charge of it."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address, the user whose it is (None: nobody's that we know), and why it is this one.

    `owner` is the address of the owner, or of who else was away, in whose place it is told.
    """

    address: str
    user: User | None
    capacity: Capacity
    owner: str | None = None


class Charge(Protocol):
    """Who has charge of a contract: all that decides who is told of it. A contract is one itself."""

    @property
    def owner(self) -> str | None: ...
    @property
    def deputy(self) -> str | None: ...
    @property
    def department(self) -> Department | None: ...


@dataclass(frozen=True, slots=True)
class SharedCharge:
    """The same for all contracts that have the three in common; nobody where the contract was deleted."""

    owner: str | None
    deputy: str | None
    department: Department | None


class Directory:
    """Users by address, and who of them is away at an instant; read once for many contracts."""

    def __init__(self, charges: Iterable[Charge], at: datetime) -> None:
        self.at = at
        addresses = {address_of(a) for c in charges for a in (c.owner, c.deputy, *_mailboxes(c), _head(c)) if a}
        self.users = {user.email: user for user in User.objects.filter(email__in=addresses)}
        deputies = {address_of(user.deputy) for user in self.users.values() if user.deputy} - self.users.keys()
        self.users |= {user.email: user for user in User.objects.filter(email__in=deputies)}
        days = [self._today(user) for user in self.users.values()]
        self.away = set(self._absences(min(days), max(days))) if days else set()

    def recipient(self, charge: Charge) -> Recipient:
        """Who is told about what is in this charge at the instant.

        The owner's address counts though no user has it; a user who is no longer active is not told.
        """
        owner = address_of(charge.owner) or None
        if owner and self.reachable(owner):
            return Recipient(owner, self.users.get(owner), "owner")
        user = self.users.get(owner) if owner else None
        for deputy in (charge.deputy, user and user.deputy):
            if owner and deputy and self.reachable(address_of(deputy)):
                return Recipient(address_of(deputy), self.users.get(address_of(deputy)), "deputy", owner)
        for mailbox in _mailboxes(charge):
            return Recipient(address_of(mailbox), self.users.get(address_of(mailbox)), "department", owner)
        if owner and user and user.is_active:
            return Recipient(owner, user, "owner")  # away, but there is nobody else
        return Recipient(settings.COMPLIANCE_MAILBOX, None, "compliance", owner)

    def in_charge(self, charge: Charge) -> set[str]:
        """The addresses of all who may be told about what is in this charge."""
        owner = self.users.get(address_of(charge.owner))
        named = [charge.owner, charge.deputy, owner and owner.deputy, *_mailboxes(charge), settings.COMPLIANCE_MAILBOX]
        return {address_of(address) for address in named if address}

    def instead(self, charge: Charge, tried: Collection[str]) -> Recipient | None:
        """Who comes next where these could not be told: the operators at the end, and then nobody."""
        owner = self.users.get(address_of(charge.owner))
        following: list[tuple[Capacity, str | None]] = [
            ("owner", charge.owner),
            ("deputy", charge.deputy),
            ("deputy", owner.deputy if owner else None),
            *(("department", mailbox) for mailbox in _mailboxes(charge)),
            ("compliance", settings.COMPLIANCE_MAILBOX),
            ("compliance", settings.OPERATORS_MAILBOX),
        ]
        for capacity, named in following:
            address = address_of(named)
            if address and address not in tried and self.reachable(address):
                return Recipient(address, self.users.get(address), capacity)
        return None

    def awaits(self, charge: Charge, address: str) -> bool:
        """Whether whoever has the address is the owner or a deputy, and away at the instant."""
        owner = self.users.get(address_of(charge.owner))
        named = (charge.owner, charge.deputy, owner.deputy if owner else None)
        return address in map(address_of, named) and not self.reachable(address)

    def stand_in(self, charge: Charge, away: str, tried: Collection[str]) -> Recipient | None:
        """Who is told instead of an owner or a deputy who is away; None where nobody else would be told at the instant.

        Compliance is only where there is no owner who comes back.
        """
        to = self.instead(charge, tried)
        if to is None or (to.capacity == "compliance" and to.address != self.recipient(charge).address):
            return None
        in_place_of = {"owner": None, "deputy": address_of(charge.owner)}.get(to.capacity, away)
        return replace(to, owner=in_place_of)

    def reachable(self, address: str) -> bool:
        """Whether whoever has the address is there; an address that no user has is taken to be."""
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


def may_no_longer_have(
    charge: Charge, address: str, left: Collection[int], directory: Directory, *, hangs_on_charge: bool = True
) -> bool:
    """Whether what is in this charge is no longer for whoever it was queued for: the user is not active any more, has
    `left` its department since, by id, or, where it `hangs_on_charge`, somebody else has charge of it by now."""
    user = directory.users.get(address) or User.objects.filter(email=address).first()
    has_left = charge.department is not None and charge.department.pk in left
    gone = user is not None and not user.is_active
    return has_left or gone or (hangs_on_charge and address not in directory.in_charge(charge))


def memberships(users: Collection[int]) -> defaultdict[int, list[int]]:
    """The departments of each user, by id, ascending."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    rows = User.departments.through.objects.filter(user__in=users).order_by("department_id")
    for user, department in rows.values_list("user_id", "department_id"):
        found[user].append(department)
    return found


def address_of(address: str | None) -> str:
    """The address as users' are stored; empty where there is none."""
    return (address or "").strip().lower()


def _head(charge: Charge) -> str | None:
    return charge.department.head if charge.department else None


def _mailboxes(charge: Charge) -> list[str]:
    mailbox = charge.department and charge.department.mailbox
    return [mailbox] if mailbox else []
