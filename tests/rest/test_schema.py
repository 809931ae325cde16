"""The OpenAPI document: complete, without warnings, with examples and problems; its page under a strict CSP."""

import base64
import hashlib
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import get_resolver, reverse

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
    for name, operation in operations(schema):
        failures = [code for code in operation["responses"] if code >= "400"]
        assert failures, name
        for code in failures:
            content = operation["responses"][code].get("content", {})
            assert "application/problem+json" in content or code == "409" or name == OAUTH, (name, code)
        assert "security" in operation or name in OPEN, name


def test_bodies_have_examples(schema):
    for path in ("contracts", "organizations"):
        operation = schema["paths"][f"/api/v1/{path}/{{reference}}"]["put"]
        assert operation["requestBody"]["content"]["application/json"]["examples"]


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
