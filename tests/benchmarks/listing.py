"""P6: a page of a hundred contracts with their lines, beside Django REST framework's usual way."""

from statistics import median
from typing import Any

from django.test import override_settings
from django.urls import include, path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from contracts.models import Amendment, Contract, Line
from people.resources import READERS, Resource
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import SOURCE
from tests.benchmarks.saving import signed_in
from tests.benchmarks.world import Size

TIMES = 40
WARMING = 3
ROWS = 100
TIMES_FASTER = 5


class UsualLineSerializer(serializers.ModelSerializer[Line]):
    class Meta:
        model = Line
        exclude = ("id", "contract", "provenance")


class UsualAmendmentSerializer(serializers.ModelSerializer[Amendment]):
    class Meta:
        model = Amendment
        exclude = ("id", "contract")


class UsualContractSerializer(serializers.ModelSerializer[Contract]):
    lines = UsualLineSerializer(many=True)
    amendments = UsualAmendmentSerializer(many=True)
    supplier: Any = serializers.SlugRelatedField("reference", read_only=True)
    buyer: Any = serializers.SlugRelatedField("reference", read_only=True)
    end_user: Any = serializers.SlugRelatedField("reference", read_only=True)
    framework: Any = serializers.SlugRelatedField("reference", read_only=True)
    department: Any = serializers.SlugRelatedField("reference", read_only=True)

    class Meta:
        model = Contract
        exclude = ("id", "provenance")


class UsualView(Resource):
    """A ModelSerializer with prefetch, a hundred rows in order of reference."""

    readers = READERS

    def list(self, request: Request) -> Response:
        contracts = Contract.objects.select_related(
            "supplier", "buyer", "end_user", "framework", "department"
        ).prefetch_related("lines", "amendments")
        page = contracts.order_by("reference")[:ROWS]
        return Response({"next": None, "results": UsualContractSerializer(page, many=True).data})


urlpatterns = [
    path("api/v1/usual", UsualView.as_view({"get": "list"})),
    path("api/v1/", include("alerts.urls")),
]


def measure(size: Size, first: bool) -> Measured:
    client = signed_in(SOURCE)
    times = 1 if size.trial else TIMES
    with override_settings(ROOT_URLCONF=__name__):
        pairs = [(_page(client, "/api/v1/contracts"), _page(client, "/api/v1/usual")) for _ in range(WARMING + times)][
            WARMING:
        ]
    ours, usual = (median(times) for times in zip(*pairs, strict=True))
    operation = f"GET contracts, {ROWS} with their lines, median of {times}"
    return Measured([Finding("P6", operation, ours, "a ModelSerializer with prefetch", usual, at_least=TIMES_FASTER)])


def _page(client: APIClient, address: str) -> float:
    took, answer = seconds(lambda: client.get(address))
    rows = answer.json()["results"]
    if answer.status_code != 200 or len(rows) != ROWS or not all("lines" in row for row in rows):
        raise RuntimeError(f"{address} answers {answer.status_code} with {len(rows)} rows")
    return took
