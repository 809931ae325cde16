"""Large bodies that are wrong cost little more than what is told of them; `python -m tests.rest.large` measures it."""

import io
import random
import unicodedata
from itertools import groupby
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from alerts.bundle.kinds import KINDS
from alerts.bundle.many import Many, Row
from alerts.views.bulk import ArrayParser, LinesParser
from people.fields import Amount, Text
from people.resources import MOST_VALUES, StrictJSONParser, TooLarge, refusal
from people.strict import MOST_FAULTS, faults_in
from tests.rest.large_bodies import line, listed

MARKS = "\u0300\u0316\u0f73"  # of which the last is no mark itself


def codes(error: ValidationError) -> list[str]:
    return [one.code for one in error.detail]


def test_text_has_thirty_combining_marks_in_a_row_at_most() -> None:
    chance = random.Random(1)
    for _ in range(3000):
        lengths = chance.choices((0, 1, 29, 30, 31, 32, 400), (30, 30, 5, 5, 5, 5, 1), k=chance.randint(1, 6))
        text = "".join("ab"[: chance.randint(1, 2)] + "".join(chance.choices(MARKS, k=length)) for length in lengths)
        if max(lengths) > 30:
            with pytest.raises(ValidationError) as refused:
                Text().run_validation(text)
            assert codes(refused.value) == ["too_many_marks"]
        else:
            assert Text().run_validation(text) == unicodedata.normalize("NFC", text)


def test_a_number_is_not_padded_without_end() -> None:
    assert Amount(as_text=True).run_validation("0" * 97 + "1.5") == "0" * 97 + "1.5"
    with pytest.raises(ValidationError) as refused:
        Amount().run_validation("0" * 98 + "1.5")
    assert codes(refused.value) == ["too_precise"]


def test_a_list_of_lines_at_its_longest_is_read() -> None:
    body = b'{"lines": %s}' % listed(line, 20_000).encode()
    assert len(StrictJSONParser().parse(io.BytesIO(body))["lines"]) == 20_000
    dense = b"[%s]" % b",".join([body] * 3)
    assert len(ArrayParser().parse(io.BytesIO(dense))) == 3


@pytest.mark.parametrize(
    ("parser", "unit"),
    [
        (StrictJSONParser, b"1,"),
        (StrictJSONParser, b'"k":1,'),
        (StrictJSONParser, b"[],"),
        (ArrayParser, b"{},"),
        (LinesParser, b"1\n"),
        (LinesParser, b"\n"),
    ],
)
def test_more_values_than_are_read_are_refused_before_they_are(parser: Any, unit: bytes, monkeypatch) -> None:
    monkeypatch.setattr("people.resources.loads", lambda text: pytest.fail("it was read"))
    monkeypatch.setattr("alerts.views.bulk.loads", lambda text: pytest.fail("it was read"))
    with pytest.raises(TooLarge, match="values"):
        parser().parse(io.BytesIO(unit * (MOST_VALUES + 1)))


MANY = 20_000
BACKWARDS = {"ship_from": "2026-02-02", "ship_until": "2026-01-01"}
UNKNOWN = {f"k{number}": 1 for number in range(70)}


@pytest.mark.parametrize(
    ("section", "sent"),
    [
        ("contracts", {"lines": [{"number": 7}] * MANY}),  # the same line again and again
        ("contracts", {"lines": [{"number": number, **BACKWARDS} for number in range(MANY)]}),
        ("contracts", {"lines": [{}] * MANY}),
        ("organizations", {"owners": [{"owner": "SULA"}] * MANY}),  # who is one owner on all days
        ("policy_changes", {"measures": [{"scope": {"commodities": [UNKNOWN] * 70}}] * 95}),  # faults in every part
        ("policy_changes", {"measures": [UNKNOWN] * MANY}),
    ],
)  # fmt: skip
def test_so_many_faults_are_found_and_no_more(section: str, sent: Any) -> None:
    _, errors = KINDS[section].serializer.examine(sent)
    assert MOST_FAULTS <= faults_in(errors) <= 2 * MOST_FAULTS


def test_of_the_faults_a_hundred_are_told_and_that_there_may_be_more() -> None:
    found = refusal((("lines", number), "duplicate", "stands there already") for number in range(20_000))
    assert faults_in(found.detail) == MOST_FAULTS + 1
    assert found.get_codes()["non_field_errors"] == ["too_many_faults"]
    assert "non_field_errors" not in refusal([(("lines", 1), "duplicate", "stands there already")]).detail


def test_of_a_row_ten_faults_are_told(db) -> None:
    sent = {"reference": "R", **{f"k{number}": 1 for number in range(500)}, "lines": [{}] * 500}
    unknown = {"reference": "S", "kind": "purchase", "supplier": "X", "buyer": "X", "amendments": [7] * 500}
    results = Many("contracts", [Row(0, sent), Row(1, unknown)], by=None).refused  # type: ignore[arg-type]
    assert {number: len(problems) for number, problems in results.items()} == {0: 10, 1: 10}


def test_a_call_of_checks_tells_of_a_hundred_unknown_keys(administrator) -> None:
    body = {"documents": [{}], **{f"k{number}": 1 for number in range(5000)}}
    errors = administrator.post("/api/v1/checks", body, format="json").json()["errors"]
    assert [key for key, _ in groupby(error["code"] for error in errors)] == ["too_many_faults", "unknown_key"]
    assert len(errors) == MOST_FAULTS + 1


@pytest.mark.parametrize("body", ["null", "[]", '""', "0", "false"])
def test_what_takes_no_particulars_takes_an_object_or_nothing(administrator, body) -> None:
    (flag,) = administrator.get("/api/v1/flags?limit=1").json()["results"]
    change = administrator.get("/api/v1/policy-changes?limit=1&status=published").json()["results"][0]["reference"]
    for address in (f"flags/{flag['id']}/acknowledge", f"policy-changes/{change}/publish"):
        answer = administrator.post(f"/api/v1/{address}", body, content_type="application/json")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_an_object"), address
        assert administrator.post(f"/api/v1/{address}").status_code == 200, address
    answer = administrator.post(f"/api/v1/policy-changes/{change}/preview", body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_an_object")
