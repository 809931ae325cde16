"""Bulk upsert: an answer per row, neighbours of a bad one are kept, jobs for what is long, snapshots close nothing."""

import json

import pytest

from alerts import jobs
from alerts.models import ScreeningRun
from alerts.runs import screen_pending
from alerts.views import bulk
from contracts.models import Contract
from people import clock
from people.models import Department
from suppliers.models import Organization

BASE = {"kind": "purchase", "supplier": "CHIXIA-RE", "buyer": "AOM-DENKI", "department": "MAGNET"}


def rows_of(*references, **more):
    return [{"reference": reference, **BASE, **more} for reference in references]


def post(client, address, body, *, lines=False):
    raw = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in body) if lines else json.dumps(body)
    kind = "application/x-ndjson" if lines else "application/json"
    return client.post(f"/api/v1/{address}", raw, content_type=kind)


def told(answer):
    return json.loads(answer.getvalue())


def outcomes(answer):
    return [(one["reference"], one["outcome"], [e["code"] for e in one["errors"]]) for one in told(answer)["results"]]


def test_every_row_is_answered_and_a_bad_one_spoils_no_other(administrator, django_capture_on_commit_callbacks):
    framework = {"reference": "F-1", **BASE, "kind": "framework"}
    call_off = {"reference": "C-2", **BASE, "kind": "call_off", "framework": "F-1"}
    sent = [
        call_off,  # before what it refers to
        framework,
        *rows_of("C-3", colour="red"),
        *rows_of("C-4", supplier="NOBODY"),
        {"reference": "C-5", **BASE, "kind": "call_off", "framework": "C-4"},  # of a row that is refused
        *rows_of("C-6", title="x"),
        *rows_of("C-6", title="y"),
        *rows_of("MAG-2025-DY-27", effective_on="2199-01-01"),  # against what is stored
        7,
        {},
    ]
    with django_capture_on_commit_callbacks() as rings:
        answer = post(administrator, "contracts/bulk", sent)
    assert (answer.status_code, len(rings)) == (200, 1)
    assert outcomes(answer) == [
        ("C-2", "created", []),
        ("F-1", "created", []),
        ("C-3", "refused", ["unknown_key"]),
        ("C-4", "refused", ["unknown_reference"]),
        ("C-5", "refused", ["unknown_reference"]),
        ("C-6", "created", []),
        ("C-6", "refused", ["duplicate_reference"]),
        ("MAG-2025-DY-27", "refused", ["ends_before_it_begins"]),
        (None, "refused", ["not_an_object"]),
        (None, "refused", ["required", "required", "required", "required"]),
    ]
    assert Contract.objects.get(reference="C-6").title == "x"
    assert Contract.objects.get(reference="C-2").framework == Contract.objects.get(reference="F-1")
    before = ScreeningRun.objects.count()
    run = screen_pending(at=clock.now())
    assert run is not None
    assert (run.contracts, ScreeningRun.objects.count()) == (3, before + 1)


def test_a_refused_row_says_where_and_which_row_came_first(administrator):
    refused = told(post(administrator, "contracts/bulk", rows_of("A", "A", lines=[{"number": 1, "hs_code": 28}])))
    first, second = refused["results"]
    assert first["errors"] == [
        {
            "code": "not_a_string",
            "detail": "a number where text belongs: put it in quotes, or digits are lost",
            "pointer": "#/lines/0/hs_code",
        }
    ]
    assert second["errors"][1]["detail"] == "A stands in row 0 already; one file names an object once"
    assert {name: refused[name] for name in ("rows", "created", "updated", "unchanged", "refused")} == {
        "rows": 2,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "refused": 2,
    }


def test_lines_are_answered_by_lines(administrator):
    sent = [*rows_of("A"), "{", "", '{"reference": "B", "reference": "B"}', '{"a": NaN}', "[" * 5000, *rows_of("C")]
    answer = post(administrator, "contracts/bulk", sent, lines=True)
    assert answer["Content-Type"] == "application/x-ndjson"
    *results, last = map(json.loads, answer.getvalue().decode().splitlines())
    assert [(one["row"], one["outcome"], [e["code"] for e in one["errors"]]) for one in results] == [
        (0, "created", []),
        (1, "refused", ["not_json"]),
        (2, "refused", ["not_json"]),
        (3, "refused", ["not_json"]),
        (4, "refused", ["not_json"]),
        (5, "created", []),
    ]
    assert last == {"summary": {"dry_run": False, "rows": 6, "created": 2, "updated": 0, "unchanged": 0, "refused": 4}}


def test_again_is_unchanged_and_a_dry_run_keeps_nothing(administrator):
    sent = rows_of("A", "B")
    dry = post(administrator, "contracts/bulk?dry_run=true", sent)
    assert [one[1] for one in outcomes(dry)] == ["created", "created"]
    assert not Contract.objects.filter(reference__in=["A", "B"]).exists()
    assert [one[1] for one in outcomes(post(administrator, "contracts/bulk", sent))] == ["created", "created"]
    versions = list(Contract.objects.filter(reference__in=["A", "B"]).values_list("version", flat=True))
    sent[1]["title"] = "New"
    assert [one[1] for one in outcomes(post(administrator, "contracts/bulk", sent))] == ["unchanged", "updated"]
    assert [one[1] for one in outcomes(post(administrator, "contracts/bulk", sent))] == ["unchanged", "unchanged"]
    assert versions == [1, 1]


def test_organizations_that_own_one_another(administrator):
    sent = [
        {"reference": "O-1", "owners": [{"owner": "O-2", "percent": "60"}]},
        {"reference": "O-2", "owners": [{"owner": "O-1", "percent": "10"}, {"owner": "O-1", "percent": "5"}]},
        {"reference": "O-3"},
    ]
    assert outcomes(post(administrator, "organizations/bulk", sent)) == [
        ("O-1", "refused", ["unknown_reference"]),
        ("O-2", "refused", ["owner_twice"]),
        ("O-3", "created", []),
    ]
    sent[1]["owners"].pop()
    assert [one[1] for one in outcomes(post(administrator, "organizations/bulk", sent))] == [
        "created",
        "created",
        "unchanged",
    ]
    assert Organization.objects.get(reference="O-1").owners.get().owner.reference == "O-2"


@pytest.mark.parametrize("length", [30, 600])
def test_what_hangs_on_a_refused_row_by_a_chain_is_refused_by_a_few_queries(
    administrator, django_assert_max_num_queries, length
):
    sent = [{"reference": f"O-{n}", "owners": [{"owner": f"O-{n + 1}", "percent": "60"}]} for n in range(length)]
    sent.append({"reference": "FREE", "owners": [{"owner": "SULA", "percent": "60"}]})
    with django_assert_max_num_queries(40):
        answer = told(post(administrator, "organizations/bulk", sent))
    assert [one["errors"] for one in answer["results"][:-1]] == [
        [
            {
                "code": "unknown_reference",
                "detail": f"there is no O-{n + 1} among the organizations",
                "pointer": "#/owners/0/owner",
            }
        ]
        for n in range(length)
    ]
    assert answer["results"][-1]["outcome"] == "created"


def test_a_row_tells_what_is_missing_when_it_falls_and_stands_on_what_is_stored(administrator):
    post(administrator, "organizations/bulk", [{"reference": "STORED"}])
    sent = [
        {"reference": "STORED", "colour": "red"},  # refused, and there all the same
        {"reference": "O-1", "owners": [{"owner": "STORED"}]},
        {"reference": "O-2", "owners": [{"owner": "O-3"}, {"owner": "NOBODY"}, {"owner": "NO-ONE"}]},
        {"reference": "O-3", "owners": [{"owner": "NOBODY"}]},
        {"reference": "O-4", "owners": [{"owner": "O-1"}, {"owner": "O-3"}, {"owner": "O-2"}, {"owner": "O-5"}]},
        {"reference": "O-5", "owners": [{"owner": "O-4"}]},  # of one another
        {"reference": "O-6", "owners": [{"owner": f"NOBODY-{n}"} for n in range(20)]},
    ]
    results = told(post(administrator, "organizations/bulk", sent))["results"]
    assert [one["outcome"] for one in results] == ["refused", "created", *["refused"] * 5]
    assert [[e["pointer"] for e in one["errors"]] for one in results[2:]] == [
        ["#/owners/1/owner", "#/owners/2/owner"],
        ["#/owners/0/owner"],
        ["#/owners/1/owner", "#/owners/2/owner"],
        ["#/owners/0/owner"],
        [f"#/owners/{n}/owner" for n in range(10)],
    ]


def test_rows_of_other_departments_are_refused_alone(caller):
    buyer = caller("buyer", departments=("MAGNET",))
    others = Contract.objects.filter(department__reference="SEMICON").first().reference
    sent = [
        *rows_of("A"),
        {**rows_of("B")[0], "department": "SEMICON"},
        {**rows_of(others)[0]},
        *rows_of("C"),
    ]
    assert outcomes(post(buyer, "contracts/bulk", sent)) == [
        ("A", "created", []),
        ("B", "refused", ["not_your_department"]),
        (others, "refused", ["taken"]),
        ("C", "created", []),
    ]
    assert not Contract.objects.filter(reference="B").exists()
    assert post(caller("viewer"), "contracts/bulk", []).status_code == 403


@pytest.mark.parametrize(
    ("address", "body", "code"),
    [
        ("contracts/bulk", {}, "not_a_list"),
        ("contracts/bulk", None, "not_a_list"),
        ("contracts/bulk?dry_run=yes", [], "invalid_choice"),
        ("contracts/bulk?mode=all", [], "invalid_choice"),
        ("contracts/bulk?mode=snapshot", [], "required"),
        ("contracts/bulk?source=x@example.com", [], "without_snapshot"),
        ("contracts/bulk?mode=snapshot&source=a%00b@example.com", [], "nul"),
        ("contracts/bulk?mode=snapshot&source=nobody", [], "invalid_email"),
        ("contracts/bulk?limit=1", [], "unknown_parameter"),
    ],
)
def test_a_call_that_means_nothing_is_refused_whole(administrator, address, body, code):
    answer = post(administrator, address, body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_a_long_file_becomes_a_job(administrator, caller, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_ROWS", 4)
    monkeypatch.setattr(jobs, "PIECE", 2)
    sent = [*rows_of("A", "B", "A", "D"), {"reference": "E", "title": "\0"}]
    answer = post(administrator, "contracts/bulk", sent)
    assert answer.status_code == 202
    address = answer["Location"]
    assert {name: answer.json()[name] for name in ("rows", "done", "finished_at")} == {
        "rows": 5,
        "done": 0,
        "finished_at": None,
    }
    assert jobs.store_some(at=clock.now())
    assert administrator.get(address).json()["done"] == 2
    while jobs.store_some(at=clock.now()):
        pass
    job = administrator.get(address).json()
    assert {name: job[name] for name in ("done", "created", "refused")} == {"done": 5, "created": 3, "refused": 2}
    assert job["finished_at"]
    results = [json.loads(line) for line in administrator.get(f"{address}/results").getvalue().decode().splitlines()]
    assert [(one["row"], one["outcome"], [e["code"] for e in one["errors"]]) for one in results] == [
        (0, "created", []),
        (1, "created", []),
        (2, "refused", ["duplicate_reference"]),
        (3, "created", []),
        (4, "refused", ["nul", "required", "required", "required"]),
    ]
    assert caller("buyer").get(address).status_code == 404
    assert Contract.objects.filter(reference__in=["A", "B", "D"]).count() == 3


def test_a_snapshot_reports_what_is_absent_and_closes_nothing(caller, administrator):
    buyer = caller("buyer", departments=("MAGNET",))
    post(buyer, "contracts/bulk", rows_of("A", "B", "C"))
    post(administrator, "contracts/bulk", rows_of("OURS"))
    mine = "source=buyer@example.com"
    answer = told(post(buyer, f"contracts/bulk?mode=snapshot&{mine}", rows_of("A")))
    assert answer["absent"] == ["B", "C"]
    assert not Contract.objects.filter(reference__in=["A", "B", "C"], closed_as__isnull=False).exists()
    close = {"source": "buyer@example.com", "references": ["B", "OURS"], "closed_as": "completed"}
    assert outcomes(post(buyer, "contracts/bulk/close", close)) == [
        ("B", "updated", []),
        (None, "refused", ["not_of_this_source"]),
    ]
    assert Contract.objects.get(reference="B").closed_as == "completed"
    assert told(post(buyer, f"contracts/bulk?mode=snapshot&{mine}", rows_of("A")))["absent"] == ["C"]
    stranger = post(buyer, "contracts/bulk?mode=snapshot&source=administrator@example.com", [])
    assert (stranger.status_code, stranger.json()["errors"][0]["code"]) == (400, "not_yours")


def run_jobs():
    while jobs.store_some(at=clock.now()):
        pass


def absent_from(client, address):
    answer = client.get(f"{address}/absent")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line)["reference"] for line in answer.getvalue().decode().splitlines()]


def test_a_snapshot_longer_than_a_call_is_a_job_and_says_what_is_absent_at_its_end(administrator, caller):
    mine = "source=administrator@example.com"
    post(administrator, "organizations/bulk", [{"reference": one} for one in ("GONE-2", "GONE-1", "BAD", "O-10000")])
    sent = [{"reference": f"O-{number}"} for number in range(1, 10_001)]
    sent.insert(0, {"reference": "BAD", "colour": "red"})  # refused, and sent all the same
    accepted = post(administrator, f"organizations/bulk?mode=snapshot&{mine}", sent)
    assert (accepted.status_code, accepted.json()["rows"]) == (202, 10_001)
    assert (accepted.json()["source"], accepted.json()["absent"]) == ("administrator@example.com", None)
    address = accepted["Location"]
    assert jobs.store_some(at=clock.now())
    early = administrator.get(f"{address}/absent")
    assert (early.status_code, early["Content-Type"]) == (409, "application/problem+json")
    assert administrator.get(address).json()["absent"] is None
    run_jobs()
    job = administrator.get(address).json()
    assert {name: job[name] for name in ("done", "created", "unchanged", "refused", "absent")} == {
        "done": 10_001,
        "created": 9_999,
        "unchanged": 1,
        "refused": 1,
        "absent": 2,
    }
    assert job["finished_at"]
    assert absent_from(administrator, address) == ["GONE-1", "GONE-2"]
    assert Organization.objects.filter(reference__startswith="GONE-").count() == 2
    assert caller("buyer").get(f"{address}/absent").status_code == 404


@pytest.mark.parametrize("dry_run", ["false", "true"])
def test_a_job_of_a_snapshot_closes_nothing_and_shows_what_one_may_see(caller, administrator, monkeypatch, dry_run):
    monkeypatch.setattr(bulk, "MOST_ROWS", 2)
    monkeypatch.setattr(jobs, "PIECE", 2)
    buyer, other = caller("buyer", departments=("MAGNET",)), caller("viewer", "buyer", departments=("MAGNET",))
    post(buyer, "contracts/bulk", rows_of("A", "B"))
    post(buyer, "contracts/bulk", rows_of("C", "D"))
    post(buyer, "contracts/bulk", rows_of("ELSEWHERE", "CLOSED"))
    post(administrator, "contracts/bulk", rows_of("OURS"))
    Contract.objects.filter(reference="ELSEWHERE").update(department=Department.objects.get(reference="SEMICON"))
    Contract.objects.filter(reference="CLOSED").update(closed_as="completed")
    sent = rows_of("A", "NEW", "NEWER")
    address = post(buyer, f"contracts/bulk?mode=snapshot&source=buyer@example.com&dry_run={dry_run}", sent)["Location"]
    run_jobs()
    assert (buyer.get(address).json()["absent"], absent_from(buyer, address)) == (3, ["B", "C", "D"])
    assert Contract.objects.filter(reference__in=["A", "B", "C", "D"], closed_as__isnull=True).count() == 4
    assert Contract.objects.filter(reference="NEW").exists() == (dry_run == "false")
    for path in (address, f"{address}/results", f"{address}/absent"):
        assert other.get(path).status_code == 404
    Contract.objects.filter(reference="C").update(department=Department.objects.get(reference="SEMICON"))
    assert absent_from(buyer, address) == ["B", "D"]  # what left the department is seen no more
    assert absent_from(administrator, address) == ["B", "C", "D"]


def test_a_job_that_is_no_snapshot_says_nothing_of_what_is_absent(administrator, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_ROWS", 1)
    address = post(administrator, "contracts/bulk", rows_of("A", "B"))["Location"]
    run_jobs()
    job = administrator.get(address).json()
    assert (job["done"], job["source"], job["absent"]) == (2, None, None)
    assert administrator.get(f"{address}/absent").status_code == 409


def test_a_long_snapshot_of_somebody_else_is_refused(caller, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_ROWS", 1)
    buyer = caller("buyer", departments=("MAGNET",))
    answer = post(buyer, "contracts/bulk?mode=snapshot&source=administrator@example.com", rows_of("A", "B"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_yours")


def test_a_body_that_is_too_large_for_one_object_is_not_for_many(administrator):
    sent = rows_of("A", title="x" * 400, amendments=[{"summary": "y" * 11_000_000}])
    answer = post(administrator, "contracts/bulk", sent)
    assert outcomes(answer) == [("A", "created", [])]


def test_closing_takes_no_longer_body_than_one_object(administrator):
    close = {"source": "administrator@example.com", "references": ["x" * 11_000_000], "closed_as": "completed"}
    assert post(administrator, "contracts/bulk/close", close).status_code == 413
