"""Lists: ordered as asked, with the fields asked for, compressed; what a parameter does not mean is refused."""

import gzip
import json

import pytest
from knox.models import get_token_model
from rest_framework.test import APIClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from contracts.models import Contract
from people.models import User
from tests.rest.test_reading import references


def walk(client, address):
    """All rows of a list, three to a page."""
    rows, pages = [], f"/api/v1/{address}{'&' if '?' in address else '?'}limit=3"
    while pages and len(rows) < 1000:
        answer = client.get(pages).json()
        rows += answer["results"]
        pages = answer["next"]
    return rows


@pytest.mark.parametrize("sign", ["", "-"])
def test_contracts_by_their_end_those_without_one_last(administrator, sign):
    Contract.objects.filter(reference__startswith="AME").update(expires_on=None)
    rows = [
        (one["expires_on"], one["reference"]) for one in walk(administrator, f"contracts?ordering={sign}expires_on")
    ]
    ended = sorted((row for row in rows if row[0]), reverse=bool(sign))
    open_ended = sorted((row for row in rows if not row[0]), reverse=bool(sign))
    assert len(open_ended) > 3
    assert rows == ended + open_ended
    assert len(set(rows)) == Contract.objects.count()


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("contracts?ordering=-reference", "reference"),
        ("flags?ordering=-act_by", "act_by"),
        ("flags?ordering=-updated_at", "updated_at"),
        ("messages?ordering=-id", "id"),
        ("policy-changes?ordering=-announced_on", "announced_on"),
        ("licences?ordering=-valid_until", "valid_until"),
    ],
)
def test_lists_the_other_way_round(administrator, address, key):
    there, back = walk(administrator, address.replace("=-", "=")), walk(administrator, address)
    valued = [row[key] for row in back if row[key] is not None]
    assert valued == sorted(valued, reverse=True)
    assert len(there) == len(back) > 0
    assert {json.dumps(row, sort_keys=True) for row in there} == {json.dumps(row, sort_keys=True) for row in back}


def test_a_cursor_belongs_to_its_order(administrator):
    following = administrator.get("/api/v1/contracts?ordering=expires_on&limit=1").json()["next"]
    for wrong in (following.replace("ordering=expires_on", "ordering=reference"), following.replace("ordering=", "x=")):
        assert administrator.get(wrong).status_code == 400


def test_only_the_fields_asked_for(administrator):
    (row, *_) = administrator.get("/api/v1/contracts?fields=reference,expires_on").json()["results"]
    assert row.keys() == {"reference", "expires_on"}
    one = administrator.get("/api/v1/contracts/MAG-2025-DY-27?fields=title,lines").json()
    assert one.keys() == {"title", "lines"}
    unknown = administrator.get("/api/v1/flags?fields=id,colour")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (400, "unknown_field")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("contracts?kind=", "blank"),
        ("contracts?department=%20", "blank"),
        ("contracts?department=A&department=B", "twice"),
        ("contracts?expires_before=0001-01-01", "implausible_date"),
        ("contracts?expires_before=9999-12-31", "implausible_date"),
        ("contracts?expires_before=01/02/26", "invalid_date"),
        ("organizations?is_supplier=yes", "not_a_boolean"),
        ("flags?open=1", "not_a_boolean"),
        ("contracts?ordering=lines", "invalid_choice"),
        ("contracts?ordering=expires_on,reference", "invalid_choice"),
        ("contracts?ordering=supplier__name", "invalid_choice"),
        ("contracts?fields=", "blank"),
        ("contracts?format=xml", "unknown_parameter"),
        ("contracts?cursor=WyJleHBpcmVzX29uIiwxLCJBIl0&ordering=expires_on", "invalid_cursor"),
    ],
)
def test_a_parameter_that_means_nothing_is_refused(administrator, query, code):
    answer = administrator.get(f"/api/v1/{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_answers_are_compressed_for_machines_alone(administrator):
    administrator_user = User.objects.get(email="administrator@example.com")
    _, token = get_token_model().objects.create(user=administrator_user)
    machine, person = APIClient(), APIClient()
    machine.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    person.force_login(administrator_user)
    asked = {"Accept-Encoding": "gzip"}
    answer = machine.get("/api/v1/contracts", headers=asked)
    assert answer["Content-Encoding"] == "gzip"
    plain = person.get("/api/v1/contracts", headers=asked)
    assert "Content-Encoding" not in plain
    assert json.loads(gzip.decompress(answer.content)) == plain.json()
    one = machine.get("/api/v1/contracts/MAG-2025-DY-27", headers=asked)
    assert one["ETag"].startswith('W/"')
    same = machine.get("/api/v1/contracts/MAG-2025-DY-27", headers={**asked, "If-None-Match": one["ETag"]})
    assert same.status_code == 304


def test_the_id_of_a_request_is_in_its_answer_in_its_problem_and_in_the_log(administrator):
    with capture_logs(processors=[merge_contextvars]) as log:
        own = administrator.get("/api/v1/contracts/NOBODY", headers={"X-Request-ID": "erp-4711"})
    assert (own["X-Request-ID"], own.json()["request_id"]) == ("erp-4711", "erp-4711")
    assert [(line["event"], line["request_id"]) for line in log] == [
        ("request_started", "erp-4711"),
        ("request_finished", "erp-4711"),
    ]
    ours = administrator.get("/api/v1/contracts?limit=1", headers={"X-Request-ID": "a b\x7f"})
    assert len(ours["X-Request-ID"]) == 36
    assert references(ours)


def test_rows_of_a_list_are_the_objects_themselves(administrator):
    """PostgreSQL writes the rows of these lists, Python the objects: to the letter the same, and in one order."""
    odd = {
        "reference": "ODD",
        "kind": "purchase",
        "supplier": Contract.objects.values_list("supplier__reference", flat=True)[0],
        "buyer": Contract.objects.values_list("buyer__reference", flat=True)[0],
        "title": 'tab\t, "quotes" \\ / </script> \u2028 磁石 🧲',
        "concluded_at": "2025-11-20T09:00:00.000001+09:00",
        "concluded_timezone": "Asia/Tokyo",
        "notice_days": 0,
        "amendments": [
            {"made_on": "2026-01-02", "increases_quantity_or_term": False, "summary": "later"},
            {"made_on": "2025-12-24", "increases_quantity_or_term": None, "summary": None},
        ],
        "lines": [
            {"number": 20, "quantity": "1200.500", "unit_price": "0.000", "purity": "99.990", "delivered": "1"},
            {
                "number": 10,
                "quantity": "100000000000000000000",
                "cancelled": "0.000000001",
                "control_codes": [],
                "elements": ["Nd", "Dy"],
                "tariff_codes": {"JP": "850511000", "CN": "8505111000"},
                "content": [{"origin": "CN", "value_share": "0.40"}, {"origin": None, "value_share": None}],
            },
        ],
    }
    assert administrator.put("/api/v1/contracts/ODD", odd).status_code == 201
    administrator.put("/api/v1/contracts/ODD-TOO", {**odd, "reference": "ODD-TOO", "concluded_at": "2025-11-20T00:00Z"})
    for kind in ("contracts", "organizations"):
        rows = walk(administrator, kind)
        assert len(rows) > 10
        for row in rows:
            alone = administrator.get(f"/api/v1/{kind}/{row['reference']}").json()
            assert list(row.items()) == list(alone.items())
