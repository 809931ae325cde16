"""Screening runs: what they look at, what they write, and that nothing slips past them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django import Settings

from alerts import changelog, runs, schedule
from alerts.batch import Screening
from alerts.models import Cause, ContractDue, EventKind, Flag, FlagEvent, ScreeningCursor, ScreeningRun
from alerts.models.flags import ClosedBecause
from alerts.screening import PolicySet
from contracts.columns import Contracts
from contracts.models import Contract
from people.models import ChangeEntry
from policies.models import Measure, PolicyChange
from tests.alerts.conftest import AT, World


def test_a_live_contract_with_a_state_seller_is_flagged(world: World) -> None:
    contract = world.contract("C-1")
    world.change()

    run = runs.screen_pending(at=AT)

    flag = Flag.objects.get()
    assert (flag.contract_id, flag.kind, flag.certainty, flag.basis) == (
        contract.pk,
        "possible_termination",
        "matched",
        "reported",
    )
    assert (flag.lines, flag.unknowns, flag.act_by) == ([10], [0], date(2026, 1, 13))
    assert (flag.exposure_amount, flag.exposure_currency) == (Decimal(1_200_000), "JPY")
    contract.refresh_from_db()
    assert flag.contract_version == contract.version
    assert run is not None
    assert (run.contracts, run.lines, run.screened, run.opened, run.unchanged, run.set_aside) == (1, 1, 1, 1, 0, 0)
    assert run.finished_at is not None
    assert flag.policy_version == run.policy_version
    event = FlagEvent.objects.get()
    assert (event.kind, event.run, event.at, event.certainty_before) == ("opened", run, AT, None)


def test_screening_twice_changes_nothing(world: World) -> None:
    world.contract("C-1")
    world.change()
    first = runs.sweep(at=AT)
    before = list(Flag.objects.values())

    assert runs.screen_pending(at=AT) is None
    again = runs._run(Cause.CALENDAR, AT - timedelta(hours=1))

    assert list(Flag.objects.values()) == before
    assert FlagEvent.objects.count() == 1
    assert (again.opened, again.updated, again.closed, again.unchanged) == (0, 0, 0, 1)
    assert first is not None
    assert again.digest == first.digest


def test_a_changed_contract_is_screened_alone(world: World) -> None:
    world.contract("C-1")
    world.contract("C-2", supplier=world.private)
    world.change()
    runs.screen_pending(at=AT)

    Contract.objects.filter(reference="C-2").update(supplier=world.seller)
    run = runs.screen_pending(at=AT)

    assert run is not None
    assert (run.contracts, run.opened, run.unchanged) == (1, 1, 0)


def test_a_changed_organization_reaches_the_contracts_of_those_it_holds(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)

    world.state.country = "KR"
    world.state.save()
    run = runs.screen_pending(at=AT)

    assert run is not None
    assert run.closed == 1
    assert Flag.objects.get().closed_because == ClosedBecause.NOT_HIT


def test_withdrawing_a_change_closes_exactly_its_flags(world: World) -> None:
    world.contract("C-1")
    world.change()
    other = world.change("CN-OTHER")
    runs.screen_pending(at=AT)
    assert Flag.objects.open().count() == 2

    PolicyChange.objects.filter(pk=other.pk).update(status="withdrawn")
    runs.screen_pending(at=AT)

    (still_open,) = Flag.objects.open()
    assert still_open.measure.change.reference == "CN-REPORT"
    closed = Flag.objects.get(closed_at__isnull=False)
    assert (closed.measure.change_id, closed.closed_because, closed.closed_at) == (other.pk, "withdrawn", AT)


def test_a_flag_that_opens_again_is_a_new_row(world: World) -> None:
    world.contract("C-1")
    change = world.change()
    for status in ("published", "withdrawn", "published"):
        PolicyChange.objects.filter(pk=change.pk).update(status=status)
        runs.screen_pending(at=AT)

    assert [flag.closed_at is None for flag in Flag.objects.order_by("id")] == [False, True]
    assert list(FlagEvent.objects.values_list("kind", flat=True)) == ["opened", "closed", "opened"]


def test_a_retired_measure_closes_its_flags(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    Measure.objects.update(retired_at=AT)
    runs.screen_pending(at=AT)
    assert Flag.objects.get().closed_because == "retired"


def test_flags_of_a_contract_that_ended_close(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    Contract.objects.update(closed_as="completed")
    runs.screen_pending(at=AT)
    assert Flag.objects.get().closed_because == "contract_ended"


def test_the_day_to_act_by_drifts_in_silence_while_the_measure_bites(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    opened = Flag.objects.get()

    run = runs.sweep(at=AT + timedelta(days=3))

    flag = Flag.objects.get()
    assert flag.act_by == date(2026, 1, 16)
    assert flag.updated_at == opened.updated_at
    assert run is not None
    assert (run.cause, run.updated, run.unchanged) == (Cause.CALENDAR, 0, 1)
    assert FlagEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        # one day earlier, both ahead
        ({"from": "2026-03-02"}, {"from": "2026-03-01"}, EventKind.WORSENED),
        # later
        ({"from": "2026-03-01"}, {"from": "2026-03-02"}, EventKind.EASED),
        # from a day ahead to at once
        ({"from": "2026-03-01"}, {"from": "2026-01-10"}, EventKind.WORSENED),
    ],
)
def test_a_timeline_that_moves(world: World, before: dict[str, str], after: dict[str, str], kind: EventKind) -> None:
    world.contract("C-1")
    world.change(measure={"timeline": [{"status": "in_force", **before}]})
    runs.screen_pending(at=AT)
    Measure.objects.update(timeline=[{"status": "in_force", **after}])
    runs.screen_pending(at=AT)
    assert FlagEvent.objects.order_by("-id")[0].kind == kind


def test_what_was_announced_comes_into_force(world: World) -> None:
    world.contract("C-1")
    world.change(formality="official", measure={"timeline": [{"status": "in_force", "from": "2026-01-15"}]})
    runs.sweep(at=AT)
    runs.sweep(at=AT + timedelta(days=1))
    runs.sweep(at=AT + timedelta(days=2))

    event = FlagEvent.objects.get(kind="worsened")
    assert (event.basis_before, event.basis, event.at) == ("announced", "in_force", AT + timedelta(days=2))
    assert FlagEvent.objects.count() == 2


def test_a_fact_that_becomes_known_makes_a_flag_certain(world: World) -> None:
    world.contract("C-1", end_use=None)
    world.change(measure={"scope": {"end_uses": ["military"]}})
    runs.screen_pending(at=AT)
    assert Flag.objects.get().certainty == "needs_review"

    Contract.objects.update(end_use="military")
    runs.screen_pending(at=AT)

    flag = Flag.objects.get()
    assert (flag.certainty, flag.unknowns) == ("matched", [0])
    event = FlagEvent.objects.order_by("-id")[0]
    assert (event.kind, event.certainty_before, event.certainty) == ("became_certain", "needs_review", "matched")


def test_exposure_that_grows_by_a_fifth_in_small_steps_is_told_once(world: World) -> None:
    contract = world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    kinds = []
    for quantity in (110, 119, 120, 130, 120):
        contract.lines.update(quantity=Decimal(quantity))
        runs.screen_pending(at=AT)
        kinds.append(FlagEvent.objects.order_by("-id")[0].kind)
    assert kinds == ["changed", "changed", "worsened", "changed", "changed"]


def test_a_contract_that_cannot_be_screened_is_set_aside_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        world.contract(f"C-{number}")
    world.change()
    runs.sweep(at=AT)
    flags = PolicySet.flags
    bad = Contract.objects.get(reference="C-3").pk

    def poisoned(self: PolicySet, contracts: Contracts) -> object:
        if bad in contracts.ids:
            raise ValueError("poison")
        return flags(self, contracts)

    monkeypatch.setattr(PolicySet, "flags", poisoned)
    PolicyChange.objects.update(status="withdrawn")
    run = runs.screen_pending(at=AT)

    assert run is not None
    assert (run.contracts, run.screened, run.set_aside, run.closed) == (7, 6, 1, 6)
    assert run.errors == [{"contract": "C-3", "error": "ValueError: poison"}]
    assert Flag.objects.open().get().contract.reference == "C-3"


def test_a_run_that_fails_stays_visibly_incomplete_and_the_next_does_its_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("C-1")
    world.change()
    with monkeypatch.context() as patch:
        patch.setattr(Screening, "screen", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            runs.screen_pending(at=AT)
    (failed,) = ScreeningRun.objects.all()
    assert (failed.finished_at, failed.errors) == (None, [{"error": "ZeroDivisionError: division by zero"}])
    assert not Flag.objects.exists()

    run = runs.sweep(at=AT)

    failed.refresh_from_db()
    assert (failed.finished_at, failed.completed_by) == (None, run)
    assert Flag.objects.count() == 1


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (timedelta(hours=14, minutes=59), False),
        (timedelta(hours=15), True),  # midnight in Tokyo: the daily sweep
        (timedelta(days=2), True),
        (timedelta(minutes=-1), False),  # runs may overtake one another
        (timedelta(hours=-1), True),  # the clock was set back
    ],
)
def test_everything_is_screened_once_a_day(world: World, after: timedelta, due: bool) -> None:
    runs.sweep(at=AT)
    assert schedule.everything_is_due(AT + after) is due


def test_everything_is_screened_under_new_settings(world: World, settings: Settings) -> None:
    world.contract("C-1", expires_on=date(2026, 12, 31), renewal="auto", notice_days=0)
    world.change(measure={"effect": "new_contracts_refused"})
    runs.sweep(at=AT)
    assert not Flag.objects.exists()
    settings.RENEWAL_HORIZON_DAYS = 365
    run = runs.sweep(at=AT)
    assert run is not None
    assert (run.everything, run.opened) == (True, 1)
    assert runs.sweep(at=AT) is None


def test_only_the_contract_of_which_something_becomes_is_screened(world: World) -> None:
    conclusion = AT + timedelta(minutes=5)
    world.contract("C-1", concluded_on=None, concluded_at=conclusion)
    world.contract("C-2")
    world.change()
    assert runs.sweep(at=AT) is not None
    assert Flag.objects.count() == 1

    assert runs.sweep(at=conclusion - timedelta(seconds=1)) is None
    run = runs.sweep(at=conclusion)

    assert run is not None
    assert (run.cause, run.everything, run.contracts, run.opened) == (Cause.CALENDAR, False, 1, 1)
    assert runs.sweep(at=conclusion + timedelta(seconds=1)) is None


def test_a_contract_that_changes_is_due_anew(world: World) -> None:
    contract = world.contract("C-1", terminated_on=date(2026, 2, 1))
    world.change()
    runs.sweep(at=AT)
    assert ContractDue.objects.get().due_at == datetime(2026, 1, 31, 15, tzinfo=UTC)
    contract.terminated_on = date(2026, 1, 20)
    contract.save()
    runs.screen_pending(at=AT)
    assert ContractDue.objects.get().due_at == datetime(2026, 1, 19, 15, tzinfo=UTC)
    contract.closed_as = "completed"
    contract.save()
    runs.screen_pending(at=AT)
    assert not ContractDue.objects.exists()


def test_everything_is_screened_when_a_measure_takes_effect_in_its_own_zone(world: World) -> None:
    world.contract("C-1")
    change = world.change(formality="official", measure={"timeline": [{"status": "in_force", "from": "2026-01-14"}]})
    runs.sweep(at=AT)
    runs.sweep(at=datetime(2026, 1, 13, 15, tzinfo=UTC))  # the day's sweep, at midnight in Tokyo
    midnight = datetime(2026, 1, 13, 16, tzinfo=UTC)  # in Shanghai
    assert runs.sweep(at=midnight - timedelta(seconds=1)) is None
    assert Flag.objects.get().basis == "announced"

    run = runs.sweep(at=midnight)

    assert run is not None
    assert (run.cause, run.everything, run.updated) == (Cause.CALENDAR, True, 1)
    assert (Flag.objects.get().basis, change.timezone) == ("in_force", "Asia/Shanghai")
    assert runs.sweep(at=midnight + timedelta(seconds=1)) is None


def test_a_change_that_is_screened_in_between_takes_on_what_time_has_brought(world: World) -> None:
    """Whoever rings first after a turn does the work of the turn: it is not lost behind the later one."""
    world.contract("C-1")
    world.contract("C-2", supplier=world.private)
    world.change(formality="official", measure={"timeline": [{"status": "in_force", "from": "2026-01-13"}]})
    runs.sweep(at=datetime(2026, 1, 12, 15, 30, tzinfo=UTC))
    Contract.objects.filter(reference="C-2").update(title="renamed")
    run = runs.screen_pending(at=datetime(2026, 1, 12, 16, tzinfo=UTC))
    assert run is not None
    assert (run.everything, run.updated) == (True, 1)
    assert Flag.objects.get().basis == "in_force"


def test_a_beat_that_was_down_for_days_catches_up_with_one_sweep(world: World) -> None:
    """A contract ended, a measure took effect and a window opened meanwhile: one run brings all of it."""
    world.contract("C-1", terminated_on=date(2026, 1, 15))
    world.contract("C-2", expires_on=date(2026, 7, 13), renewal="auto", notice_days=0)
    world.change(measure={"effect": "ban", "timeline": [{"status": "in_force", "from": "2026-01-14"}]})
    runs.sweep(at=AT)
    before = set(Flag.objects.open().values_list("contract__reference", "kind"))
    assert before == {("C-1", "possible_termination"), ("C-2", "possible_termination")}

    run = runs.sweep(at=AT + timedelta(days=9))

    assert run is not None
    assert (run.everything, run.contracts) == (True, 2)
    assert set(Flag.objects.open().values_list("contract__reference", "kind")) == {
        ("C-2", "possible_termination"),
        ("C-2", "no_new_contracts"),
    }
    assert runs.sweep(at=AT + timedelta(days=9, seconds=1)) is None


def test_a_day_to_act_by_follows_today_when_the_day_begins_in_the_measures_zone(world: World) -> None:
    """In Shanghai an hour after Tokyo, and without another run."""
    world.contract("C-1")
    world.change(timezone="Asia/Shanghai")
    world.change("TOKYO", timezone="Asia/Tokyo", measure={"timeline": [{"status": "in_force", "from": "2026-01-14"}]})
    midnight = datetime(2026, 1, 13, 15, tzinfo=UTC)  # in Tokyo

    def days() -> list[date]:
        return list(Flag.objects.order_by("measure__change__reference").values_list("act_by", flat=True))

    runs.sweep(at=AT)
    assert days() == [date(2026, 1, 13), date(2026, 1, 14)]
    runs.sweep(at=midnight)
    assert days() == [date(2026, 1, 13), date(2026, 1, 14)]
    assert runs.sweep(at=midnight + timedelta(hours=1)) is None
    assert days() == [date(2026, 1, 14), date(2026, 1, 14)]
    assert FlagEvent.objects.exclude(kind="opened").exclude(run__at=midnight).count() == 0


def test_a_clock_that_stands_still_repeats_nothing(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    assert [runs.sweep(at=AT) for _ in range(3)] == [None, None, None]


def test_flags_of_a_contract_deleted_behind_our_back_close(world: World) -> None:
    contract = world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    contract.lines.all().delete()
    Contract.objects.filter(pk=contract.pk)._raw_delete("default")  # type: ignore[attr-defined]
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.contracts, run.closed) == (0, 1)
    assert Flag.objects.get().closed_because == "contract_deleted"


# --- With real transactions -------------------------------------------------------------------------------------------


@pytest.fixture
def second_connection() -> Iterator[object]:
    """Another session on the test database."""
    other = connections.create_connection("default")
    try:
        yield other
    finally:
        other.close()


def test_an_entry_that_commits_late_is_not_skipped(live_world: World, second_connection: object) -> None:
    live_world.change()
    late = live_world.contract("C-LATE", supplier=live_world.private)
    early = live_world.contract("C-EARLY", supplier=live_world.private)
    runs.sweep(at=AT)
    update = "UPDATE contracts_contract SET supplier_id = %s WHERE id = %s"
    slow = second_connection.cursor()  # type: ignore[attr-defined]
    slow.execute("BEGIN")
    slow.execute(update, [live_world.seller.pk, late.pk])  # writes the entry with the lower id

    Contract.objects.filter(pk=early.pk).update(supplier=live_world.seller)  # commits first
    first = runs.screen_pending(at=AT)
    assert first is not None
    assert (first.contracts, first.opened) == (1, 1)  # at once, without waiting for the slow transaction
    assert runs.screen_pending(at=AT) is None  # and not again while it lasts
    entry = ChangeEntry.objects.filter(reference="C-EARLY").latest("id")
    assert entry.pk in ScreeningCursor.objects.get().ahead  # others there are held back by transactions elsewhere

    slow.execute("COMMIT")
    second = runs.screen_pending(at=AT)

    assert second is not None
    assert (second.contracts, second.opened) == (1, 1)
    assert {flag.contract.reference for flag in Flag.objects.open()} == {"C-EARLY", "C-LATE"}
    assert runs.screen_pending(at=AT) is None
    assert changelog.unscreened().entries == ()


def test_two_screenings_at_once_write_every_flag_once(live_world: World) -> None:
    for number in range(40):
        live_world.contract(f"C-{number}")
    live_world.change()
    start = Barrier(2)
    failures: list[BaseException] = []

    def screen() -> None:
        try:
            start.wait()
            runs.sweep(at=AT)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=screen) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Flag.objects.count() == FlagEvent.objects.count() == 40
    assert not ScreeningRun.objects.filter(finished_at__isnull=True).exists()
    assert sorted(ScreeningRun.objects.values_list("opened", flat=True)) == [0, 40]


def test_a_policy_and_a_contract_committed_at_once_meet(live_world: World, second_connection: object) -> None:
    contract = live_world.contract("C-1", supplier=live_world.private)
    change = live_world.change(status="draft")
    runs.sweep(at=AT)
    other = second_connection.cursor()  # type: ignore[attr-defined]
    other.execute("BEGIN")
    other.execute("UPDATE contracts_contract SET supplier_id = %s WHERE id = %s", [live_world.seller.pk, contract.pk])
    PolicyChange.objects.filter(pk=change.pk).update(status="published")
    runs.screen_pending(at=AT)  # sees the policy, not yet the contract
    assert not Flag.objects.exists()
    other.execute("COMMIT")
    runs.screen_pending(at=AT)
    assert Flag.objects.open().count() == 1


def test_the_digest_names_contract_version_measure_and_verdict(world: World) -> None:
    contract = world.contract("C-1")
    world.change()
    one = runs.sweep(at=AT)
    contract.title = "renamed"
    contract.save()
    other = runs.sweep(at=AT)
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


def test_a_flag_that_a_person_changes_meanwhile_has_the_run_repeated(
    live_world: World, second_connection: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = live_world.contract("C-1", end_use=None)
    live_world.change(measure={"scope": {"end_uses": ["military"]}})
    runs.sweep(at=AT)
    Contract.objects.filter(pk=contract.pk).update(end_use="military")
    calls: list[int] = []
    screen = Screening.screen

    def interrupted(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            person = second_connection.cursor()  # type: ignore[attr-defined]
            person.execute("UPDATE alerts_flag SET updated_at = now()")
        screen(*args)

    monkeypatch.setattr(Screening, "screen", interrupted)
    run = runs.screen_pending(at=AT)

    assert len(calls) == 2
    assert run is not None
    assert (run.updated, run.finished_at is not None) == (1, True)
    assert Flag.objects.get().certainty == "matched"
