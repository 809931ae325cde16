"""P8: an ERP sends ten thousand contracts with their lines in one call, and their flags follow."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pghistory
from django.db import transaction
from psycopg import sql
from rest_framework import serializers
from rest_framework.test import APIClient

from alerts.runs import screen_pending
from contracts.models import Contract, Line
from people.models import Department
from suppliers.models import Organization
from tests.benchmarks import limits, world
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import SOURCE
from tests.benchmarks.saving import signed_in
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=1)
ROWS = 10_000
PAGE = 500
BY_THE_NAIVE = 200
TIMES_FASTER = 15
OF_COPY = 0.15
ADDRESS = "/api/v1/contracts/bulk"


def measure(size: Size, first: bool) -> Measured:
    """Contracts nobody knew yet, and then the same with another delivery on every first line."""
    client = signed_in(SOURCE)
    # A transaction that never ends; everything begins with one contract, which is not counted.
    documents = _documents(client, min(ROWS, size.contracts) + 1)
    _send(client, documents[:1], "created")
    new = documents[1:]
    before = limits.last_ids(Contract, Line)
    created = _send(client, new, "created")
    limit = _copied(before)
    updated = _send(client, [_delivered(document) for document in new], "updated")
    naive = _naive([{**document, "reference": f"N-{document['reference']}"[:64]} for document in new[:BY_THE_NAIVE]])
    each = naive / len(new[:BY_THE_NAIVE]) * len(new)
    findings = []
    for what, took in (("new", created), ("changed", updated)):
        operation = f"bulk upsert of {len(new):,} {what} contracts, screened"
        findings += [
            Finding("P8", operation, took, "COPY of the same rows into empty tables", limit, at_most=1 / OF_COPY),
            Finding("P8", operation, took, "a serializer and save() each, not screened", each, at_least=TIMES_FASTER),
        ]
    return Measured(findings, [f"P8: the naive way was timed on {len(new[:BY_THE_NAIVE]):,} contracts."])


def _documents(client: APIClient, count: int) -> list[Any]:
    """New contracts in the words of stored ones."""
    documents: list[Any] = []
    address = f"/api/v1/contracts?limit={PAGE}"
    while len(documents) < count:
        page = client.get(address).json()
        documents += page["results"]
        if not (following := page["next"]):
            break
        address = following
    return [{**document, "reference": f"E-{document['reference']}"[:64]} for document in documents[:count]]


def _delivered(document: Any) -> Any:
    first, *others = document["lines"]
    return {**document, "lines": [{**first, "delivered": "0.125"}, *others]}


def _send(client: APIClient, documents: Sequence[Any], outcome: str) -> float:
    """Seconds of the call and of the screening that follows it."""
    sent, answer = seconds(lambda: b"".join(client.post(ADDRESS, documents, format="json").streaming_content))
    screened, run = seconds(lambda: screen_pending(at=AT))
    if f'"{outcome}": {len(documents)},'.encode() not in answer:
        raise RuntimeError(f"of {len(documents)} contracts not all were {outcome}: {answer[:500]!r}")
    if run is None or run.screened != len(documents):
        raise RuntimeError(f"{len(documents)} contracts were not followed by the screening of as many")
    return sent + screened


def _copied(before: dict[Any, int]) -> float:
    """Seconds to COPY the rows beyond these ids into empty tables with the same indexes and checks."""
    took = 0.0
    with limits.as_owner() as owner:
        for model, last in before.items():
            table = sql.Identifier(model._meta.db_table)
            rows = sql.SQL("(SELECT * FROM {} WHERE id > {} ORDER BY id)").format(table, sql.Literal(last))
            text = io.BytesIO()
            with owner.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(rows)) as source:
                for block in source:
                    text.write(block)
            owner.execute(sql.SQL("CREATE TABLE bench_empty (LIKE {} INCLUDING ALL)").format(table))
            took += seconds(lambda text=text: _copy_in(owner, text.getvalue()))[0]
            owner.execute("DROP TABLE bench_empty")
    return took


def _copy_in(owner: Any, text: bytes) -> None:
    with owner.cursor().copy("COPY bench_empty FROM STDIN") as target:
        target.write(text)


class NaiveLineSerializer(serializers.ModelSerializer[Line]):
    class Meta:
        model = Line
        exclude = ("id", "contract", "provenance")


class NaiveContractSerializer(serializers.ModelSerializer[Contract]):
    """What a first version would write: references become objects, the object is saved, then each line."""

    lines = NaiveLineSerializer(many=True)
    amendments = serializers.JSONField(write_only=True)
    supplier = serializers.SlugRelatedField("reference", queryset=Organization.objects.all())
    buyer = serializers.SlugRelatedField("reference", queryset=Organization.objects.all())
    end_user = serializers.SlugRelatedField("reference", queryset=Organization.objects.all(), allow_null=True)
    framework = serializers.SlugRelatedField("reference", queryset=Contract.objects.all(), allow_null=True)
    department = serializers.SlugRelatedField("reference", queryset=Department.objects.all(), allow_null=True)

    class Meta:
        model = Contract
        exclude = ("id", "provenance")

    def create(self, validated_data: Any) -> Contract:
        lines = validated_data.pop("lines")
        validated_data.pop("amendments")
        contract = Contract.objects.create(**validated_data)
        for line in lines:
            Line.objects.create(contract=contract, **line)
        return contract


def _naive(documents: Sequence[Any]) -> float:
    """Seconds to keep them one by one, each in a transaction; taken back by nobody, for this is the last measured."""

    def keep() -> None:
        for document in documents:
            with transaction.atomic(), pghistory.context(source=SOURCE):
                serializer = NaiveContractSerializer(data=document)
                serializer.is_valid(raise_exception=True)
                serializer.save()

    return seconds(keep)[0]
