"""The delta feed under transactions that overlap: nothing is skipped, however late a writer commits."""

import json
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from rest_framework.test import APIClient

from alerts import feed
from contracts.models import Contract
from people import clock
from people.models import Department, User
from suppliers.models import Organization

pytestmark = pytest.mark.django_db(transaction=True)


ALONE = """
    SELECT coalesce(min(l.transactionid::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND a.datname = current_database()
"""


def oldest_of_this_database() -> int:
    """The databases of other tests may hold the feed back for as long as they like; here they do not."""
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
        return cursor.fetchone()[0]


@pytest.fixture(autouse=True)
def _alone_in_the_cluster(monkeypatch) -> None:
    monkeypatch.setattr(feed, "oldest_running", oldest_of_this_database)


@pytest.fixture
def reader() -> APIClient:
    user = User.objects.create_user("buyer@example.com", roles=["buyer"])
    user.departments.add(Department.objects.create(reference="D"))
    Department.objects.create(reference="OTHER")
    Organization.objects.create(reference="S")
    for reference in ("A", "B", "C"):
        put(user, reference)
    return signed_in(user)


@pytest.fixture
def late():
    """Another connection to the same database."""
    other = connection.copy("late")
    connections["late"] = other
    yield other
    other.close()
    del connections["late"]


def signed_in(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def put(user: User, reference: str, **more: object) -> None:
    body = {"reference": reference, "kind": "purchase", "supplier": "S", "buyer": "S", "department": "D", **more}
    answer = signed_in(user).put(f"/api/v1/contracts/{reference}", json.dumps(body), content_type="application/json")
    assert answer.status_code in (200, 201)


def rename(other, reference: str, title: str) -> None:
    with other.cursor() as cursor:
        cursor.execute("UPDATE contracts_contract SET title = %s WHERE reference = %s", [title, reference])


def poll(client: APIClient, token: str | None = None, **more: object) -> dict:
    parameters = {**({"after": token} if token else {}), **more}
    answer = client.get("/api/v1/changes", parameters)
    assert answer.status_code == 200
    return answer.json()


def keys(page: dict) -> list[tuple[str, int]]:
    return [(one["key"], one["version"]) for one in page["results"]]


def test_from_the_beginning_and_then_only_what_is_new(reader):
    first = poll(reader)
    assert keys(first) == [("A", 1), ("B", 1), ("C", 1)]
    assert first["results"][0]["object"] == reader.get("/api/v1/contracts/A").json()
    assert first["more"] is False
    again = poll(reader, first["next"])
    assert again["results"] == []
    Contract.objects.filter(reference="B").update(title="New")
    changed = poll(reader, again["next"])
    assert [(one["key"], one["object"]["title"]) for one in changed["results"]] == [("B", "New")]


def test_what_commits_late_is_not_skipped(reader, late):
    """It began before what was read long ago, and ends after."""
    late.set_autocommit(False)
    rename(late, "A", "Late")
    token = poll(reader, "now")["next"]
    seen = []
    for number in range(5):
        Contract.objects.filter(reference="B").update(title=f"No. {number}")
        page = poll(reader, token)
        token = page["next"]
        seen += keys(page)
    assert seen == []  # nothing behind the open transaction is told, or it could overtake it
    late.commit()
    page = poll(reader, token)
    assert keys(page) == [("A", 2), ("B", 6)]
    assert poll(reader, page["next"])["results"] == []


def test_many_overlapping_writers_and_small_pages_lose_nothing(reader, late):
    token = poll(reader, "now")["next"]
    latest: dict[str, int] = {}
    late.set_autocommit(False)
    for number in range(30):
        rename(late, "C", f"Late {number}")
        with transaction.atomic():
            Contract.objects.filter(reference="A").update(title=f"{number}")
            Contract.objects.filter(reference="B").update(title=f"{number}")
        if number % 3 == 0:
            late.commit()
        page = poll(reader, token, limit=1)
        token = page["next"]
        for key, version in keys(page):
            assert version >= latest.get(key, 0)
            latest[key] = version
    late.commit()
    for _ in range(200):
        page = poll(reader, token, limit=1)
        token = page["next"]
        for key, version in keys(page):
            assert version >= latest.get(key, 0)
            latest[key] = version
        if not page["more"]:
            break
    assert latest == dict(Contract.objects.values_list("reference", "version")) == {"A": 31, "B": 31, "C": 31}


def test_what_is_gone_is_told_without_what_it_says(reader):
    token = poll(reader, "now")["next"]
    Contract.objects.get(reference="A").delete()
    Contract.objects.filter(reference="B").update(department=Department.objects.get(reference="OTHER"))
    foreign = Department.objects.get(reference="OTHER")
    stranger = Organization.objects.get(reference="S")
    Contract.objects.create(reference="X", kind="purchase", supplier=stranger, buyer=stranger, department=foreign)
    page = poll(reader, token)
    assert [(one["key"], one["object"]) for one in page["results"]] == [("A", None), ("B", None)]


def test_tokens_age_and_are_not_to_be_tampered_with(reader):
    token = poll(reader)["next"]
    for bad in (token[:-1], "x", token + "a", "\0", "é" * 500):
        answer = reader.get("/api/v1/changes", {"after": bad})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_token")
    assert reader.get("/api/v1/changes", {"after": token, "types": "flag"}).status_code == 400
    old = feed.token(feed.end(), feed.TYPES, at=clock.now() - timedelta(days=31))
    answer = reader.get("/api/v1/changes", {"after": old})
    assert (answer.status_code, answer.json()["restart"]) == (410, "/api/v1/changes?after=now")
    ahead = feed.token(feed.Place(2**40, 0, 0), feed.TYPES, at=clock.now())
    assert reader.get("/api/v1/changes", {"after": ahead}).status_code == 410
    for bad in ("types=x", "types=", "limit=0", "limit=1001", "since=1"):
        assert reader.get(f"/api/v1/changes?{bad}").status_code == 400
