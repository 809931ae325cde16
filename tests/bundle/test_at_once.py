"""Bundles that say something about the same objects at the same moment: both are heard, and neither fails."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from django.core.management import call_command
from django.db import connection

from alerts.bundle.parse import parse
from alerts.bundle.store import store
from contracts.models import Contract
from suppliers.models import Organization

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 1, 13, tzinfo=UTC)
DEAL = {"reference": "C", "kind": "purchase", "supplier": "A", "buyer": "B"}


def document(*organizations: str, **facts: object) -> str:
    deals = [{**DEAL, **facts}] if facts else []
    return json.dumps({"organizations": [{"reference": name} for name in organizations], "contracts": deals})


def at_once(first: Callable[[Callable[[int], object]], object], second: Callable[[], object]) -> None:
    """Begin the second while the first, which has written, has not committed yet."""
    failures: list[BaseException] = []
    begun = Event()

    def in_thread() -> None:
        try:
            begun.set()
            second()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    thread = Thread(target=in_thread)

    def written(count: int) -> None:
        if not begun.is_set():
            thread.start()
            thread.join(timeout=0.7)

    first(written)
    thread.join()
    assert failures == []


def test_two_who_create_the_same_contract_both_state_their_facts():
    store(parse(document("A", "B")), source="erp", at=AT)
    for reference in ("A", "B"):
        assert Organization.objects.filter(reference=reference).exists()
    mine, others = document("A", "B", title="Nd"), document("A", "B", currency="JPY")
    at_once(
        lambda written: store(parse(mine), source="erp", at=AT, progress=written),
        lambda: store(parse(others), source="plm", at=AT),
    )
    contract = Contract.objects.get()
    assert (contract.title, contract.currency) == ("Nd", "JPY")
    assert contract.provenance.keys() == {"erp", "plm"}


def test_bundles_that_create_the_same_objects_in_different_orders_do_not_lock_each_other_out():
    at_once(
        lambda written: store(parse(document("A", "B")), source="erp", at=AT, progress=written),
        lambda: store(parse(document("B", "A")), source="plm", at=AT),
    )
    assert list(Organization.objects.values_list("reference", "version")) == [("A", 1), ("B", 1)]


def test_loads_of_the_same_files_in_different_orders_wait_for_each_other(tmp_path, monkeypatch):
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    files[0].write_text(document("A"))
    files[1].write_text(document("B"))

    monkeypatch.setattr("alerts.management.commands.load.screen_pending", lambda at: None)

    def first(written: Callable[[int], object]) -> None:
        def slow(bundle, *, progress, **how):
            stored = store(bundle, progress=progress, **how)
            written(1)
            return stored

        with monkeypatch.context() as patched:
            patched.setattr("alerts.management.commands.load.store", slow)
            call_command("load", *map(str, files))

    at_once(first, lambda: call_command("load", *map(str, reversed(files))))
    assert Organization.objects.count() == 2
