"""The delta feed under transactions that overlap: nothing is skipped, however late a writer commits."""

import json
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from rest_framework.test import APIClient

from alerts import feed, runs
from alerts.models import Flag, HandedOver
from contracts.models import Contract
from people import clock
from people.models import Department, User
from people.row_security import seen_by
from suppliers.models import Organization
from tests.alerts.conftest import AT, World, live_world

__all__ = ["live_world"]

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


@pytest.fixture
def flagged(live_world: World) -> World:
    """Two contracts of MAG with a flag each, one of them closed; and a buyer in either department."""
    Department.objects.create(reference="OTHER", name="Others")
    for reference in ("C-1", "C-2"):
        live_world.contract(reference)
    live_world.change()
    runs.screen_pending(at=AT)
    Contract.objects.filter(reference="C-2").update(terminated_on="2026-01-12")
    runs.screen_pending(at=AT)
    assert dict(Flag.objects.values_list("contract__reference", "closed_because")) == {
        "C-1": None,
        "C-2": "contract_ended",
    }
    return live_world


def buyer(department: str) -> User:
    user = User.objects.create_user(f"buyer-{department.lower()}@example.com", roles=["buyer"])
    user.departments.add(Department.objects.get_or_create(reference=department)[0])
    return user


def of_flags(client: APIClient, token: str) -> list[tuple[str, int, str | None]]:
    """Whose flag it is, its version and its owner; None where it is gone."""
    contracts = {str(flag.pk): flag.contract.reference for flag in Flag.objects.select_related("contract")}
    found = poll(client, token, types="flag")["results"]
    return [(contracts[one["key"]], one["version"], one["object"] and one["object"]["owner"]) for one in found]


def now(client: APIClient) -> str:
    return poll(client, "now", types="flag")["next"]


def test_another_owner_is_a_new_version_of_the_contracts_flags(flagged):
    reader = signed_in(buyer("MAG"))
    token = now(reader)
    Contract.objects.filter(reference="C-1").update(owner="ken@example.com")
    assert of_flags(reader, token) == [("C-1", 2, "ken@example.com")]
    Contract.objects.filter(reference="C-1").update(owner="aoi@example.com", title="And another title")
    assert of_flags(reader, token) == [("C-1", 3, "aoi@example.com")]


def test_what_is_left_as_it_was_is_no_version(flagged):
    reader = signed_in(buyer("MAG"))
    token = now(reader)
    Contract.objects.update(owner="aoi@example.com", department=flagged.magnets, title="Another title")
    assert of_flags(reader, token) == []
    assert HandedOver.objects.count() == 0


def test_another_department_gets_the_flags_and_the_former_hears_that_they_are_gone(flagged):
    before, after, strangers = (signed_in(buyer(name)) for name in ("MAG", "OTHER", "STRANGERS"))
    tokens = [now(client) for client in (before, after, strangers)]
    Contract.objects.update(department=Department.objects.get(reference="OTHER"))
    assert of_flags(before, tokens[0]) == [("C-1", 2, None), ("C-2", 3, None)]
    assert of_flags(after, tokens[1]) == [("C-1", 2, "aoi@example.com"), ("C-2", 3, "aoi@example.com")]
    assert of_flags(strangers, tokens[2]) == []
    departments = [one["object"]["department"] for one in poll(after, tokens[1], types="flag")["results"]]
    assert departments == ["OTHER", "OTHER"]


def test_what_becomes_of_a_flag_elsewhere_is_not_told_to_who_had_it(flagged):
    before = signed_in(buyer("MAG"))
    Contract.objects.update(department=Department.objects.get(reference="OTHER"))
    token = now(before)
    Contract.objects.filter(reference="C-1").update(terminated_on="2026-01-12")
    Contract.objects.update(owner="ken@example.com")
    runs.screen_pending(at=AT)
    assert Flag.objects.open().count() == 0
    assert of_flags(before, token) == []


def test_there_and_back_is_another_version_though_nobody_looked_meanwhile(flagged):
    before, after = signed_in(buyer("MAG")), signed_in(buyer("OTHER"))
    tokens = now(before), now(after)
    for name in ("OTHER", "MAG"):
        Contract.objects.filter(reference="C-1").update(department=Department.objects.get(reference=name))
    assert of_flags(before, tokens[0]) == [("C-1", 3, "aoi@example.com")]
    assert of_flags(after, tokens[1]) == [("C-1", 3, None)]


def test_a_contract_that_had_no_department(flagged):
    publisher = User.objects.create_user("publisher@example.com", roles=["policy_publisher"])
    Contract.objects.filter(reference="C-1").update(department=None)
    reader, after = signed_in(publisher), signed_in(buyer("OTHER"))
    tokens = now(reader), now(after)
    Contract.objects.filter(reference="C-1").update(department=Department.objects.get(reference="OTHER"))
    assert of_flags(reader, tokens[0]) == [("C-1", 3, None)]
    assert of_flags(after, tokens[1]) == [("C-1", 3, "aoi@example.com")]


def store(client: APIClient, rows: list[dict[str, str]]) -> dict:
    answer = client.post("/api/v1/contracts/bulk", json.dumps(rows), content_type="application/json")
    return json.loads(answer.getvalue())


def test_in_bulk_and_by_raw_sql(flagged):
    both = buyer("MAG")
    both.departments.add(Department.objects.get(reference="OTHER"))
    reader = signed_in(both)
    token = now(reader)
    said = {"kind": "purchase", "supplier": "GANJ", "buyer": "AOYA", "owner": "ken@example.com"}
    rows = [{"reference": reference, **said} for reference in ("C-1", "C-2")]
    assert store(reader, rows)["updated"] == 2
    assert of_flags(reader, token) == [("C-1", 2, "ken@example.com"), ("C-2", 3, "ken@example.com")]
    token = now(reader)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contracts_contract SET department_id = (SELECT id FROM people_department WHERE reference = 'OTHER')"
        )
    assert of_flags(reader, token) == [("C-1", 3, "ken@example.com"), ("C-2", 4, "ken@example.com")]
    assert store(reader, rows)["unchanged"] == 2
    assert HandedOver.objects.count() == 4


def test_whoever_is_held_back_by_the_database_can_hand_over(flagged):
    both = buyer("MAG")
    both.departments.add(Department.objects.get(reference="OTHER"))
    with seen_by(both):
        Contract.objects.filter(reference="C-1").update(department=Department.objects.get(reference="OTHER"))
        assert HandedOver.objects.count() == 1
    with seen_by(buyer("STRANGERS")):
        assert HandedOver.objects.count() == 0
    with seen_by(buyer("OTHER")):
        assert HandedOver.objects.count() == 1
    both.departments.remove(Department.objects.get(reference="OTHER"))
    with seen_by(both):
        assert HandedOver.objects.count() == 1


def test_the_flags_of_a_deleted_contract_are_gone(flagged):
    reader = signed_in(buyer("MAG"))
    token = now(reader)
    flag = str(Flag.objects.get(contract__reference="C-1").pk)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contracts_line WHERE contract_id IN (SELECT id FROM contracts_contract)")
        cursor.execute("DELETE FROM contracts_contract WHERE reference = 'C-1'")
    page = poll(reader, token, types="flag")
    assert [(one["key"], one["version"], one["object"]) for one in page["results"]] == [(flag, 2, None)]
    runs.screen_pending(at=AT)  # which closes it, and is nothing to tell
    assert poll(reader, page["next"], types="flag")["results"] == []


def test_a_flag_that_opens_while_its_contract_is_handed_over_is_told_again(flagged, late):
    """Whoever hands over does not see the flag yet; whoever reads meanwhile sees it with its owner of before."""
    flagged.contract("C-3")
    reader = signed_in(buyer("MAG"))
    token = now(reader)
    late.set_autocommit(False)
    with transaction.atomic():
        run = runs.screen_pending(at=AT)
        assert run is not None
        with late.cursor() as cursor:
            cursor.execute("UPDATE contracts_contract SET owner = 'ken@example.com' WHERE reference = 'C-3'")
    page = poll(reader, token, types="flag")
    first = [(one["version"], one["object"]["owner"]) for one in page["results"]]
    late.commit()
    second = [(one["version"], one["object"]["owner"]) for one in poll(reader, page["next"], types="flag")["results"]]
    assert (first, second) == ([(1, "aoi@example.com")], [(2, "ken@example.com")])


def test_small_pages_skip_no_flag_of_one_statement(flagged):
    for number in range(3, 9):
        flagged.contract(f"C-{number}")
    runs.screen_pending(at=AT)
    reader = signed_in(buyer("MAG"))
    token, seen, more = now(reader), [], True
    Contract.objects.update(owner="ken@example.com")
    while more:
        page = poll(reader, token, types="flag", limit=3)
        token, more = page["next"], page["more"]
        seen += [int(one["key"]) for one in page["results"]]
    assert seen == sorted(Flag.objects.values_list("pk", flat=True))
    assert len(seen) == 8
