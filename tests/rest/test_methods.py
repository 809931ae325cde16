"""Methods: what an address does not know is 405, and OPTIONS tells what it does."""

import re

import pytest
from django.urls import get_resolver
from rest_framework.test import APIClient


def addresses() -> list[str]:
    (resolver,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "api/v1/")
    written = [str(pattern.pattern) for pattern in resolver.url_patterns if pattern.name != "nothing"]
    return ["/api/v1/" + re.sub(r"<\w+:\w+>", "1", pattern) for pattern in written]


def test_options_tell_the_methods_of_every_address(administrator) -> None:
    told = {address: administrator.options(address) for address in addresses()}
    assert len(told) >= 75
    others = {address for address, answer in told.items() if answer.status_code != 204}
    assert {told[address].status_code for address in others} == {404}
    assert all(address.startswith("/api/v1/service-accounts/1/") for address in others)  # there is no account 1
    assert told["/api/v1/digests"]["Allow"] == "GET, PUT, HEAD, OPTIONS"


@pytest.mark.parametrize("query", ["", "?limit=1", "?nonsense=1"])
def test_a_method_that_an_address_does_not_know_is_405(administrator, query) -> None:
    for address in ("/api/v1/flags", "/api/v1/contracts", "/api/v1/changes", "/api/v1/contracts/bulk"):
        for method in ("TRACE", "PATCH"):
            answer = administrator.generic(method, address + query)
            assert (answer.status_code, answer.json()["status"]) == (405, 405), (method, address)


def test_a_token_request_without_a_body_is_refused(db) -> None:
    answer = APIClient().post("/api/v1/oauth/token")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_flag_that_nobody_touched_is_open(administrator) -> None:
    (flag,) = administrator.get("/api/v1/flags?limit=1").json()["results"]
    assert flag["state"] == "open"
    assert administrator.get(f"/api/v1/flags/{flag['id']}").json()["state"] == "open"


def test_a_list_of_an_object_has_a_bound(administrator) -> None:
    names = [{"name": "n"}] * 20_001
    body = {"reference": "MANY", "kind": "company", "names": names}
    answer = administrator.put("/api/v1/organizations/MANY", body, format="json")
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert (error["code"], error["pointer"]) == ("too_many", "#/names")
    assert error["detail"] == "20000 rows are the most of a list, not 20001"
