"""The parts of the storm, each a process of its own: `python -m tests.faults.storm PART ...`.

Writers load contracts as an ERP does, a clerk changes single facts, a publisher publishes and withdraws, and screeners
sweep until their standard input closes. Whatever fails ends its process with an error.
"""

import json
import os
import select
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import transaction  # noqa: E402

from alerts import doorbell, runs  # noqa: E402
from alerts.bundle.parse import examine  # noqa: E402
from alerts.bundle.store import store  # noqa: E402
from alerts.policy import publish, withdraw  # noqa: E402
from contracts.models import Contract, Line  # noqa: E402
from people.models import User  # noqa: E402
from policies.models import Measure, PartyList, PartyListEntry, PolicyChange  # noqa: E402
from suppliers.models import Organization, Ownership  # noqa: E402

AT = datetime(2026, 1, 13, 0, 0, tzinfo=UTC)
SELLERS = 40
HS = tuple(
    f"{chapter}{heading:02}{item}0" for chapter in (28, 38, 81, 85) for heading in range(1, 7) for item in (1, 3)
)
BATCH = 200


def prepare(seed: int, changes: int) -> None:
    """Sellers in tiers, a list, and drafts of policy changes."""
    random = Random(seed)
    state = Organization.objects.create(reference="STATE", country="CN", kind="state_body")
    Organization.objects.create(reference="BUYER", country="JP", kind="company")
    sellers: list[Organization] = []
    for number in range(SELLERS):
        seller = Organization.objects.create(
            reference=f"S{number}", country=random.choice(["CN", "JP", "US"]), kind="company", owners_complete=True
        )
        owner = random.choice([state, *sellers])
        Ownership.objects.create(organization=seller, owner=owner, percent=random.choice([10, 40, 60, 100]))
        sellers.append(seller)
    listed = PartyList.objects.create(reference="LIST", timezone="Asia/Shanghai")
    for seller in random.sample(sellers, 3):
        PartyListEntry.objects.create(party_list=listed, organization=seller)
    User.objects.create_user("publisher@example.com", name="Publisher")
    for number in range(changes):
        change = PolicyChange.objects.create(
            reference=f"P{number}", timezone=random.choice(["Asia/Shanghai", "Europe/Brussels"]), status="draft"
        )
        Measure.objects.create(
            change=change,
            key="1",
            effect=random.choice(Measure.Effect.values[:4]),
            timeline=[{"status": "in_force", "from": random.choice(["2026-01-01", "2026-03-01"]), "until": None}],
            scope=random.choice(
                [
                    {"commodities": [{"hs": random.sample(HS, 2)}]},
                    {"commodities": [{"hs": random.sample(HS, 3)}], "supplier_controlled_by_state": "CN"},
                    {"parties": {"lists": ["LIST"], "roles": ["supplier"]}, "commodities": [{"hs": ["28", "38"]}]},
                    {"parties": {"named": [f"S{random.randrange(SELLERS)}"], "roles": ["supplier"]}},
                    {"supplier_countries": ["US"], "end_uses": ["military"], "commodities": [{"hs": ["8101", "8502"]}]},
                ]
            ),
        )


def contract(random: Random, reference: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "kind": random.choice(["purchase", "framework"]),
        "supplier": f"S{random.randrange(SELLERS)}",
        "buyer": "BUYER",
        "end_use": random.choice(["civil", "military", None]),
        "concluded_on": random.choice(["2025-02-03", None]),
        "expires_on": "2027-03-31",
        "renewal": "none",
        "currency": "JPY",
        "lines": [
            {
                "number": 10 * (number + 1),
                "hs_code": random.choice(HS),
                "origin_country": "CN",
                "quantity": "100",
                "delivered": random.choice(["0", "100"]),
                "cancelled": "0",
                "unit_price": "12.5",
            }
            for number in range(random.choice([1, 1, 2]))
        ],
    }


def write(seed: int, first: int, count: int) -> None:
    """Load contracts in batches; one in ten rows says something of a contract that was written before."""
    random = Random(seed)
    for start in range(first, first + count, BATCH):
        numbers = list(range(start, min(start + BATCH, first + count)))
        again = random.sample(range(start + 1), min(start, BATCH // 10))
        rows = [contract(random, f"C{number}") for number in sorted({*numbers, *again})]
        bundle, problems = examine(json.dumps({"contracts": rows}))
        assert problems == [], problems
        store(bundle, source=f"erp-{seed}", at=AT)


def change_facts(seed: int) -> None:
    """Single facts, each in a short transaction: a use, a quantity, a supplier, an owner, an entry of the list."""
    random = Random(seed)
    sellers = list(Organization.objects.filter(reference__startswith="S").exclude(reference="STATE"))
    for _ in until_told():
        ids = list(Contract.objects.order_by("-id").values_list("id", flat=True)[:500])
        if ids:
            some = random.choice(ids)
            Contract.objects.filter(pk=some).update(end_use=random.choice(["civil", "military"]))
            with transaction.atomic():  # the contract before its lines, as every door does
                other = Contract.objects.select_for_update().get(pk=random.choice(ids)).pk
                Line.objects.filter(contract=other).update(delivered=Decimal(random.choice([0, 50, 100])))
                Contract.objects.filter(pk=other).update(supplier=random.choice(sellers))
        if random.random() < 0.1:
            seller = random.choice(sellers)
            Ownership.objects.filter(organization=seller).update(percent=random.choice([10, 60]))
        if random.random() < 0.05:
            PartyListEntry.objects.filter(party_list__reference="LIST").update(organization=random.choice(sellers))
        time.sleep(0.02)


def publish_all(seed: int, changes: int, contracts: int) -> None:
    """Publish every change as the contracts come in, and withdraw about half of them again."""
    random = Random(seed)
    doorbell.ring = lambda: None  # the screeners sweep without being rung
    by = User.objects.get(email="publisher@example.com")
    published: list[PolicyChange] = []
    for number in range(changes):
        while Contract.objects.count() < contracts * number // changes:
            time.sleep(0.05)
        published.append(publish(PolicyChange.objects.get(reference=f"P{number}"), by=by, at=AT))
        if random.random() < 0.7:
            withdraw(published.pop(random.randrange(len(published))), by=by, at=AT)


def sweep() -> None:
    """Sweep without a pause until told to stop, and say how many runs there were."""
    ran = sum(runs.sweep(at=AT) is not None for _ in until_told())
    print(f"{ran} runs", flush=True)


def until_told() -> Iterator[None]:
    """On and on until standard input closes."""
    while not select.select([sys.stdin], [], [], 0)[0]:
        yield


if __name__ == "__main__":
    parts = {"write": write, "facts": change_facts, "publish": publish_all, "sweep": sweep}
    parts[sys.argv[1]](*map(int, sys.argv[2:]))
