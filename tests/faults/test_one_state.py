"""Many who write over the same state of a contract: one does, and the history of it is told version by version."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from rest_framework.test import APIClient

from contracts.models import Contract
from people.models import Department, User
from suppliers.models import Organization

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/api/v1/contracts/C"
BODY = {"reference": "C", "kind": "purchase", "supplier": "S", "buyer": "S"}


@pytest.fixture
def buyer() -> User:
    user = User.objects.create_user("buyer@example.com", roles=["buyer"])
    user.departments.add(Department.objects.create(reference="D"))
    Organization.objects.create(reference="S")
    return user


def signed_in(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def put(client: APIClient, **more: object) -> int:
    tag = more.pop("tag", None)
    headers = {"If-Match": str(tag)} if tag else {}
    body = json.dumps({**BODY, "department": "D", **more})
    return int(client.put(ADDRESS, body, content_type="application/json", headers=headers).status_code)


def test_of_fifty_who_write_over_the_same_state_one_does(buyer: User) -> None:
    """Each on a connection of its own, twenty-five at a time."""
    assert put(signed_in(buyer)) == 201
    tag = signed_in(buyer).get(ADDRESS)["ETag"]
    start = Barrier(25)

    def write(number: int) -> int:
        start.wait(20)
        try:
            return put(signed_in(buyer), title=f"No. {number}", tag=tag)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(25) as pool:
        codes = [*pool.map(write, range(25)), *pool.map(write, range(25, 50))]
    assert sorted(codes) == [200] + [412] * 49
    assert Contract.objects.get(reference="C").version == 2


def test_every_version_is_told_with_what_it_changed(buyer: User) -> None:
    client = signed_in(buyer)
    assert put(client, lines=[{"number": 10, "quantity": "5"}]) == 201
    assert put(client, title="Magnets", lines=[{"number": 10, "quantity": "6.50"}]) == 200
    assert put(client, title="Magnets", lines=[]) == 200
    latest, second, first = client.get(f"{ADDRESS}/history").json()
    assert latest["changes"] == [{"field": "lines/10", "before": {"number": 10, "quantity": "6.5"}, "after": None}]
    assert second["changes"] == [
        {"field": "title", "before": None, "after": "Magnets"},
        {"field": "lines/10/quantity", "before": "5", "after": "6.5"},
    ]
    assert [change["field"] for change in first["changes"]] == [
        "reference",
        "kind",
        "supplier",
        "buyer",
        "department",
        "lines/10",
    ]
    assert {one["by"] for one in (latest, second, first)} == {"buyer@example.com"}
    assert latest["version"] > second["version"] > first["version"]
    assert client.get(f"{ADDRESS}/history?limit=1&below={latest['version']}").json() == [second]
