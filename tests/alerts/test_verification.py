"""A run's manifest can be computed again from history, whatever has happened since."""

from datetime import date, timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import call_command
from django.db import connection, connections
from pytest_django import Settings

from alerts import runs
from alerts.models import Flag, FlagEvent, ScreeningRun
from alerts.verification import CannotTell, verify
from config.roles import owning_role
from contracts.models import Contract
from policies.models import Measure, PartyList, PartyListEntry, PolicyChange
from tests.alerts import stored_worlds as put
from tests.alerts.conftest import AT, World
from tests.alerts.test_always_as_from_nothing import change_something
from tests.screening.worlds import Draw


def command(run: int) -> tuple[int, str]:
    """The exit status of `verify-run` and what it printed on either stream."""
    out = StringIO()
    try:
        call_command("verify-run", str(run), stdout=out, stderr=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize("seed", range(3))
def test_every_run_of_a_long_story_verifies(transactional_db: None, settings: Settings, seed: int) -> None:
    random = Random(seed)
    worlds = [Draw(random).world() for _ in range(3)]
    at = worlds[0].calendar.at
    settings.TIME_ZONE = worlds[0].calendar.timezone
    settings.RENEWAL_HORIZON_DAYS = worlds[0].calendar.renewal_horizon_days
    put.put_world(worlds[0])
    runs.sweep(at=at)
    for _ in range(10):
        change_something(random, random.choice(worlds))
        at += timedelta(hours=random.choice([0, 1, 9]))
        runs.sweep(at=at)
    change_something(random, worlds[1])  # not screened by any of them
    settings.TIME_ZONE = "America/New_York"  # nor is this what they reckoned with

    stories = list(ScreeningRun.objects.order_by("id"))
    assert len(stories) > 5
    assert any(run.everything for run in stories)
    assert any(not run.everything for run in stories)
    for run in stories:
        found = verify(run)
        assert (found.figures, found.differing, found.digest) == ((), (), run.digest)


def test_the_manifest_says_what_was_in_scope_and_verifies(live_world: World) -> None:
    live_world.contract("C-1")
    live_world.contract("C-2", supplier=live_world.private)
    live_world.change()
    run = runs.sweep(at=AT)
    assert run is not None
    assert (run.everything, run.contracts, run.lines, run.screened, run.opened) == (True, 2, 2, 2, 1)
    Contract.objects.update(end_use="military", title="later")
    PolicyChange.objects.update(status="withdrawn")
    assert command(run.pk) == (0, f"equal: 2 contracts, digest {run.digest}\n")


def test_a_flag_that_was_not_opened_is_named(live_world: World) -> None:
    """As a run would look that had missed a contract."""
    live_world.contract("C-1")
    live_world.contract("C-2")
    live_world.change()
    run = runs.sweep(at=AT)
    assert run is not None
    buckets = dict(run.buckets)
    alone = verify(run)
    assert alone.equal
    from_nothing = ScreeningRun.objects.get(pk=run.pk)
    from_nothing.buckets = dict.fromkeys(buckets, "0" * 32)
    from_nothing.digest = "0" * 64
    missed = Flag.objects.get(contract__reference="C-2")
    with owning_role(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE alerts_flagevent DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM alerts_flagevent WHERE flag_id = %s", [missed.pk])
        cursor.execute("ALTER TABLE alerts_flagevent ENABLE TRIGGER USER")
    from_nothing.save()
    status, said = command(run.pk)
    assert (status, said.splitlines()) == (1, ["differs", "contract C-2"])
    assert FlagEvent.objects.count() == 1


def test_a_writer_that_had_not_committed_is_not_seen(live_world: World) -> None:
    """Its rows of history are older than the run, and became visible after it."""
    contract = live_world.contract("C-1", supplier=live_world.private)
    live_world.change()
    other = connections.create_connection("default")
    try:
        cursor = other.cursor()
        cursor.execute("BEGIN")
        cursor.execute(
            "UPDATE contracts_contract SET supplier_id = %s WHERE id = %s", [live_world.seller.pk, contract.pk]
        )
        run = runs.sweep(at=AT)
        cursor.execute("COMMIT")
    finally:
        other.close()
    assert run is not None
    assert run.opened == 0
    assert verify(run).equal
    later = runs.screen_pending(at=AT)
    assert later is not None
    assert later.opened == 1
    assert verify(later).equal


def test_history_that_was_purged_cannot_tell(live_world: World) -> None:
    contract = live_world.contract("C-1")
    live_world.change()
    run = runs.sweep(at=AT)
    assert run is not None
    with owning_role(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contracts_contractevent DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM contracts_contractevent")
        cursor.execute("ALTER TABLE contracts_contractevent ENABLE TRIGGER USER")
    assert command(run.pk) == (2, f"history cannot tell: contract {contract.pk} has no history\n")


def test_a_run_that_did_not_finish_has_nothing_to_verify(live_world: World) -> None:
    run = ScreeningRun.objects.create(cause="changes", at=AT)
    with pytest.raises(CannotTell, match=f"run {run.pk} did not finish"):
        verify(run)
    assert command(run.pk)[0] == 2
    assert command(run.pk + 1) == (2, f"there is no run {run.pk + 1}\n")


def test_a_run_with_a_measure_set_aside_verifies(live_world: World) -> None:
    live_world.contract("C-1")
    change = live_world.change()
    runs.sweep(at=AT)
    listed = PartyList.objects.create(reference="L", timezone="Asia/Tokyo")
    PartyListEntry.objects.create(party_list=listed, organization=live_world.seller, from_on=date(2026, 1, 1))
    Measure.objects.filter(change=change).update(scope={"parties": {"lists": ["NOWHERE"], "roles": ["supplier"]}})
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert [one["name"] for one in run.policies_set_aside] == ["CN-REPORT/existing"]
    assert verify(run).equal
