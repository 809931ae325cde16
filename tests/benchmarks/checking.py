"""P5: an ERP asks whether it may commit one document, beside a view that answers a constant."""

from collections.abc import Callable
from random import Random
from statistics import quantiles
from time import perf_counter
from typing import Any

from django.test import override_settings
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from alerts.models import Check
from contracts.models import Contract
from people.resources import READERS, Resource
from tests.benchmarks import world
from tests.benchmarks.figures import Finding, Measured
from tests.benchmarks.filling import SOURCE
from tests.benchmarks.saving import signed_in
from tests.benchmarks.world import Size

TIMES = 1500
WARMING = 30
DOCUMENTS = 200
KEPT = ("supplier", "buyer", "end_user", "destination_country", "end_use", "expires_on", "currency", "title")
CONSTANT = {"decision": "clear"}
LEAST = {"without a receipt": 0.6, "with a durable receipt": 0.25}
"""Of the constant view's throughput."""
WORST = 3
"""Times the constant view's p99."""


class ConstantView(Resource):
    """Reads its body and answers the same whatever it says."""

    writers = READERS

    def create(self, request: Request) -> Response:
        if "documents" not in request.data:
            raise RuntimeError("the body was not read")
        return Response(CONSTANT)


urlpatterns = [
    path("api/v1/constant", ConstantView.as_view({"post": "create"})),
    path("api/v1/", include("alerts.urls")),
]


def measure(size: Size, first: bool) -> Measured:
    """Documents like the stored contracts, one a call, the two taking turns."""
    client = signed_in(SOURCE)
    calls = _documents(client)
    times = 20 if size.trial else TIMES
    with override_settings(ROOT_URLCONF=__name__, CLOCK_START=world.NOW.at):
        findings = [
            finding
            for how, receipts in (("without a receipt", False), ("with a durable receipt", True))
            for finding in _compare(client, calls, how, receipts, times)
        ]
    return Measured(findings, [_answers(client, calls)])


def _compare(client: APIClient, documents: list[Any], how: str, receipts: bool, times: int) -> list[Finding]:
    checks: list[float] = []
    constants: list[float] = []
    for number in range(WARMING + times):
        body = {"documents": [documents[number % len(documents)]], "receipts": receipts}
        for address, taken in (("/api/v1/checks", checks), ("/api/v1/constant", constants)):
            taken.append(_seconds(lambda address=address, body=body: client.post(address, body, format="json")))
    del checks[:WARMING], constants[:WARMING]
    operation = f"POST /checks, one document {how}"
    mean, against = sum(checks) / times, sum(constants) / times
    slowest, its = (quantiles(taken, n=100)[98] for taken in (checks, constants))
    return [
        Finding("P5", f"{operation}, mean of {times}", mean, "a constant view", against, at_most=1 / LEAST[how]),
        Finding("P5", f"{operation}, p99", slowest, "a constant view's p99", its, at_most=WORST),
    ]


def _seconds(post: Callable[[], Any]) -> float:
    start = perf_counter()
    answer = post()
    took = perf_counter() - start
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.content[:500]!r}")
    return took


def _answers(client: APIClient, documents: list[Any]) -> str:
    """What is answered, so that nobody takes the time of an error for that of an answer."""
    answer = client.post("/api/v1/checks", {"documents": documents[:100], "receipts": False}, format="json").json()
    decisions = [result["decision"] for result in answer["results"]]
    if "error" in decisions:
        raise RuntimeError(f"errors among the answers: {answer['results'][decisions.index('error')]['errors']}")
    told = ", ".join(f"{decisions.count(one)} {one}" for one in sorted(set(decisions)))
    return f"P5: of 100 documents checked {told}; {Check.objects.count():,} receipts kept."


def _documents(client: APIClient) -> list[Any]:
    """New contracts in the words of stored ones, as an ERP repeats an order."""
    some = Contract.objects.filter(closed_as=None, lines__number=10).order_by("id")
    references = list(some.values_list("reference", flat=True)[: 50 * DOCUMENTS])
    chosen = Random(world.SEED).sample(references, min(DOCUMENTS, len(references)))
    return [_document(client.get(f"/api/v1/contracts/{reference}").json()) for reference in chosen]


def _document(contract: Any) -> Any:
    """What is not yet known of an order is left out."""
    known = {name: contract[name] for name in KEPT if contract[name] is not None}
    lines = [{name: value for name, value in line.items() if value is not None} for line in contract["lines"]]
    return {
        **known,
        "reference": f"PO-{contract['reference']}"[:64],
        "purpose": "new_contract",
        "kind": "purchase",
        "lines": lines,
    }
