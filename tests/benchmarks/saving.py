"""P4: an ERP saves one contract, and its flags follow."""

from datetime import timedelta
from random import Random
from statistics import median
from typing import Any

from knox.models import get_token_model
from rest_framework.test import APIClient

from alerts.runs import screen_pending
from contracts.models import Contract
from people.models import User
from tests.benchmarks import world
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import SOURCE
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=1)
TIMES = 300
WARMING = 5


def measure(size: Size, first: bool) -> Measured:
    """Contracts that are live, each sent whole as it is but for what was delivered of its first line."""
    client = signed_in(SOURCE)
    contracts = _some_contracts(1 if size.trial else TIMES)
    times = [_save(client, contract) for contract in contracts][WARMING:]
    saved = median(saved for saved, _ in times)
    with_screening = median(saved + screened for saved, screened in times)
    operation = f"PUT of a contract and its screening, median of {len(times)}"
    return Measured([Finding("P4", operation, with_screening, "the PUT alone", saved, at_most=2)])


def signed_in(email: str) -> APIClient:
    """A client with a token of the user's, in this process."""
    client = APIClient(SERVER_NAME="localhost")
    _, token = get_token_model().objects.create(user=User.objects.get(email=email))
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def _some_contracts(count: int) -> list[str]:
    live = Contract.objects.filter(closed_as=None, lines__quantity__gt=0, lines__number=10)
    references = list(live.order_by("reference").values_list("reference", flat=True))
    return Random(world.SEED).sample(references, count + WARMING)


def _save(client: APIClient, reference: str) -> tuple[float, float]:
    """Seconds of the PUT, and of the screening that follows it."""
    address = f"/api/v1/contracts/{reference}"
    contract = client.get(address).json()
    line = contract["lines"][0]
    line["delivered"] = "0" if line["delivered"] != "0" else line["quantity"]
    saved, answer = seconds(lambda: client.put(address, contract))
    screened, run = seconds(lambda: screen_pending(at=AT))
    _check(answer, run, reference)
    return saved, screened


def _check(answer: Any, run: Any, reference: str) -> None:
    if answer.status_code != 200:
        raise RuntimeError(f"PUT of {reference} answers {answer.status_code}: {answer.content[:500]!r}")
    if run is None or run.screened != 1:
        raise RuntimeError(f"PUT of {reference} was not followed by the screening of one contract")
