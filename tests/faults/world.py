"""The world of a run as the driver knows it by itself: what it wrote, what was answered, and which flags follow."""

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any

HS = tuple(f"28{number:02}{last}0" for number in range(1, 5) for last in (1, 2))
OWNERS = 16
DEPARTMENTS = 16
CHANGES = 8
LATE = 40
"""Contracts that are written by nobody but transactions that commit late."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a contract ever changes here."""

    hs: str
    delivered: str
    owner: str

    def row(self, reference: str) -> dict[str, Any]:
        """As the REST interface and bundles have it, with nothing left open."""
        line = {"number": 10, "hs_code": self.hs, "quantity": "100", "delivered": self.delivered, "cancelled": "0"}
        return {
            "reference": reference, "kind": "purchase", "supplier": "SELLER", "buyer": "BUYER", "end_use": "civil",
            "concluded_on": "2025-02-03", "concluded_timezone": "Asia/Tokyo", "effective_on": "2025-03-01",
            "expires_on": "2027-03-31", "renewal": "none", "notice_days": 30, "currency": "JPY",
            "owner": self.owner, "department": department(self.owner),
            "lines": [{**line, "unit_price": "12.5", "origin_country": "CN"}],
        }  # fmt: skip


def owner(number: int) -> str:
    return f"owner-{number:02}@tocsin.example"


def department(owner: str) -> str:
    return f"D-{int(owner[6:8]) % DEPARTMENTS}"


def codes(change: str) -> tuple[str, str]:
    """The two commodity codes of a change: each code is in two changes."""
    number = int(change.removeprefix("P-"))
    return HS[number], HS[(number + 1) % len(HS)]


class World:
    """Contracts and the changes that are published, as answered last; who writes one of them is one thread."""

    def __init__(self, seed: int, contracts: int) -> None:
        random = Random(seed)
        self.terms = {f"C-{number:05}": self.draw(random) for number in range(contracts)}
        references = list(self.terms)
        self.ordinary, self.late = references[:-LATE], references[-LATE:]
        self.published: set[str] = set()
        self.writes_answered = 0

    def draw(self, random: Random) -> Terms:
        return Terms(random.choice(HS), random.choice(("0", "0", "0", "100")), owner(random.randrange(OWNERS)))

    def altered(self, random: Random, reference: str) -> Terms:
        """Other terms of this contract: mostly it only gets another owner."""
        now, other = self.terms[reference], self.draw(random)
        return replace(now, owner=other.owner) if random.random() < 0.6 else other

    def expected(self) -> set[tuple[str, str]]:
        """The open flags by contract and change, by arithmetic alone."""
        hit = {change: codes(change) for change in self.published}
        return {
            (reference, change)
            for reference, terms in self.terms.items()
            if terms.delivered == "0"
            for change, scope in hit.items()
            if terms.hs in scope
        }

    def bundle(self) -> str:
        """All of it, as `manage.py load` and `manage.py screen` take it."""
        heads = {number: owner(number) for number in range(DEPARTMENTS)}
        return json.dumps(
            {
                "departments": [
                    {"reference": f"D-{number}", "name": f"Department {number}", "country": "JP",
                     "mailbox": f"department-{number}@tocsin.example", "head": head}
                    for number, head in heads.items()
                ],
                "users": [
                    {"email": owner(number), "name": f"Owner {number}", "departments": [department(owner(number))],
                     "roles": ["buyer"], "country": "JP", "timezone": "Asia/Tokyo",
                     "language": ("en", "ja", "zh-hans")[number % 3]}
                    for number in range(OWNERS)
                ],
                "organizations": [
                    {"reference": "SELLER", "country": "CN", "kind": "company", "is_supplier": True,
                     "owners_complete": True},
                    {"reference": "BUYER", "country": "JP", "kind": "company", "owners_complete": True},
                ],
                "policy_changes": [self._change(f"P-{number}") for number in range(CHANGES)],
                "contracts": [terms.row(reference) for reference, terms in self.terms.items()],
            }
        )  # fmt: skip

    def _change(self, reference: str) -> dict[str, Any]:
        measure = {
            "key": "1", "title": f"Control of {reference}", "effect": "termination_considered",
            "timeline": [{"status": "in_force", "from": "2026-01-01", "until": None}],
            "scope": {"commodities": [{"hs": list(codes(reference))}]},
        }  # fmt: skip
        status = {"status": "published"} if reference in self.published else {}
        return {
            "reference": reference, "authority": "Ministry", "authority_country": "CN", "timezone": "Asia/Shanghai",
            "formality": "official", "announced_on": "2026-01-01", "title": f"Announcement {reference}",
            "measures": [measure], **status,
        }  # fmt: skip
