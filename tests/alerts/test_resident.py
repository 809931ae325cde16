"""Contracts are kept in memory between previews, and every preview sees what is stored when it begins."""

from collections.abc import Callable

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from alerts import runs
from alerts.models import Flag
from alerts.preview import preview
from alerts.resident import Held
from alerts.screening.book import Book
from alerts.verification import verify
from contracts.columns import Contracts
from contracts.copying import Reader, Span
from contracts.models import Contract, Line
from contracts.stage import Calendar
from policies.models import PolicyChange
from suppliers.models import Organization
from tests.alerts.conftest import AT, World

READ = Reader.read


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many contracts each reading was asked for."""
    found: list[int] = []

    def counted(self: Reader, span: Span) -> Contracts:
        found.append(len(span))
        return READ(self, span)

    monkeypatch.setattr(Reader, "read", counted)
    return found


@pytest.fixture
def drafted(live_world: World) -> World:
    """Three contracts, of which a draft would hit two; a published change keeps days in the draft's zone already."""
    live_world.change("BEFORE", measure={"effect": "watch"})
    live_world.contract("C-1")
    live_world.contract("C-2")
    live_world.contract("C-3", supplier=live_world.private)
    live_world.change(status="draft")
    return live_world


def hit() -> list[str]:
    return sorted({verdict.contract for verdict in preview(["CN-REPORT"], at=AT).newly_flagged.verdicts()})


def test_what_has_not_changed_is_read_once(drafted: World, readings: list[int]) -> None:
    assert hit() == hit() == ["C-1", "C-2"]
    assert readings == [3]


def remove(world: World) -> None:
    Line.objects.filter(contract__reference="C-1").delete()
    Contract.objects.get(reference="C-1").delete()


CHANGES: dict[str, tuple[Callable[[World], object], list[str]]] = {
    "saved": (
        lambda world: Contract.objects.filter(reference="C-3").update(supplier=world.seller),
        ["C-1", "C-2", "C-3"],
    ),
    "closed": (lambda world: Contract.objects.filter(reference="C-1").update(closed_as="completed"), ["C-2"]),
    "added": (lambda world: world.contract("C-4"), ["C-1", "C-2", "C-4"]),
    "deleted": (remove, ["C-2"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_read_again_alone(drafted: World, readings: list[int], what: str) -> None:
    hit()
    readings.clear()
    change, expected = CHANGES[what]
    change(drafted)
    assert hit() == expected
    assert readings == ([] if what == "deleted" else [1])


def test_what_was_being_written_is_seen_once_it_is_there(drafted: World, readings: list[int]) -> None:
    other = connections.create_connection("default")
    try:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE contracts_contract SET closed_as = 'completed' WHERE reference = 'C-1'")
        assert hit() == ["C-1", "C-2"]
        cursor.execute("COMMIT")
    finally:
        other.close()
    assert hit() == ["C-2"]


def test_what_is_taken_back_is_not_kept(drafted: World) -> None:
    with transaction.atomic():
        Contract.objects.filter(reference="C-1").update(closed_as="completed")
        assert hit() == ["C-2"]
        transaction.set_rollback(True)
    assert hit() == ["C-1", "C-2"]


def test_a_changed_organization_has_all_read_again(drafted: World, readings: list[int]) -> None:
    hit()
    Organization.objects.filter(pk=drafted.private.pk).update(name="Renamed")
    assert hit() == ["C-1", "C-2"]
    assert readings == [3, 3]


def test_too_many_contracts_are_not_kept(drafted: World, readings: list[int], settings: Settings) -> None:
    settings.RESIDENT_CONTRACTS = 2
    assert hit() == hit() == ["C-1", "C-2"]
    assert readings == [3, 3]


def test_a_contract_that_cannot_be_read_hides_no_other(drafted: World) -> None:
    Line.objects.filter(contract__reference="C-1").update(content=[{"origin": "CN", "value_share": "a lot"}])
    assert hit() == hit() == ["C-2"]


def test_a_publication_is_screened_over_what_is_held_and_what_has_changed_since(
    drafted: World, readings: list[int]
) -> None:
    runs.sweep(at=AT)
    hit()
    readings.clear()
    Contract.objects.filter(reference="C-2").update(title="renamed")
    drafted.contract("C-4")
    remove(drafted)
    screened = runs.screen_pending(at=AT)
    assert screened is not None
    Contract.objects.filter(reference="C-3").update(supplier=drafted.seller)
    readings.clear()
    PolicyChange.objects.filter(reference="CN-REPORT").update(status="published")
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.everything, run.scope, run.contracts, run.screened, run.opened) == (False, [held("C-3")], 3, 3, 3)
    assert readings == [1, 1, 1]  # C-3 for all measures; then C-2 and C-4, which were screened since they were held
    assert verify(run).equal
    assert flagged() == {"C-2", "C-3", "C-4"}


def test_a_run_without_room_for_the_contracts_reads_them(
    drafted: World, readings: list[int], settings: Settings
) -> None:
    settings.RESIDENT_CONTRACTS = 2
    runs.sweep(at=AT)
    readings.clear()
    PolicyChange.objects.filter(reference="CN-REPORT").update(status="published")
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.everything, run.screened, readings) == (False, 3, [3])
    assert verify(run).equal
    assert flagged() == {"C-1", "C-2"}


def test_contracts_that_cannot_be_screened_together_are_screened_alone(
    drafted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.sweep(at=AT)
    hit()
    PolicyChange.objects.filter(reference="CN-REPORT").update(status="published")
    book = Held._open

    def failing(self: Held, contracts: Contracts, now: Calendar) -> Book:
        book(self, contracts, now)
        raise RuntimeError("no")

    monkeypatch.setattr(Held, "_open", failing)
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.screened, run.set_aside, flagged()) == (3, 0, {"C-1", "C-2"})
    assert verify(run).equal


def held(reference: str) -> int:
    return Contract.objects.get(reference=reference).pk


def flagged() -> set[str]:
    return set(Flag.objects.open().values_list("contract__reference", flat=True))
