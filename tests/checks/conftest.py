"""Documents, who asks about them, and a world of policies that hit them."""

from collections.abc import Callable
from typing import Any

import pytest

from alerts.checks import asking
from alerts.checks.candidates import reading
from people.models import User
from tests.alerts.conftest import AT, World, live_world, world

__all__ = ["AT", "Ask", "World", "live_world", "world"]

Ask = Callable[..., dict[str, Any]]
DOCUMENT: dict[str, Any] = {
    "reference": "PO-1",
    "purpose": "new_contract",
    "kind": "purchase",
    "supplier": "GANJ",
    "buyer": "AOYA",
    "destination_country": "JP",
    "end_use": "civil",
    "currency": "JPY",
    "lines": [
        {
            "number": 10,
            "hs_code": "284690",
            "origin_country": "CN",
            "control_codes": [],
            "elements": ["Nd", "Pr"],
            "quantity": "100",
            "unit_price": "12000",
            "delivered": "0",
            "cancelled": "0",
        }
    ],
}


def document(**changes: Any) -> dict[str, Any]:
    """A purchase of rare earths from the state seller for civil use; a change of None leaves the key out."""
    line = changes.pop("line", {})
    lines = [{**DOCUMENT["lines"][0], **line}]
    return {name: value for name, value in {**DOCUMENT, "lines": lines, **changes}.items() if value is not None}


@pytest.fixture(autouse=True)
def _no_names_kept() -> None:
    reading.forget()


@pytest.fixture
def buyer(db: None) -> User:
    return User.objects.create_user("erp@example.com", roles=["administrator"])


@pytest.fixture
def ask(buyer: User) -> Ask:
    """The results of a call at AT, or another instant."""

    def call(*documents: Any, at: Any = AT, by: User = buyer, receipts: bool = True) -> Any:
        return asking.answer({"documents": list(documents), "receipts": receipts}, by=by, at=at)["results"]

    return call
