"""Compiled policies serve the next run until something about them changes, and not a moment longer."""

from collections.abc import Callable, Collection
from datetime import timedelta

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from alerts import runs
from alerts.models import Flag
from alerts.pinning import pinning
from alerts.portfolio import PinnedPolicies
from contracts.models import Contract
from policies.models import Licence, Measure, PartyList, PolicyChange
from suppliers.models import Organization
from tests.alerts.conftest import AT, World

READ = PinnedPolicies.at
READ_AGAIN = PinnedPolicies.with_changed


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One element for each time that the policies were read: the moment, or the policy changes that were read again."""
    found: list[object] = []

    def counted(at: object) -> PinnedPolicies:
        found.append(at)
        return READ(at)  # type: ignore[arg-type]

    def counted_again(pinned: PinnedPolicies, changes: Collection[int]) -> PinnedPolicies:
        found.append(list(changes))
        return READ_AGAIN(pinned, changes)

    monkeypatch.setattr(PinnedPolicies, "at", counted)
    monkeypatch.setattr(PinnedPolicies, "with_changed", counted_again)
    return found


def renamed(contract: Contract) -> None:
    Contract.objects.filter(pk=contract.pk).update(title=f"{contract.title}, renamed")
    contract.refresh_from_db()


def test_saving_a_contract_reads_no_policies(live_world: World, readings: list[object]) -> None:
    contract = live_world.contract("C-1")
    live_world.change()
    runs.sweep(at=AT)
    readings.clear()
    for minute in range(3):
        renamed(contract)
        run = runs.screen_pending(at=AT + timedelta(minutes=minute))
        assert run is not None
        assert (run.screened, run.unchanged) == (1, 1)
    Contract.objects.filter(pk=contract.pk).update(closed_as="completed")
    assert runs.screen_pending(at=AT) is not None
    assert Flag.objects.get().closed_because == "contract_ended"
    assert readings == []


CHANGES: dict[str, Callable[[World], object]] = {
    "an organization": lambda world: Organization.objects.filter(pk=world.private.pk).update(country="JP"),
    "a list": lambda world: PartyList.objects.create(reference="L", timezone="Asia/Tokyo"),
    "a licence": lambda world: Licence.objects.create(reference="X", exporter=world.seller),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_is_read(live_world: World, readings: list[object], what: str) -> None:
    contract = live_world.contract("C-1")
    live_world.change()
    runs.sweep(at=AT)
    readings.clear()
    CHANGES[what](live_world)
    runs.screen_pending(at=AT)
    assert readings == [AT]
    renamed(contract)
    runs.screen_pending(at=AT)
    assert readings == [AT]


ALONE: dict[str, Callable[[], object]] = {
    "a policy change": lambda: PolicyChange.objects.filter(reference="P-1").update(title="renamed"),
    "a measure": lambda: Measure.objects.filter(change__reference="P-1").update(effect="watch"),
    "a withdrawal": lambda: PolicyChange.objects.filter(reference="P-1").update(status="withdrawn"),
    "a measure retired": lambda: Measure.objects.filter(change__reference="P-1").update(retired_at=AT),
    "a reference": lambda: PolicyChange.objects.filter(reference="P-1").update(reference="P-9"),
    "a measure that cannot be compiled": lambda: Measure.objects.filter(change__reference="P-1").update(
        scope={"commodities": [{}]}
    ),
    "a measure that cannot be read": lambda: Measure.objects.filter(change__reference="P-1").update(
        timeline=[{"status": "in_force", "from": "soon", "until": None}]
    ),
}


@pytest.mark.parametrize("what", ALONE)
def test_a_policy_change_that_changed_alone_is_read_alone(live_world: World, readings: list[object], what: str) -> None:
    live_world.contract("C-1")
    changes = [live_world.change("P-1"), live_world.change("P-2")]
    runs.sweep(at=AT)
    readings.clear()
    for undo in (False, True):
        ALONE[what]() if not undo else PolicyChange.objects.filter(reference="P-2").update(title="renamed")
        kept = pinning.at(AT)
        assert readings == [[changes[undo].pk]]
        afresh = READ(AT)
        assert (kept.version, kept.policies, kept.left_out) == (afresh.version, afresh.policies, afresh.left_out)
        assert [m.name for m in kept.policy_set.slots.measures] == [m.name for m in afresh.policy_set.slots.measures]
        readings.clear()


def test_what_was_compiled_late_is_not_compiled_again(live_world: World) -> None:
    live_world.contract("C-1")
    live_world.change()
    pinning.at(AT)
    PolicyChange.objects.update(title="renamed")
    pinning.at(AT)
    compiled = pinning.at(AT + timedelta(minutes=1)).policy_set
    assert pinning.at(AT + timedelta(minutes=2)).policy_set.coverage is compiled.coverage


def test_what_was_still_being_written_is_read_once_it_is_there(live_world: World, readings: list[object]) -> None:
    contract = live_world.contract("C-1")
    change = live_world.change()
    other = connections.create_connection("default")
    try:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute("UPDATE policies_policychange SET status = 'withdrawn' WHERE id = %s", [change.pk])
        runs.sweep(at=AT)
        renamed(contract)
        readings.clear()
        runs.screen_pending(at=AT)
        assert (readings, Flag.objects.open().count()) == ([], 1)
        cursor.execute("COMMIT")
    finally:
        other.close()
    runs.screen_pending(at=AT)
    assert (readings, Flag.objects.open().count()) == ([[change.pk]], 0)


def test_a_new_day_and_new_settings_are_read(live_world: World, readings: list[object], settings: Settings) -> None:
    contract = live_world.contract("C-1")
    live_world.change()
    runs.sweep(at=AT)
    readings.clear()
    with transaction.atomic():
        pinning.at(AT + timedelta(hours=1))
        assert readings == []
        settings.RENEWAL_HORIZON_DAYS += 1
        pinning.at(AT)
        assert readings == [AT]
        pinning.at(AT + timedelta(days=1))
        assert readings == [AT, AT + timedelta(days=1)]
    assert contract.pk


def test_policies_that_were_taken_back_are_not_kept(live_world: World, readings: list[object]) -> None:
    live_world.change()
    with transaction.atomic():
        PolicyChange.objects.update(status="withdrawn")
        assert pinning.at(AT).policies.measures == []
        transaction.set_rollback(True)
    with transaction.atomic():
        assert len(pinning.at(AT).policies.measures) == 1
    assert len(readings) == 2


def test_the_daily_sweep_reads_whatever_is_kept(live_world: World, readings: list[object]) -> None:
    live_world.contract("C-1")
    live_world.change()
    runs.sweep(at=AT)
    readings.clear()
    later = AT + timedelta(days=1)
    runs.sweep(at=later)
    assert readings == [later]
