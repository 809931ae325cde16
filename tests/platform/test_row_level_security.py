"""The database holds back what is not of the asker's departments, for one transaction and no longer."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import ProgrammingError, connection, connections, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from rest_framework.test import APIClient

from alerts.models import BulkJob, BulkPiece, ContractDue
from config.row_security import row_security
from contracts.models import Contract, Line
from people.models import ChangeEntry, Department
from people.row_security import seen_by, unrestricted
from tests.alerts.conftest import World, live_world, world

__all__ = ["live_world", "world"]


def settings_now():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('tocsin.departments', true), current_setting('tocsin.user', true)")
        return tuple(value or "" for value in cursor.fetchone())


def references():
    return sorted(Contract.objects.values_list("reference", flat=True))


@pytest.fixture
def contracts(world: World):
    other = Department.objects.create(reference="SEM")
    world.contract("A-1")
    world.contract("B-1", department=other)
    world.contract("N-1", department=None)
    return other


def test_every_table_that_hangs_on_a_department_is_held_back(db):
    """A table whose rows belong to contracts, flags, messages, checks, endpoints or jobs, and has no policy."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND NOT c.relrowsecurity AND EXISTS ("
            " SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname = ANY(%s))"
            " AND c.relname !~ '^(policies|suppliers|pghistory|django|people_(credential|token|idempot|user))'",
            [["contract_id", "flag_id", "message_id", "endpoint_id", "job_id", "parent_id", "turn_id", "release_id"]],
        )
        assert sorted(name for (name,) in cursor.fetchall()) == []
        cursor.execute("SELECT count(*) FROM pg_policies WHERE schemaname = 'public'")
        assert cursor.fetchone() == (32,)


def test_each_sees_the_own_departments_and_policy_roles_what_has_none(world, contracts):
    buyer = world.user("buyer@example.com", roles=["buyer"])
    buyer.departments.set([world.magnets])
    editor = world.user("editor@example.com", roles=["policy_editor"])
    boss = world.user("boss@example.com", roles=["administrator"])
    with seen_by(buyer):
        assert references() == ["A-1"]
        assert Line.objects.count() == 1
        assert set(ChangeEntry.objects.filter(kind="contract").values_list("reference", flat=True)) == {"A-1"}
        assert {row.reference for row in Contract.pgh_event_model.objects.all()} == {"A-1"}
        with seen_by(editor):
            assert references() == ["N-1"]
        with unrestricted():
            assert references() == ["A-1", "B-1", "N-1"]
        assert references() == ["A-1"]
        with pytest.raises(ZeroDivisionError), unrestricted():
            raise ZeroDivisionError
        assert references() == ["A-1"]
    with seen_by(boss):
        assert references() == ["A-1", "B-1", "N-1"]
    with seen_by(None):
        assert references() == []
    buyer.is_active = False
    with seen_by(buyer):
        assert references() == []
    assert references() == ["A-1", "B-1", "N-1"]


def test_nobody_writes_what_they_do_not_see(world, contracts):
    buyer = world.user("buyer@example.com", roles=["buyer"])
    buyer.departments.set([world.magnets])
    with seen_by(buyer):
        assert Contract.objects.filter(reference="B-1").update(title="mine") == 0
        assert Line.objects.filter(contract__reference="B-1").delete()[0] == 0
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            Contract.objects.filter(reference="A-1").update(department=contracts)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            ContractDue.objects.create(contract_id=Contract.objects.get().pk + 1, due_at="2026-01-01T00:00Z")


def test_a_call_off_names_its_framework_whosever_it_is(world, contracts):
    framework = world.contract("B-FW", kind="framework", department=contracts)
    world.contract("B-FW-2", kind="framework", department=contracts)
    world.contract("A-CO", kind="call_off", framework=framework)
    buyer = world.user("buyer@example.com", roles=["buyer"])
    buyer.departments.set([world.magnets])
    client = APIClient()
    client.force_authenticate(buyer)
    assert client.get("/api/v1/contracts/A-CO").json()["framework"] == "B-FW"
    assert [one["framework"] for one in client.get("/api/v1/contracts").json()["results"]] == [None, "B-FW"]
    assert client.get("/api/v1/contracts/B-FW").status_code == 404
    with seen_by(buyer):
        assert references() == ["A-1", "A-CO", "B-FW"]
        assert set(Line.objects.values_list("contract__reference", flat=True)) == {"A-1", "A-CO"}


def test_the_next_request_over_a_connection_is_its_own(live_world: World):
    """A hundred requests of two people and of nobody over the connections of two threads."""
    other = Department.objects.create(reference="SEM")
    live_world.contract("A-1")
    live_world.contract("B-1", department=other)
    people = {}
    for name, department in (("a", live_world.magnets), ("b", other)):
        people[name] = live_world.user(f"{name}@example.com", roles=["buyer"])
        people[name].departments.set([department])

    def ask(number):
        name = ("a", "b", None)[number % 3]
        client = APIClient()
        if name:
            client.force_authenticate(people[name])
        answer = client.get("/api/v1/contracts")
        found = [one["reference"] for one in answer.json().get("results", [])]
        left = settings_now()
        connections.close_all() if number > 95 else None
        return name, found, left

    with ThreadPoolExecutor(2) as threads:
        told = list(threads.map(ask, range(100)))
        threads.submit(connections.close_all).result()
        threads.submit(connections.close_all).result()
    expected = {"a": ["A-1"], "b": ["B-1"], None: []}
    assert [(found, left) for name, found, left in told] == [(expected[name], ("", "")) for name, *_ in told]
    assert references() == ["A-1", "B-1"]


def test_what_is_streamed_is_held_back_part_by_part(live_world: World):
    owner = live_world.user("owner@example.com", roles=["buyer"])
    other = live_world.user("other@example.com", roles=["buyer"])
    for by in (owner, other):
        job = BulkJob.objects.create(by=by, section="contracts", rows=2)
        for number in range(2):
            BulkPiece.objects.create(
                job=job, number=number, rows="", results=f'{{"of": "{by.email}", "row": {number}}}'
            )

    def view(request):
        request.user = owner

        def rows():
            for job in BulkJob.objects.all():
                for piece in job.pieces.all():
                    yield piece.results + "\n"

        return StreamingHttpResponse(rows())

    answer = row_security(view)(RequestFactory().get("/api/v1/x"))
    told = []
    for part in answer:
        assert not connection.in_atomic_block  # a slow reader holds no transaction
        told.append(part)
    assert told == [b'{"of": "owner@example.com", "row": 0}\n', b'{"of": "owner@example.com", "row": 1}\n']


@pytest.mark.parametrize(("method", "path", "seen"), [
    ("GET", "/api/v1/x", []), ("HEAD", "/admin/x", []), ("GET", "/metrics", ["A-1"]), ("POST", "/api/v1/x", ["A-1"]),
])  # fmt: skip
def test_whoever_reads_begins_as_nobody(world, method, path, seen):
    world.contract("A-1")
    found = []

    def view(request):
        found.extend(references())
        return HttpResponse()

    request = RequestFactory().generic(method, path)
    request.user = type("Anonymous", (), {"is_authenticated": False})()
    row_security(view)(request)
    assert found == seen


def test_after_a_failure_nothing_is_kept(world):
    def view(request):
        with unrestricted():
            world.contract("A-1")
        return HttpResponse(status=500)

    row_security(view)(RequestFactory().get("/api/v1/x"))
    assert references() == []
    assert settings_now() == ("", "")
