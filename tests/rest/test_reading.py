"""Reading over REST: exact objects, pages without counts, filters, departments."""

import json

import pytest
from django.urls import reverse

from tests.january import SCENARIO
from tests.telling import OF_ALL_THAT_HANGS_ON_IT, OF_REST

SENT = json.loads(SCENARIO.read_text(encoding="utf-8"))


def references(answer):
    return [one["reference"] for one in answer.json()["results"]]


def without_nulls(value):
    """Nulls and missing keys mean the same, except in lists that may be unknown."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("section", "resource"),
    [("organizations", "organizations"), ("contracts", "contracts"), ("departments", "departments")],
)
def test_what_was_sent_comes_back(administrator, section, resource):
    for sent in SENT[section]:
        answer = administrator.get(f"/api/v1/{resource}/{sent['reference']}")
        assert answer.status_code == 200
        got = without_nulls(answer.json())
        for key, value in without_nulls(sent).items():
            if key in ("concluded_at",):
                continue  # the same instant, in UTC
            if key == "lines":
                assert [line["number"] for line in got["lines"]] == sorted(line["number"] for line in value)
                continue
            assert got.get(key, []) == value, (sent["reference"], key)


def test_pages_follow_one_another_to_the_end(administrator, django_assert_max_num_queries):
    seen, address = [], "/api/v1/contracts?limit=25"
    pages = 0
    while address:
        with django_assert_max_num_queries(3 + OF_REST):
            answer = administrator.get(address)
        assert sorted(answer.json()) == ["next", "results"]
        seen += references(answer)
        address = answer.json()["next"]
        pages += 1
    assert pages == 3
    assert seen == sorted(contract["reference"] for contract in SENT["contracts"])


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "IkEi=",  # a reference where a number belongs
        "LTE",  # -1
        "OTk5OTk5OTk5OTk5OTk5OTk5OTk5",  # beyond any id
        "bnVsbA",  # null
        "W10",  # []
        "%00",
        "é",
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(administrator, cursor):
    answer = administrator.get(f"/api/v1/flags?cursor={cursor}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "١", "1e3", ""])
def test_a_limit_out_of_bounds_is_refused(administrator, limit):
    assert administrator.get(f"/api/v1/flags?limit={limit}").status_code == 400


@pytest.mark.parametrize(
    "address",
    ["flags?nonsense=1", "contracts?foo=1", "contracts/MAG-2025-DY-02?expand=1", "runs?q=1", "departments?name=x"],
)
def test_an_unknown_parameter_is_refused(administrator, address):
    answer = administrator.get(f"/api/v1/{address}")
    assert answer.status_code == 400
    assert answer["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("limit=1000", 52),
        ("limit=1000&certainty=matched", 33),
        ("limit=1000&certainty=needs_review", 19),
        ("kind=possible_termination", 20),
        ("open=true", 52),
        ("open=false", 0),
        ("contract=MAG-2025-DY-27", 3),
        ("measure=CN-REPORT-2026-SOE/new&contract=MAG-2024-PR-10", 1),
        ("policy_change=CN-MOFCOM-2026-1&contract=MAG-2025-DY-02", 1),
        ("policy_change=CN-MOFCOM-2026-1&contract=MAG-2024-NDPR-01", 0),
        ("basis=resumption_unconfirmed&contract=AME-2025-SB-03", 1),
        ("owner=Mio.Hanabusa@aomizu-group.example&department=MAGNET", 0),
        ("contract=NOBODY", 0),
        ("act_by_before=2026-01-13", 0),
    ],
)
def test_flags_are_filtered(administrator, query, count):
    assert len(administrator.get(f"/api/v1/flags?{query}").json()["results"]) == count


@pytest.mark.parametrize(
    "query", ["kind=nonsense", "act_by_before=tomorrow", "act_by_before=2026-02-30", "contract=%00", "basis=%F0%28"]
)
def test_a_filter_that_means_nothing_is_refused(administrator, query):
    assert administrator.get(f"/api/v1/flags?{query}").status_code == 400


def test_a_flag_says_why(administrator, django_assert_max_num_queries):
    (listed,) = administrator.get("/api/v1/flags?contract=MAG-2024-NDPR-01").json()["results"]
    with django_assert_max_num_queries(20 + OF_REST + OF_ALL_THAT_HANGS_ON_IT):
        flag = administrator.get(f"/api/v1/flags/{listed['id']}").json()
    assert {key: flag[key] for key in listed} == listed
    assert (flag["measure"], flag["kind"]) == ("CN-REPORT-2026-SOE/existing", "possible_termination")
    assert (flag["certainty"], flag["basis"], flag["lines"]) == ("matched", "reported", [10])
    assert [(reason["line"], reason["criterion"], reason["verdict"]) for reason in flag["reasons"]] == [
        (10, "commodities", "matched"),
        (10, "buyer_countries", "matched"),
        (10, "supplier_controlled_by_state", "matched"),
    ]
    assert flag["would_clear_if"] == []
    assert flag["outdated"] is False
    assert {piece["stance"] for piece in flag["evidence"]} >= {"supports", "contradicts"}
    assert [event["kind"] for event in flag["history"]] == ["opened"]
    assert [line["state"] for line in flag["told"]] == ["pending"]


def test_a_flag_says_what_would_clear_it(administrator):
    """An end use nobody has established: civil would clear it."""
    flags = administrator.get("/api/v1/flags?certainty=needs_review&policy_change=CN-MOFCOM-2026-1").json()["results"]
    clearings = [administrator.get(f"/api/v1/flags/{flag['id']}").json()["would_clear_if"] for flag in flags]
    assert [{"field": "end_use", "values": ["civil"]}] in clearings


@pytest.mark.parametrize(
    "address", ["flags/0", "flags/x", "flags/-1", f"flags/{9**30}", "contracts/%00", "contracts/a%2Fb", "x"]
)
def test_what_is_not_there_is_a_problem_document(administrator, address):
    answer = administrator.get(f"/api/v1/{address}")
    assert answer.status_code == 404
    assert answer["content-type"] == "application/problem+json"


def test_a_buyer_sees_the_contracts_of_the_own_departments(caller):
    buyer = caller("buyer", departments=("SEMICON",))
    assert {one["department"] for one in buyer.get("/api/v1/contracts?limit=1000").json()["results"]} == {"SEMICON"}
    assert {one["department"] for one in buyer.get("/api/v1/flags?limit=1000").json()["results"]} == {"SEMICON"}
    assert buyer.get("/api/v1/contracts/MAG-2025-DY-02").status_code == 404
    recipients = {one["recipient"] for one in buyer.get("/api/v1/messages?limit=1000").json()["results"]}
    assert recipients <= {"semicon@aomizu-group.example"}


def test_a_flag_of_another_department_is_not_there(caller, administrator):
    (flag,) = administrator.get("/api/v1/flags?contract=MAG-2024-NDPR-01").json()["results"]
    viewer = caller("viewer", departments=("SEMICON",))
    assert viewer.get(f"/api/v1/flags/{flag['id']}").status_code == 404


@pytest.mark.parametrize("resource", ["organizations", "policy-changes", "party-lists", "licences", "messages", "runs"])
def test_lists_need_few_queries(administrator, django_assert_max_num_queries, resource):
    with django_assert_max_num_queries(6 + OF_REST):
        assert administrator.get(f"/api/v1/{resource}").status_code == 200


def test_the_schema_describes_every_address(administrator):
    schema = administrator.get(reverse("schema"), HTTP_ACCEPT="application/vnd.oai.openapi+json").json()
    assert schema["openapi"].startswith("3.1")
    assert set(schema["paths"]) >= {
        "/api/v1/contracts/{reference}",
        "/api/v1/policy-changes/{reference}/publish",
        "/api/v1/flags/{id}",
        "/api/v1/auth/token",
    }
    page = administrator.get(reverse("docs"))
    assert b"https://" not in page.content.replace(b"https://www.w3.org", b"")
