"""Parameters: what an address does not have it refuses, and `fields` leaves one object the fields that are named."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from tests.rest.test_schema import operations, schema

__all__ = ["schema"]


@pytest.mark.parametrize("name", ["schema", "checks-keys", "gaps", "digests", "calendar"])
def test_an_unknown_parameter_is_refused(administrator, name) -> None:
    answer = administrator.get(reverse(name), {"colour": "red"})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("unknown_parameter", "#/colour")


def test_so_it_is_where_tokens_are_made_and_given_back(administrator) -> None:
    for answer in (
        APIClient().post(reverse("token") + "?colour=red", {"email": "a@example.com", "password": "x"}),
        administrator.delete(reverse("current-token") + "?colour=red"),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_parameter")


def test_parameters_of_an_oauth_request_that_are_not_known_are_ignored(db) -> None:
    """RFC 6749, section 3.2."""
    answer = APIClient().post(reverse("oauth-token") + "?colour=red")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_gap_report_has_no_pages(administrator) -> None:
    for query in ("limit=1", "fields=flags", "ordering=id", "as_of=2026-01-13T09:05:00%2B09:00", "known=now"):
        assert administrator.get(f"{reverse('gaps')}?{query}").status_code == 400, query


def test_one_object_has_the_fields_that_are_named(administrator) -> None:
    account, webhook = "/api/v1/service-accounts/sap@example.com", "/api/v1/webhooks/ERP"
    assert administrator.put(account, {"roles": ["buyer"]}).status_code == 201
    issued = administrator.post(f"{account}/credentials", {"name": "Orders", "scopes": ["contracts:read"]}).json()
    assert administrator.put(webhook, {"url": "https://erp.example.com/tocsin"}).status_code == 201
    ping = administrator.post(f"{webhook}/ping").json()
    line = {"number": 10, "hs_code": "850511"}
    document = {"purpose": "new_contract", "reference": "PO-1", "kind": "purchase", "lines": [line]}
    document |= {"supplier": "CUILAN", "buyer": "AOM-DENKI"}
    check = administrator.post("/api/v1/checks", {"documents": [document]}).json()["results"][0]
    (flag,) = administrator.get("/api/v1/flags?limit=1").json()["results"]
    (message,) = administrator.get("/api/v1/messages?limit=1").json()["results"]
    (run,) = administrator.get("/api/v1/runs?limit=1").json()["results"]
    for address, field in (
        (account, "email"),
        (f"{account}/credentials/{issued['id']}", "secrets"),
        (webhook, "events"),
        (f"/api/v1/webhook-deliveries/{ping['id']}", "state"),
        (f"/api/v1/checks/{check['id']}", "receipt"),
        (f"/api/v1/flags/{flag['id']}", "reasons"),
        (f"/api/v1/messages/{message['id']}", "log"),
        (f"/api/v1/runs/{run['id']}", "buckets"),
        ("/api/v1/suppliers/CUILAN", "name"),
    ):
        whole, part = administrator.get(address).json(), administrator.get(address, {"fields": field})
        assert (part.status_code, part.json()) == (200, {field: whole[field]}), address
        assert administrator.get(address, {"fields": "colour"}).json()["errors"][0]["code"] == "unknown_field"


def test_fields_is_documented_where_it_is_taken(schema) -> None:
    for name, operation in operations(schema):
        listed = {one["name"] for one in operation.get("parameters", ())}
        assert "fields" in listed or "cursor" not in listed, name
        if name.startswith("GET ") and name.endswith(("{id}", "{uuid}", "{reference}")):
            assert "fields" in listed, name


def test_suppliers_are_organizations_that_are_only_read(administrator, caller) -> None:
    listed = administrator.get("/api/v1/suppliers?limit=1000").json()["results"]
    assert listed == administrator.get("/api/v1/organizations?is_supplier=true&limit=1000").json()["results"]
    assert len(listed) > 10
    one = administrator.get("/api/v1/suppliers/CUILAN")
    organization = administrator.get("/api/v1/organizations/CUILAN")
    assert (one.json(), one["ETag"]) == (organization.json(), organization["ETag"])
    assert administrator.get("/api/v1/suppliers/AOM-DENKI").status_code == 404  # it buys
    assert administrator.put("/api/v1/suppliers/CUILAN", one.json()).status_code == 405
    assert caller("viewer").get("/api/v1/suppliers?country=CN&limit=1").status_code == 200
    assert administrator.get("/api/v1/suppliers?is_supplier=true").status_code == 400
