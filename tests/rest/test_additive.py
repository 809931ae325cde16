"""Version 1 of the REST interface only grows: whatever openapi_v1.json has is still there and means the same."""

import copy
import json

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.rest.shape import FILE, broken, shape


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(SchemaGenerator().get_schema(public=True)))


def test_nothing_that_was_promised_is_gone_or_different(document):
    assert broken(json.loads(FILE.read_text("utf-8")), shape(document)) == []


def contract(document):
    return document["components"]["schemas"]["Contract"]


def job(document):
    return document["components"]["schemas"]["Job"]


def operation(document, method, path):
    return document["paths"][f"/api/v1/{path}"][method]


def property_gone(document):
    del contract(document)["properties"]["title"]


def demanded(document):
    contract(document)["required"].append("title")


def new_and_demanded(document):
    contract(document)["properties"]["colour"] = {"type": "string"}
    contract(document)["required"].append("colour")


def other_type(document):
    contract(document)["properties"]["title"] = {"type": "integer"}


def value_refused(document):
    document["components"]["schemas"]["ContractKind"]["enum"].remove("call_off")


def no_null_any_more(document):
    contract(document)["properties"]["title"]["type"] = "string"


def answer_may_be_missing(document):
    job(document)["required"].remove("rows")


def answer_may_be_null(document):
    job(document)["properties"]["rows"]["type"] = ["integer", "null"]


def operation_gone(document):
    del document["paths"]["/api/v1/contracts/bulk/close"]


def parameter_gone(document):
    operation(document, "get", "contracts")["parameters"] = []


def parameter_demanded(document):
    operation(document, "get", "contracts")["parameters"][0]["required"] = True


def status_gone(document):
    del operation(document, "put", "contracts/{reference}")["responses"]["412"]


def media_type_gone(document):
    del operation(document, "post", "contracts/bulk")["requestBody"]["content"]["application/x-ndjson"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (property_gone, "sent: Contract /title: is gone"),
        (property_gone, "answered: Contract /title: is gone"),
        (demanded, "sent: Contract /title: has become required"),
        (new_and_demanded, "sent: Contract /colour: has become required"),
        (other_type, "sent: Contract /title: is not null or string any more"),
        (other_type, "answered: Contract /title: may be integer now"),
        (value_refused, 'sent: Contract /kind: is not "call_off" any more'),
        (no_null_any_more, "sent: Contract /title: is not null any more"),
        (answer_may_be_missing, "answered: Job /rows: may be missing now"),
        (answer_may_be_null, "answered: Job /rows: may be null now"),
        (operation_gone, "POST /api/v1/contracts/bulk/close: is gone"),
        (parameter_gone, "GET /api/v1/contracts: parameter query cursor: is gone"),
        (parameter_demanded, "GET /api/v1/contracts: parameter query buyer: has become required"),
        (status_gone, "PUT /api/v1/contracts/{reference}: 412: is gone"),
        (media_type_gone, "POST /api/v1/contracts/bulk: body application/x-ndjson: is gone"),
    ],
)
def test_what_breaks_a_caller_is_found(document, change, told):
    changed = copy.deepcopy(document)
    change(changed)
    assert told in broken(shape(document), shape(changed))


def test_additions_break_nobody(document):
    added = copy.deepcopy(document)
    contract(added)["properties"]["colour"] = {"type": ["string", "null"]}
    added["components"]["schemas"]["OutcomeEnum"]["enum"].append("postponed")
    added["components"]["schemas"]["ContractKind"]["enum"].append("lease")
    operation(added, "get", "contracts")["parameters"].append(
        {"in": "query", "name": "colour", "schema": {"type": "string"}}
    )
    operation(added, "get", "contracts")["responses"]["418"] = {"description": "tea"}
    added["paths"]["/api/v1/colours"] = {"get": operation(added, "get", "contracts")}
    assert shape(added) != shape(document)
    assert broken(shape(document), shape(added)) == []
