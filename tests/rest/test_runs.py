"""Runs over REST: the manifest of each, and what could not be screened, without other departments' contracts."""

from hashlib import sha256

import pytest
from django.urls import reverse

from alerts import runs
from alerts.models import ScreeningRun, SetAside
from contracts.models import Line
from policies.models import PolicyChange
from tests.poison import FAULT, poisoned
from tests.telling import OF_REST

MAGNETS, SEMICON = "MAG-2024-NDPR-01", "SEM-2025-GA-01"


@pytest.fixture
def run(january):
    return poisoned(MAGNETS, SEMICON)


def whole(client, run):
    return client.get(f"/api/v1/runs/{run.pk}").json()


def test_a_run_shows_its_manifest_whose_digest_anyone_can_compute(administrator, run):
    shown = whole(administrator, run)
    assert {name: shown[name] for name in ("everything", "contracts", "screened", "set_aside", "timezone")} == {
        "everything": False,
        "contracts": 3,
        "screened": 1,
        "set_aside": 2,
        "timezone": "Asia/Tokyo",
    }
    assert (shown["renewal_horizon_days"], shown["snapshot"]) == (180, run.snapshot)
    sums = "\n".join([shown["policy_version"], *(f"{bucket} {one}" for bucket, one in shown["buckets"].items())])
    assert len(shown["buckets"]) == 1
    assert sha256(sums.encode()).hexdigest() == shown["digest"] == run.digest
    assert (shown["policies_set_aside"], shown["policy_changes"]) == ([], [])


def test_a_published_change_is_screened_for_its_own_measures_alone(administrator, admin_client, january):
    change = PolicyChange.objects.filter(status="published", timezone="Asia/Shanghai").first()
    PolicyChange.objects.filter(pk=change.pk).update(summary="looked at again")
    run = runs.screen_pending(at=ScreeningRun.objects.latest("pk").at)
    shown = whole(administrator, run)
    assert (shown["everything"], shown["scope"], shown["policy_changes"]) == (False, [], [change.reference])
    assert shown["contracts"] == shown["screened"] == 68
    page = admin_client.get(reverse("admin:alerts_screeningrun_change", args=[run.pk])).content.decode()
    assert f"All other contracts, for the measures of {change.reference} alone." in page


def test_a_run_of_everything_names_no_contract(administrator, run):
    shown = whole(administrator, ScreeningRun.objects.of_everything().earliest("pk"))
    assert (shown["everything"], shown["scope"], shown["contracts"]) == (True, None, 68)


@pytest.mark.parametrize(
    ("role", "departments", "seen"),
    [
        ("administrator", (), [MAGNETS, "MAG-2025-DY-27", SEMICON]),
        ("buyer", ("MAGNET",), [MAGNETS, "MAG-2025-DY-27"]),
        ("viewer", ("SEMICON",), [SEMICON]),
        ("policy_publisher", (), []),  # sees contracts without a department, and these have one
    ],
)
def test_contracts_are_named_to_those_who_may_see_them(caller, run, role, departments, seen):
    client = caller(role, departments=departments)
    shown = whole(client, run)
    assert (shown["scope"], shown["contracts"]) == (seen, 3)
    failed = [reference for reference in seen if reference in (MAGNETS, SEMICON)]
    assert ([error["contract"] for error in shown["errors"]], shown["set_aside"]) == (failed, 2)
    aside = client.get("/api/v1/set-aside").json()["results"]
    assert [row["contract"] for row in aside] == failed
    everything = str(whole(client, run)) + str(client.get("/api/v1/runs").json()) + str(aside)
    assert {name for name in (MAGNETS, "MAG-2025-DY-27", SEMICON) if name in everything} == set(seen)


def test_an_error_of_the_run_itself_is_shown_to_all(caller, run):
    ScreeningRun.objects.filter(pk=run.pk).update(errors=[{"error": "OperationalError: gone"}])
    assert whole(caller("viewer"), run)["errors"] == [{"error": "OperationalError: gone"}]


def test_what_was_set_aside_of_the_policies_is_shown(administrator, run):
    left_out = [{"name": "licence X", "error": "AttributeError: no"}]
    ScreeningRun.objects.filter(pk=run.pk).update(policies_set_aside=left_out)
    assert whole(administrator, run)["policies_set_aside"] == left_out


def test_a_contract_set_aside_says_what_is_wrong_with_it_by_its_place(administrator, run):
    (row,) = [row for row in administrator.get("/api/v1/set-aside").json()["results"] if row["contract"] == MAGNETS]
    assert (row["run"], sorted(row)) == (run.pk, ["contract", "error", "faults", "run", "since"])
    assert row["faults"] == [f"{FAULT}'a lot' is not a decimal number such as 12.50"]


def test_one_that_no_fact_explains_has_its_error_alone(administrator, run):
    Line.objects.filter(contract__reference=MAGNETS).update(content=None)
    (row,) = [row for row in administrator.get("/api/v1/set-aside").json()["results"] if row["contract"] == MAGNETS]
    assert row["faults"] == []
    assert row["error"].startswith("InvalidOperation: ")


def test_one_that_was_deleted_since_is_not_listed(administrator, run):
    SetAside.objects.filter(reference=MAGNETS).update(contract_id=0)
    assert [row["contract"] for row in administrator.get("/api/v1/set-aside").json()["results"]] == [SEMICON]


def test_lists_of_runs_read_no_manifest(administrator, run, django_assert_num_queries):
    with django_assert_num_queries(1 + OF_REST) as queries:
        (first, *_) = administrator.get("/api/v1/runs").json()["results"]
    assert first["id"] == run.pk
    asked = " ".join(query["sql"] for query in queries.captured_queries)
    assert "alerts_screeningrun" in asked
    assert "scope" not in asked
    assert "buckets" not in asked


def test_contracts_set_aside_come_in_pages_with_few_queries(administrator, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(3 + OF_REST):
        page = administrator.get("/api/v1/set-aside?limit=1").json()
    assert len(page["results"]) == 1
    assert len(administrator.get(page["next"]).json()["results"]) == 1


def test_whoever_has_no_role_sees_none_of_it(caller, run):
    nobody = caller()
    assert nobody.get("/api/v1/set-aside").status_code == 403
    assert nobody.get(f"/api/v1/runs/{run.pk}").status_code == 403


def test_the_schema_has_the_manifest(administrator):
    schema = administrator.get(reverse("schema"), HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    assert {"scope", "buckets", "policies_set_aside", "errors"} <= schema["components"]["schemas"]["WholeRun"][
        "properties"
    ].keys()
    assert "/api/v1/set-aside" in schema["paths"]
