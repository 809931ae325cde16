"""A small world for alerts: a state seller, a private one, two policy changes, and contracts made to measure."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from contracts.models import Contract, Line
from people.models import Department, User
from policies.models import Evidence, Measure, PolicyChange
from suppliers.models import Organization, Ownership

AT = datetime(2026, 1, 13, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo


class World:
    """Makes stored objects; what is not said is unremarkable."""

    def __init__(self) -> None:
        self.state = Organization.objects.create(reference="SAC", country="CN", kind="state_body")
        self.buyer = Organization.objects.create(reference="AOYA", name="Aomizu Electric", country="JP", kind="company")
        self.seller = Organization.objects.create(
            reference="GANJ", name="Ganjiang Rare Earth", country="CN", kind="company", owners_complete=True
        )
        Ownership.objects.create(organization=self.seller, owner=self.state, percent=Decimal(100), controls=True)
        self.private = Organization.objects.create(
            reference="JADE", name="Jade River Magnetics", country="CN", kind="company", owners_complete=True
        )
        self.magnets = Department.objects.create(reference="MAG", name="Magnets", mailbox="magnets@example.com")

    def user(self, email: str, **fields: Any) -> User:
        return User.objects.create_user(email, **{"name": email.partition("@")[0].title(), **fields})

    def contract(self, reference: str, **fields: Any) -> Contract:
        """A live purchase of 100 kg at 12,000 JPY from the state seller, for civil use."""
        line = fields.pop("line", {})
        contract = Contract.objects.create(
            reference=reference,
            **{
                "title": f"Contract {reference}",
                "kind": "purchase",
                "supplier": self.seller,
                "buyer": self.buyer,
                "destination_country": "JP",
                "end_use": "civil",
                "concluded_on": date(2024, 4, 1),
                "expires_on": date(2027, 3, 31),
                "renewal": "none",
                "owner": "aoi@example.com",
                "department": self.magnets,
                "currency": "JPY",
                **fields,
            },
        )
        if line is not None:
            self.line(contract, **line)
        return contract

    def line(self, contract: Contract, **fields: Any) -> Line:
        return Line.objects.create(
            contract=contract,
            **{
                "number": 10,
                "description": "Neodymium-praseodymium oxide",
                "hs_code": "284690",
                "origin_country": "CN",
                "control_codes": [],
                "elements": ["Nd", "Pr"],
                "quantity": Decimal(100),
                "unit": "kg",
                "unit_price": Decimal(12000),
                "delivered": Decimal(0),
                "cancelled": Decimal(0),
                **fields,
            },
        )

    def change(self, reference: str = "CN-REPORT", **fields: Any) -> PolicyChange:
        """The report that state sellers consider ending contracts for rare earths; one measure, `existing`."""
        measure = fields.pop("measure", {})
        change = PolicyChange.objects.create(
            reference=reference,
            **{
                "authority": "State sellers, as reported",
                "authority_country": "CN",
                "timezone": "Asia/Shanghai",
                "title": "State sellers consider ending contracts",
                "formality": "reported",
                "announced_on": date(2026, 1, 10),
                "status": "published",
                **fields,
            },
        )
        self.measure(change, **measure)
        Evidence.objects.create(
            change=change,
            publisher="A news agency",
            url="https://news.example/1",
            published_on=date(2026, 1, 10),
            stance="supports",
            reliability="B",
            credibility="3",
            summary="Unnamed sources.",
        )
        return change

    def measure(self, change: PolicyChange, **fields: Any) -> Measure:
        return Measure.objects.create(
            change=change,
            **{
                "key": "existing",
                "title": "Existing contracts may be terminated",
                "effect": "termination_considered",
                "timeline": [{"status": "in_force", "from": "2026-01-10"}],
                "scope": {"commodities": [{"hs": ["280530", "2846"]}], "supplier_controlled_by_state": "CN"},
                **fields,
            },
        )


@pytest.fixture
def world(db: None) -> World:
    return World()


@pytest.fixture
def live_world(transactional_db: None) -> World:
    """The same, committed: other connections see it."""
    return World()
