"""Replay by range, dead letters sent again, and switching off and on."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from alerts.models import WebhookDelivery, WebhookEvent
from alerts.webhooks import endpoints, queue
from alerts.webhooks.delivery import deliver
from alerts.webhooks.endpoints import NotPossible, Range
from contracts.models import Contract
from tests.alerts.conftest import World
from tests.webhooks.conftest import Receiver, endpoint, pass_time
from tests.webhooks.test_delivery import flagged

pytestmark = pytest.mark.django_db


def sequences(receiver: Receiver) -> list[int]:
    return [one.content["data"]["sequence"] for one in receiver.received]


def test_a_range_by_sequence_comes_again_under_its_old_ids(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    for name in ("C-1", "C-2", "C-3", "C-4"):
        flagged(world, name)
    deliver()
    first = {one.content["data"]["sequence"]: one.headers["webhook-id"] for one in receiver.received}
    numbers = sorted(first)
    receiver.received.clear()
    wanted = Range(from_sequence=numbers[1], to_sequence=numbers[2])
    assert endpoints.replay(told, wanted, by=told.owner) == 2
    assert endpoints.replay(told, wanted, by=told.owner) == 0  # they wait already
    assert deliver() == {"delivered": 2}
    assert {one.content["data"]["sequence"]: one.headers["webhook-id"] for one in receiver.received} == {
        number: first[number] for number in numbers[1:3]
    }


def test_a_range_by_time(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1", "C-2")
    deliver()
    earlier, later = WebhookEvent.objects.filter(type="flag.opened").order_by("id")
    WebhookEvent.objects.filter(pk=earlier.pk).update(created_at=Now() - timedelta(days=2))
    receiver.received.clear()
    since = later.created_at - timedelta(days=1)
    assert endpoints.replay(told, Range(since=since), by=told.owner) == 1
    assert endpoints.replay(told, Range(since=since - timedelta(days=9), until=since), by=told.owner) == 1
    deliver()
    assert sorted(sequences(receiver)) == [earlier.pk, later.pk]


def test_what_was_accepted_may_be_left_out(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    receiver.answers = [200, 400]
    flagged(world, "C-1", "C-2")
    deliver()
    WebhookDelivery.objects.filter(state="failed").update(state="dead")
    assert endpoints.replay(told, Range(from_sequence=0), by=told.owner, delivered=False) == 1
    assert deliver() == {"delivered": 1}
    assert WebhookDelivery.objects.filter(state="delivered").count() == 2


def test_a_new_endpoint_can_have_what_was_before_it_within_what_it_may_see(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url("/first"))
    world.contract("C-HIDDEN", department=None)
    flagged(world, "C-1")
    deliver()
    late = endpoint(world, receiver.url("/late"), "LATE", events=["flag.opened"])
    receiver.received.clear()
    assert endpoints.replay(late, Range(from_sequence=0), by=late.owner) == 1
    deliver()
    assert [(one.path, one.content["data"]["contract"]) for one in receiver.received] == [("/late", "C-1")]


def test_a_replay_checks_anew_what_may_be_seen(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1", "C-2")
    deliver()
    Contract.objects.filter(reference="C-2").update(department=None)
    assert endpoints.replay(told, Range(from_sequence=0), by=told.owner) == 1


def test_a_replay_beyond_reason_is_refused(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    told = endpoint(world, receiver.url())
    flagged(world, "C-1", "C-2")
    deliver()
    monkeypatch.setattr(endpoints, "MOST_REPLAYED", 2)
    with pytest.raises(NotPossible, match="more than 2 events lie in this range"):
        endpoints.replay(told, Range(from_sequence=0), by=told.owner)


def test_large_replays_go_in_portions(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, *(f"C-{number}" for number in range(7)))
    deliver()
    monkeypatch.setattr(queue, "BATCH", 3)
    assert endpoints.replay(told, Range(from_sequence=0), by=told.owner) == 7


def test_a_dead_letter_is_sent_again_from_its_first_attempt(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    deliver()
    WebhookDelivery.objects.update(state="dead", attempts=10, delivered_at=None)
    dead = WebhookDelivery.objects.get()
    endpoints.send_again(dead, by=told.owner)
    with pytest.raises(NotPossible, match="waiting to be sent already"):
        endpoints.send_again(dead, by=told.owner)
    assert deliver() == {"delivered": 1}
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("delivered", 1)


def test_switched_off_nothing_waits_and_switched_on_it_begins_anew(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    queue.put_out()
    endpoints.disable(told, by=told.owner)
    endpoints.disable(told, by=told.owner)
    assert list(WebhookDelivery.objects.values_list("state", "last_answer")) == [
        ("dead", "the endpoint is switched off")
    ]
    flagged(world, "C-2")
    assert deliver() == {}
    for refused in (
        lambda: endpoints.ping(told, by=told.owner, at=None),
        lambda: endpoints.replay(told, Range(from_sequence=0), by=told.owner),
        lambda: endpoints.send_again(WebhookDelivery.objects.get(), by=told.owner),
    ):
        with pytest.raises(NotPossible, match="ERP is switched off"):
            refused()
    endpoints.enable(told, by=told.owner)
    flagged(world, "C-3")
    assert deliver() == {"delivered": 1}
    assert endpoints.replay(told, Range(from_sequence=0), by=told.owner, delivered=False) == 2
    assert deliver() == {"delivered": 2}


def test_what_a_dead_sender_held_for_an_endpoint_that_is_off_is_given_up(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    queue.put_out()
    assert len(queue.claim(8)) == 1
    endpoints.disable(told, by=told.owner)
    assert WebhookDelivery.objects.get().state == "sending"  # perhaps somebody is about to write what became of it
    pass_time(seconds=21)
    deliver()
    assert WebhookDelivery.objects.get().state == "dead"
