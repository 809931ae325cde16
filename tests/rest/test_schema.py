"""The OpenAPI document: complete, without warnings, with examples and problems; its page under a strict CSP."""

import base64
import hashlib
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import get_resolver, reverse
from jsonschema import Draft202012Validator, FormatChecker

from config import examples
from config.problem_codes import CODES

OPEN = {"POST /api/v1/auth/token", "POST /api/v1/oauth/token", "GET /api/v1/checks/keys"}

OAUTH = "POST /api/v1/oauth/token"
"""Fails as RFC 6749 has it."""


@pytest.fixture
def schema(administrator):
    return administrator.get(reverse("schema"), HTTP_ACCEPT="application/vnd.oai.openapi+json").json()


def operations(schema):
    for path, item in schema["paths"].items():
        for verb, operation in item.items():
            if verb in ("get", "put", "post", "patch", "delete"):
                yield f"{verb.upper()} {path}", operation


def test_it_is_made_without_warnings():
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO(), stderr=StringIO())


def test_every_address_is_in_it(schema):
    undocumented = {"schema", "docs", "nothing"}
    (resolver,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    paths = {re.sub(r"\{[a-z_]+\}", "{}", path) for path in schema["paths"]}
    for pattern in resolver.url_patterns:
        if pattern.name not in undocumented:
            assert "/api/v1/" + re.sub(r"<\w+:\w+>", "{}", str(pattern.pattern)) in paths


def test_every_operation_says_how_it_fails_and_who_may(schema):
    assert schema["components"]["securitySchemes"].keys() == {"cookieAuth", "knoxApiToken", "oauth2"}
    shown = schema["components"]["examples"]
    for name, operation in operations(schema):
        failures = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
        assert failures, name
        for code, answer in failures.items():
            if name == OAUTH and code in ("400", "401"):
                continue
            assert len(answer["description"]) > 20, (name, code)
            examples = answer["content"]["application/problem+json"]["examples"].values()
            for example in (shown[one["$ref"].rpartition("/")[2]]["value"] for one in examples):
                assert str(example["status"]) == code, (name, code)
                assert [error["code"] for error in example["errors"]], (name, code)
        assert "security" in operation or name in OPEN, name


def test_an_operation_fails_in_no_way_that_its_kind_does_not_have(schema):
    stored = "contracts|departments|licences|organizations|party-lists|policy-changes|users"
    on_read = re.compile(rf"(PATCH|DELETE) /api/v1/({stored})/{{reference}}")
    on_state = re.compile(rf"(PUT|PATCH|DELETE) /api/v1/({stored})/{{reference}}")
    conflicts = {
        "GET /api/v1/jobs/{id}/absent",
        "PUT /api/v1/webhooks/{reference}",
        "PUT /api/v1/service-accounts/{reference}",
        "POST /api/v1/service-accounts/{reference}/credentials/{id}/rotate",
    }
    for name, operation in operations(schema):
        failures = {code for code in operation["responses"] if code >= "400"}
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        writes, keyed = not name.startswith("GET "), "Idempotency-Key" in headers
        expected = {
            "400": True,
            "401": name not in OPEN or name.endswith("/token"),
            "403": name not in OPEN,
            "404": "{" in name or name == "GET /api/v1/flags",
            "405": False,
            "406": True,
            "409": bool(on_state.fullmatch(name)) or keyed or name in conflicts,
            "410": name == "GET /api/v1/changes",
            "412": bool(on_state.fullmatch(name)),
            "422": keyed,
            "428": bool(on_read.fullmatch(name)),
            "429": True,
            "500": True,
        }
        assert {code: code in failures for code in expected} == expected, name
        assert not failures & {"413", "415"} or (writes and not name.startswith("DELETE ")), name
        assert failures >= {"413", "415"} or "requestBody" not in operation or name == OAUTH, name


def test_the_codes_of_problems_are_listed_and_may_become_more(schema):
    code = schema["components"]["schemas"]["ProblemError"]["properties"]["code"]
    assert (code["x-codes"], "enum" in code) == (CODES, False)


def test_problems_are_answered_as_the_examples_have_them(administrator, schema):
    shown = {name: example["value"] for name, example in schema["components"]["examples"].items()}
    path = reverse("contracts-detail", args=["4600001234"])
    call = {"X-Request-ID": shown["NotFound"]["request_id"]}
    as_json = {"content_type": "application/json", "headers": call}
    with_key = {**call, "Idempotency-Key": "wrong-body"}
    answers = {
        "NotFound": administrator.get(path, headers=call),
        "UnknownKey": administrator.put(path, {"titel": "x"}, headers=call),
        "NotJson": administrator.generic("PUT", path, "no", **as_json),
        "PreconditionRequired": administrator.patch(path, {}, headers=call),
        "UnsupportedMediaType": administrator.generic("PUT", path, "a", content_type="text/csv", headers=call),
        "NotAcceptable": administrator.get(path, headers={**call, "Accept": "text/csv"}),
    }
    administrator.post(reverse("checks-list"), {}, headers=with_key)
    answers["KeyReused"] = administrator.post(reverse("checks-list"), [], headers=with_key)
    for name, answer in answers.items():
        said = answer.json()
        about = {"instance", "errors", "detail"}
        assert {key: said[key] for key in said.keys() - about} == {
            key: shown[name][key] for key in shown[name].keys() - about
        }, name
        assert shown[name]["errors"][0] in said["errors"], name


def bodies(schema):
    """Of all requests and answers, with the example that is shown of each."""
    for name, operation in operations(schema):
        found = [operation["requestBody"]] if "requestBody" in operation else []
        for body in (*found, *operation["responses"].values()):
            for media_type, content in body.get("content", {}).items():
                if media_type != "application/x-ndjson":
                    yield name, content


def test_every_body_of_a_request_and_of_an_answer_has_an_example_that_fits_its_schema(schema):
    components = schema["components"]
    checked = 0
    for name, content in bodies(schema):
        assert content["examples"], name
        validator = Draft202012Validator(
            {**content["schema"], "components": components}, format_checker=FormatChecker()
        )
        for example in content["examples"].values():
            value = components["examples"][example["$ref"].rpartition("/")[2]]["value"]
            faults = [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(value)]
            assert faults == [], (name, example["$ref"])
            checked += 1
    assert checked > 1000


def test_no_example_is_left_that_nothing_shows(schema):
    shown = {one["$ref"].rpartition("/")[2] for _, body in bodies(schema) for one in body["examples"].values()}
    assert schema["components"]["examples"].keys() - shown == set()
    own = json.loads((Path(examples.__file__).parent / "examples.json").read_text("utf-8"))
    listed = {re.sub("Paginated(.+)List$|List$", r"\1", one) for one in shown}
    assert {f"{side}.{name}" for side, known in own.items() for name in known} - listed - shown == set()


def test_examples_that_are_sent_are_taken(administrator, schema):
    sent = {
        name: one["value"] for name, one in schema["components"]["examples"].items() if name.startswith("requests.")
    }
    holding = {"reference": "V-100233", "name": "Example Holding Co., Ltd.", "country": "CN", "kind": "company"}
    assert administrator.put(reverse("organizations-detail", args=["V-100233"]), holding).status_code == 201
    for section, name in (
        ("departments", "Department"),
        ("users", "User"),
        ("party-lists", "PartyList"),
        ("licences", "Licence"),
        ("organizations", "Organization"),
        ("contracts", "Contract"),
        ("policy-changes", "PolicyChange"),
    ):
        body, patch = sent[f"requests.{name}"], sent[f"requests.Patched{name}"]
        address = reverse(f"{section}-detail", args=[body.get("reference") or body["email"]])
        assert administrator.put(address, body).status_code in (200, 201, 202), name
        assert administrator.patch(address, patch, headers={"If-Match": "*"}).status_code in (200, 202), name
    answer = administrator.post(reverse("checks-list"), sent["requests.Call"]).json()
    assert [result["errors"] for result in answer["results"]] == [[]]


def test_the_page_takes_no_script_but_our_files(administrator):
    page = administrator.get(reverse("docs"))
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    html = page.content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", html)
    assert not re.findall(r"\s(?:on\w+|style)=", html)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in policy
    script = administrator.get(reverse("docs") + "?script=")
    assert (script.status_code, b"SwaggerUI" in script.content) == (200, True)
