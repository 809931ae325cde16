"""What a bundle may and may not hold: one fault at a time, by pointer and code."""

import json
from copy import deepcopy

import pytest

from alerts.bundle.parse import parse
from alerts.bundle.problems import BundleErrors

GOOD = {
    "departments": [{"reference": "D-1"}],
    "users": [{"email": "ann@tocsin.example", "departments": ["D-1"]}],
    "organizations": [
        {"reference": "A", "name": "Aomizu"},
        {
            "reference": "B",
            "names": [{"name": "Beta"}],
            "identifiers": [{"scheme": "DUNS", "value": "anything"}],
            "owners": [{"owner": "A", "percent": "60", "until": "2025-12-31"}, {"owner": "A", "from": "2026-01-01"}],
        },
    ],
    "party_lists": [{"reference": "P", "timezone": "UTC", "entries": [{"organization": "A"}]}],
    "policy_changes": [
        {
            "reference": "CN-1",
            "timezone": "Asia/Shanghai",
            "supersedes": ["GONE"],
            "evidence": [{"publisher": "Kyodo", "reliability": "B"}],
            "measures": [
                {
                    "key": "1",
                    "effect": "ban",
                    "timeline": [{"status": "in_force", "from": "2026-01-06"}],
                    "scope": {
                        "commodities": [{"hs": ["2805.30"], "min_value_share": {"share": "0.001", "origin": "CN"}}],
                        "parties": {
                            "lists": ["P"],
                            "named": ["A"],
                            "roles": ["supplier"],
                            "affiliates": {"min_percent": "50", "operator": "gte", "aggregate": True},
                        },
                        "exempt_concluded_before": {"date": "2026-01-06"},
                    },
                }
            ],
        }
    ],
    "licences": [{"reference": "L", "exporter": "A", "measures": ["GONE/1"], "commodities": [{"hs": ["28"]}]}],
    "contracts": [
        {"reference": "F", "kind": "framework", "supplier": "A", "buyer": "B"},
        {
            "reference": "C",
            "kind": "call_off",
            "framework": "F",
            "supplier": "A",
            "buyer": "B",
            "department": "D-1",
            "owner": "nobody@tocsin.example",
            "notice_days": 60,
            "amendments": [{"increases_quantity_or_term": None}],
            "lines": [{"number": 10, "content": [{"origin": "CN", "value_share": "1"}]}, {"number": 20}],
        },
    ],
}

ORGANIZATION, CHANGE, CONTRACT = "/organizations/1", "/policy_changes/0", "/contracts/1"
MEASURE, SCOPE, LINE = f"{CHANGE}/measures/0", f"{CHANGE}/measures/0/scope", f"{CONTRACT}/lines/0"
MISSING = object()


def put(document, pointer, value):
    """A copy of a document with another value, or none, where the pointer leads."""
    changed = deepcopy(document)
    *way, last = pointer.strip("/").split("/")
    node = changed
    for step in way:
        node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
    if value is MISSING:
        del node[last]
    elif isinstance(node, list):
        node.insert(int(last), value)
    else:
        node[last] = value
    return changed


def problems(document):
    try:
        parse(document if isinstance(document, (str, bytes)) else json.dumps(document))
    except BundleErrors as errors:
        return [(problem.pointer, problem.code) for problem in errors.problems]
    return []


def test_the_bundle_these_tests_begin_with_is_good():
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("pointer", "value", "code"),
    [
        # required, and null where it has no meaning
        ("/contracts/1/kind", MISSING, "required"),
        ("/contracts/1/supplier", None, "null"),
        ("/licences/0/exporter", MISSING, "required"),
        (f"{MEASURE}/timeline", MISSING, "required"),
        (f"{CHANGE}/timezone", None, "null"),
        ("/party_lists/0/timezone", MISSING, "required"),
        (f"{LINE}/number", MISSING, "required"),
        (f"{LINE}/control_codes", [None], "null"),
        # numbers are text, counts are numbers, booleans are booleans
        (f"{LINE}/hs_code", 2805, "not_a_string"),
        (f"{LINE}/hs_code", 2805.3, "not_a_string"),
        (f"{LINE}/purity", 99.9, "not_a_string"),
        (f"{LINE}/quantity", 5, "not_a_string"),
        (f"{LINE}/quantity", True, "not_a_string"),
        (f"{LINE}/quantity", "1e3", "not_a_number"),
        (f"{LINE}/quantity", "1,000", "not_a_number"),
        (f"{LINE}/quantity", "NaN", "not_a_number"),
        (f"{LINE}/quantity", "١٢", "not_a_number"),
        (f"{LINE}/quantity", "-1", "out_of_range"),
        (f"{LINE}/quantity", "0.0000000001", "too_precise"),
        (f"{LINE}/number", "10", "not_an_integer"),
        (f"{LINE}/number", 10.0, "not_an_integer"),
        (f"{LINE}/number", True, "not_an_integer"),
        (f"{CONTRACT}/notice_days", "60", "not_an_integer"),
        (f"{CONTRACT}/notice_days", -1, "out_of_range"),
        (f"{CONTRACT}/amendments/0/increases_quantity_or_term", 1, "not_a_boolean"),
        (f"{ORGANIZATION}/is_supplier", "true", "not_a_boolean"),
        # percentages and shares
        (f"{LINE}/purity", "100.1", "out_of_range"),
        (f"{ORGANIZATION}/owners/0/percent", "101", "out_of_range"),
        (f"{LINE}/content/0/value_share", "1.1", "out_of_range"),
        # codes
        (f"{LINE}/hs_code", "28053", "invalid_hs_code"),
        (f"{LINE}/hs_code", "28.5", "invalid_hs_code"),
        (f"{LINE}/hs_code", "2805301200", "invalid_hs_code"),
        (f"{SCOPE}/commodities/0/hs/0", "2805.3", "invalid_hs_code"),
        (f"{LINE}/tariff_codes/CN", "28053", "invalid_tariff_code"),
        (f"{LINE}/tariff_codes/CN", "2805.30.12", "invalid_tariff_code"),
        (f"{LINE}/tariff_codes/XX", "2805301200", "invalid_country"),
        (f"{LINE}/control_codes", ["CN-DUAL:"], "invalid_control_code"),
        (f"{LINE}/elements", ["Dy", "Dx"], "invalid_element"),
        (f"{LINE}/origin_country", "jp", "invalid_country"),
        (f"{CONTRACT}/currency", "RMB", "invalid_currency"),
        (f"{CONTRACT}/concluded_timezone", "JST-9", "invalid_timezone"),
        (f"{CHANGE}/timezone", "asia/shanghai", "invalid_timezone"),
        (f"{ORGANIZATION}/names/0/language", "english", "invalid_language"),
        ("/users/0/language", "de", "invalid_choice"),
        ("/users/0/roles", ["buyer", "emperor"], "invalid_choice"),
        (f"{CHANGE}/evidence/0/reliability", "G", "invalid_choice"),
        (f"{CHANGE}/evidence/0/credibility", 3, "not_a_string"),
        (f"{CHANGE}/evidence/0/url", "javascript:alert(1)", "invalid_url"),
        (f"{CONTRACT}/owner", "nobody", "invalid_email"),
        (f"{CONTRACT}/reference", "C/1", "invalid_reference"),
        ("/licences/0/measures/0", "A/B/C", "invalid_reference"),
        # days and instants
        (f"{CONTRACT}/expires_on", "2026-02-29", "invalid_date"),
        (f"{CONTRACT}/expires_on", "2026-1-1", "invalid_date"),
        (f"{CONTRACT}/expires_on", "20260101", "invalid_date"),
        (f"{CONTRACT}/expires_on", "9999-12-31", "implausible_date"),
        (f"{CONTRACT}/expires_on", "2026-01-01T00:00:00Z", "invalid_date"),
        (f"{CONTRACT}/concluded_at", "2026-01-01T00:00:00", "no_offset"),
        (f"{CONTRACT}/concluded_at", "2026-01-01", "invalid_instant"),
        (f"{CONTRACT}/concluded_at", "2026-01-01T25:00:00Z", "invalid_instant"),
        # text
        (f"{CONTRACT}/title", "", "blank"),
        (f"{CONTRACT}/title", " ", "blank"),
        (f"{CONTRACT}/title", "a\0b", "nul"),
        (f"{CONTRACT}/title", "a\ud800", "surrogate"),
        (f"{CONTRACT}/title", "x" * 10_001, "too_long"),
        # shapes
        (f"{CONTRACT}/lines", {}, "not_a_list"),
        (f"{SCOPE}/parties", [], "not_an_object"),
        (f"{SCOPE}/commodities/0", {}, "no_facet"),
        (f"{SCOPE}/commodities/0", {"hs": [], "elements": None}, "no_facet"),
        ("/licences/0/commodities/0", {}, "no_facet"),
        (f"{SCOPE}/parties/roles", [], "empty"),
        (f"{SCOPE}/parties/roles", MISSING, "required"),
        (f"{SCOPE}/parties/affiliates/operator", MISSING, "required"),
        (f"{SCOPE}/commodities/0/min_value_share/origin", MISSING, "required"),
        (f"{SCOPE}/exempt_concluded_before/date", MISSING, "required"),
        # unknown keys
        ("/contract", [], "unknown_key"),
        (f"{CONTRACT}/colour", "red", "unknown_key"),
        (f"{SCOPE}/country", "CN", "unknown_key"),
        (f"{SCOPE}/parties/affiliates/rule", 1, "unknown_key"),
        # unknown references
        (f"{CONTRACT}/end_user", "NOBODY", "unknown_reference"),
        (f"{CONTRACT}/framework", "NOTHING", "unknown_reference"),
        (f"{CONTRACT}/department", "D-2", "unknown_reference"),
        ("/users/0/departments/0", "D-2", "unknown_reference"),
        (f"{ORGANIZATION}/owners/0/owner", "NOBODY", "unknown_reference"),
        ("/party_lists/0/entries/0/organization", "NOBODY", "unknown_reference"),
        ("/licences/0/consignee", "NOBODY", "unknown_reference"),
        (f"{SCOPE}/parties/lists/0", "Q", "unknown_reference"),
        (f"{SCOPE}/parties/named/0", "NOBODY", "unknown_reference"),
    ],
)
def test_a_fault_is_found_where_it_is(pointer, value, code):
    found = problems(put(GOOD, pointer, value))
    assert [found_code for _, found_code in found] == [code]
    assert found[0][0].startswith(pointer)


@pytest.mark.parametrize(
    ("where", "values", "pointer", "code"),
    [
        (CONTRACT, {"effective_on": "2026-02-01", "expires_on": "2026-01-31"}, "/expires_on", "ends_before_it_begins"),
        (
            CONTRACT,
            {"termination_notice_on": "2026-02-01", "terminated_on": "2026-01-31"},
            "/terminated_on",
            "ends_before_it_begins",
        ),
        (LINE, {"ship_from": "2026-02-01", "ship_until": "2026-01-31"}, "/ship_until", "ends_before_it_begins"),
        (
            CONTRACT,
            {"concluded_on": "2026-01-01", "concluded_at": "2026-01-01T09:00:00+09:00"},
            "/concluded_on",
            "concluded_twice",
        ),
        (CONTRACT, {"framework": "C"}, "/framework", "own_framework"),
        (
            "/licences/0",
            {"valid_from": "2026-02-01", "valid_until": "2026-01-31"},
            "/valid_until",
            "ends_before_it_begins",
        ),
        (
            "/party_lists/0/entries/0",
            {"from": "2026-02-01", "until": "2026-01-31"},
            "/until",
            "ends_before_it_begins",
        ),
        (
            "/users/0",
            {"away": [{"from": "2026-02-01", "until": "2026-01-31"}]},
            "/away/0/until",
            "ends_before_it_begins",
        ),
        (f"{CONTRACT}/lines/1", {"number": 10}, "/number", "duplicate"),
        (
            ORGANIZATION,
            {"owners": [{"owner": "A"}, {"owner": "A", "from": "2026-01-01"}]},
            "/owners/1/owner",
            "owner_twice",
        ),
        (
            ORGANIZATION,
            {"owners": [{"owner": "A", "percent": "50.01"}, {"owner": "B", "percent": "50"}]},
            "/owners",
            "more_than_all",
        ),
        (
            ORGANIZATION,
            {"identifiers": [{"scheme": "LEI", "value": "123"}]},
            "/identifiers/0/value",
            "invalid_identifier",
        ),
        (
            ORGANIZATION,
            {"identifiers": [{"scheme": "JP-CN", "value": "8010099999901"}]},
            "/identifiers/0/value",
            "invalid_identifier",
        ),
        (
            ORGANIZATION,
            {"identifiers": [{"scheme": "CN-USCC", "value": "91360799MA0AAAA011"}]},
            "/identifiers/0/value",
            "invalid_identifier",
        ),
    ],
)
def test_a_contradiction_is_found(where, values, pointer, code):
    document = GOOD
    for name, value in values.items():
        document = put(document, f"{where}/{name}", value)
    assert problems(document) == [(where + pointer, code)]


@pytest.mark.parametrize(
    ("owners", "good"),
    [
        ([("A", "60", None, "2025-12-31"), ("B", "60", "2026-01-01", None)], True),  # on no day together
        ([("A", "60", None, "2026-01-01"), ("B", "60", "2026-01-01", None)], False),  # on one day
        ([("A", "100", None, None), ("B", None, None, None)], True),  # an unknown share adds nothing
    ],
)
def test_shares_add_up_day_by_day(owners, good):
    rows = [{"owner": owner, "percent": share, "from": first, "until": last} for owner, share, first, last in owners]
    assert (problems(put(GOOD, f"{ORGANIZATION}/owners", rows)) == []) is good


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        (b"\xff", "", "not_utf8"),
        ("{", "", "not_json"),
        ('{"contracts": [NaN]}', "", "not_json"),
        ("[" * 100_000, "", "not_json"),
        ("[]", "", "not_an_object"),
        ("", "", "not_json"),
        ("{}".encode("utf-16"), "", "not_utf8"),
        ('{"contracts": [],}', "", "not_json"),
        ('{"contracts": 1e99999999999999999999}', "/contracts", "not_a_list"),
        ('{"contracts": [%s]}' % ("9" * 5_000), "/contracts/0", "not_an_object"),
        ('{"contracts": {}}', "/contracts", "not_a_list"),
        ('{"contracts": null}', "/contracts", "not_a_list"),
        ('{"organizations": [7]}', "/organizations/0", "not_an_object"),
        ('{"organizations": [{"reference": "A", "reference": "B"}]}', "/organizations/0/reference", "key_twice"),
        ('{"organizations": [{"reference": "A", "a/b~c": 1}]}', "/organizations/0/a~1b~0c", "unknown_key"),
    ],
)
def test_what_is_no_bundle_is_refused(text, pointer, code):
    assert problems(text) == [(pointer, code)]


def test_a_number_with_thousands_of_digits_is_no_way_in():
    text = '{"contracts": [], "organizations": [{"reference": %s}]}' % ("9" * 10_000)
    assert problems(text) == [("/organizations/0/reference", "not_a_string")]


def test_contradictions_are_found_beside_other_faults():
    document = put(put(GOOD, f"{CONTRACT}/effective_on", "2026-02-01"), f"{CONTRACT}/expires_on", "2026-01-31")
    document = put(put(document, f"{CONTRACT}/currency", "RMB"), f"{CONTRACT}/lines/1/number", 10)
    assert problems(document) == [
        (f"{CONTRACT}/currency", "invalid_currency"),
        (f"{CONTRACT}/expires_on", "ends_before_it_begins"),
        (f"{CONTRACT}/lines/1/number", "duplicate"),
    ]


def test_values_are_normalised():
    document = put(GOOD, f"{LINE}/hs_code", "28.05.30")
    document = put(document, f"{CONTRACT}/title", "ca\u0301ble")
    document = put(document, f"{CONTRACT}/owner", "Ann@Tocsin.Example")
    contract = parse(json.dumps(document)).contracts[1]
    assert contract["lines"][0]["hs_code"] == "280530"
    assert contract["title"] == "c\u00e1ble"
    assert contract["owner"] == "ann@tocsin.example"
