"""What /health/ready and /metrics say of work that waits."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client

from alerts import messages, runs
from alerts.backlog import backlog
from alerts.models import EscalationTimer, Message, ScreeningRun
from alerts.outbox import circuit
from alerts.screening import PolicySet
from contracts.columns import Contracts
from contracts.models import Contract
from policies.models import Measure
from tests.alerts.conftest import AT, World


def metric(client: Client, name: str) -> float | None:
    """The value of a metric at /metrics."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    values = [line.split()[1] for line in answer.content.decode().splitlines() if line.startswith(f"tocsin_{name} ")]
    return float(values[0]) if values else None


def test_nothing_has_happened(db: None, client: Client) -> None:
    found = backlog(at=AT)
    assert (found.oldest_unscreened_change_seconds, found.last_complete_sweep_seconds) == (None, None)
    assert metric(client, "last_complete_sweep_seconds") is None
    assert metric(client, "oldest_unscreened_change_seconds") == 0


def test_a_change_waits_until_it_is_screened(world: World, client: Client) -> None:
    world.contract("C-1")
    world.change()
    waiting = client.get("/health/ready").json()
    assert waiting["oldest_unscreened_change_seconds"] >= 0
    assert waiting["last_complete_sweep_seconds"] is None

    runs.sweep(at=AT)
    messages.compose(at=AT)

    after = client.get("/health/ready").json()
    assert after["oldest_unscreened_change_seconds"] is None
    assert 0 <= after["last_complete_sweep_seconds"] < 60
    assert 0 <= after["oldest_unsent_message_seconds"] < 60
    assert (after["messages_unsent"], after["runs_incomplete"], after["contracts_set_aside"]) == (1, 0, 0)
    assert after["cursor_transactions_behind"] >= 0
    assert metric(client, "messages_unsent") == 1


def test_ages_are_told_in_seconds(world: World, client: Client) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    messages.compose(at=AT)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alerts_screeningrun SET finished_at = clock_timestamp() - interval '2 hours'")
        cursor.execute("UPDATE alerts_message SET created_at = clock_timestamp() - interval '10 minutes'")
    assert metric(client, "last_complete_sweep_seconds") == pytest.approx(7200, abs=30)
    assert metric(client, "oldest_unsent_message_seconds") == pytest.approx(600, abs=30)
    Message.objects.update(state="dead")
    assert metric(client, "messages_dead") == 1


def test_a_run_cut_short_is_counted(world: World, client: Client) -> None:
    ScreeningRun.objects.create(cause="changes", at=AT)
    assert metric(client, "runs_incomplete") == 1


def test_what_is_set_aside_is_counted_until_it_is_screened(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("C-1")
    world.contract("C-2")
    change = world.change()
    flags = PolicySet.flags
    bad = Contract.objects.get(reference="C-1").pk

    def poisoned(self: PolicySet, contracts: Contracts) -> object:
        if bad in contracts.ids:
            raise ValueError("poison")
        return flags(self, contracts)

    with monkeypatch.context() as patch:
        patch.setattr(PolicySet, "flags", poisoned)
        runs.sweep(at=AT)
    assert metric(client, "contracts_set_aside") == 1
    assert runs.sweep(at=AT + timedelta(minutes=1)) is None  # it is not tried again every minute
    runs.sweep(at=AT + timedelta(days=1))
    assert metric(client, "contracts_set_aside") == 0

    world.measure(change, key="broken", scope={"parties": {"lists": ["NOWHERE"], "roles": ["supplier"]}})
    runs.screen_pending(at=AT + timedelta(days=1))
    assert metric(client, "policies_set_aside") == 1
    Measure.objects.filter(key="broken").update(retired_at=AT)
    runs.screen_pending(at=AT + timedelta(days=1))
    assert metric(client, "policies_set_aside") == 0


def test_a_run_that_cannot_be_put_into_messages_is_counted(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    monkeypatch.setattr(messages, "_drafts", lambda run, at: 1 / 0)
    assert messages.compose(at=AT) == 0
    ScreeningRun.objects.update(finished_at=F("finished_at") - timedelta(minutes=10))
    assert metric(client, "runs_untold") == 1
    assert metric(client, "oldest_untold_run_seconds") == pytest.approx(600, abs=30)
    monkeypatch.undo()
    assert messages.compose(at=AT) == 1
    assert (metric(client, "runs_untold"), metric(client, "oldest_untold_run_seconds")) == (0, 0)


def test_what_cannot_be_written_and_a_server_that_takes_nothing_are_counted(world: World, client: Client) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    messages.compose(at=AT)
    assert (metric(client, "messages_unwritten"), metric(client, "mail_server_failures")) == (0, 0)
    Message.objects.update(state="failed", stage="write", attempts=1)
    circuit.failed("421 closing")
    assert (metric(client, "messages_unwritten"), metric(client, "mail_server_failures")) == (1, 1)
    assert metric(client, "messages_unsent") == 1
    Message.objects.update(state="withheld")
    assert (metric(client, "messages_unsent"), metric(client, "oldest_unsent_message_seconds")) == (0, 0)


def test_an_escalation_that_is_overdue_is_counted(world: World) -> None:
    world.contract("C-1")
    world.change()
    runs.sweep(at=AT)
    messages.compose(at=AT)
    message = Message.objects.get()
    EscalationTimer.objects.create(message=message, severity="urgent", due_at=AT)
    assert backlog(at=AT - timedelta(seconds=1)).escalations_overdue == 0
    assert backlog(at=AT).escalations_overdue == 1
    EscalationTimer.objects.update(acted_at=AT)
    assert backlog(at=AT).escalations_overdue == 0
