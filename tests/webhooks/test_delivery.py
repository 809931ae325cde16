"""From a flag's event to an endpoint that accepted it: order, attempts, pauses, leases and what each answer means."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts import policy, runs
from alerts.bundle.single import single
from alerts.models import Flag, FlagEvent, WebhookDelivery, WebhookEndpoint, WebhookEvent
from alerts.webhooks import endpoints, queue
from alerts.webhooks.delivery import deliver
from alerts.webhooks.sender import Fate, Outcome
from contracts.models import Contract, Line
from tests.alerts.conftest import AT, World
from tests.webhooks.conftest import Receiver, endpoint, hung_up, pass_time, silent

pytestmark = pytest.mark.django_db


def flagged(world: World, *references: str) -> None:
    """A flag on each of the contracts, by one run."""
    for reference in references:
        world.contract(reference)
    if not Flag.objects.exists():
        world.change()
    runs.screen_pending(at=AT)


def cheaper(reference: str, price: int) -> None:
    """The exposure changes, and with it the flag."""
    Line.objects.filter(contract__reference=reference).update(unit_price=price)
    runs.screen_pending(at=AT + timedelta(hours=1))


def state(of: WebhookDelivery | None = None) -> tuple[str, int]:
    found = WebhookDelivery.objects.get(pk=of.pk) if of else WebhookDelivery.objects.get()
    return found.state, found.attempts


def next_wait() -> float:
    waits = WebhookDelivery.objects.annotate(wait=F("next_attempt_at") - Now())
    return float(waits.get().wait.total_seconds())


def test_an_opened_flag_is_told_as_it_stands(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url())
    flagged(world, "C-1")
    assert deliver() == {"delivered": 2}
    flag, event = Flag.objects.get(), WebhookEvent.objects.get(type="flag.opened")
    assert sorted(receiver.types()) == ["flag.opened", "policy.published"]
    got = next(one for one in receiver.received if one.content["type"] == "flag.opened")
    assert got.content == {
        "type": "flag.opened",
        "timestamp": "2026-01-13T00:00:00+00:00",
        "data": {
            "sequence": event.pk,
            "flag": flag.pk,
            "contract": "C-1",
            "policy_change": "CN-REPORT",
            "measure": "CN-REPORT/existing",
            "kind": "possible_termination",
            "event": "opened",
            "certainty": "matched",
            "certainty_before": None,
            "basis": "reported",
            "basis_before": None,
            "act_by": "2026-01-13",
            "act_by_before": None,
            "exposure": {"amount": "1200000.00", "currency": "JPY"},
            "exposure_before": None,
            "concluded": None,
            "closed_because": None,
            "owner": "aoi@example.com",
            "department": "MAG",
            "url": f"http://localhost:8000/api/v1/flags/{flag.pk}",
        },
    }
    assert got.headers["webhook-id"] == event.message_id
    Webhook(told.secret).verify(got.body, got.headers)
    assert deliver() == {}


def test_a_flag_is_told_from_beginning_to_end_in_order(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened", "flag.updated", "flag.closed"])
    flagged(world, "C-1")
    cheaper("C-1", 6_000)
    Contract.objects.update(closed_as="completed")
    runs.screen_pending(at=AT + timedelta(hours=2))
    assert deliver() == {"delivered": 3}
    assert receiver.types() == ["flag.opened", "flag.updated", "flag.closed"]
    data = [one.content["data"] for one in receiver.received]
    assert [one["event"] for one in data] == ["opened", "changed", "closed"]
    assert [one["sequence"] for one in data] == sorted(one["sequence"] for one in data)
    assert (data[1]["exposure_before"]["amount"], data[1]["exposure"]["amount"]) == ("1200000.00", "600000.00")
    assert data[2]["closed_because"] == "contract_ended"


def test_a_policy_change_is_told_through_every_door_and_once(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["policy.published", "policy.withdrawn"])
    by = world.user("policy@example.com")
    draft = world.change(status="draft")
    policy.publish(draft, by=by, at=AT)
    policy.publish(draft, by=by, at=AT)
    policy.withdraw(draft, by=by, at=AT)
    policy.withdraw(draft, by=by, at=AT)
    world.change("CN-LOADED")  # published from its first moment, as a file may have it
    world.change("CN-DRAFT", status="draft", title="New")
    assert deliver() == {"delivered": 3}
    told = [(one["type"], one["data"]["policy_change"]) for one in (got.content for got in receiver.received)]
    assert sorted(told) == [
        ("policy.published", "CN-LOADED"),
        ("policy.published", "CN-REPORT"),
        ("policy.withdrawn", "CN-REPORT"),
    ]
    assert told.index(("policy.published", "CN-REPORT")) < told.index(("policy.withdrawn", "CN-REPORT"))


def test_a_revision_that_comes_into_force_is_told(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["policy.published"])
    change = world.change()
    edit = {"reference": change.reference, "timezone": change.timezone, "title": "Other"}
    policy.revise(change, single("policy_changes", edit, change.reference), by=world.user("a@example.com"), at=AT)
    assert deliver() == {"delivered": 1}
    policy.publish(change, by=world.user("b@example.com"), at=AT)
    assert deliver() == {"delivered": 1}
    first, second = (one.content["data"] for one in receiver.received)
    assert (first["title"], second["title"]) == ("State sellers consider ending contracts", "Other")
    assert first["version"] < second["version"]


def test_without_an_endpoint_nothing_is_noted(world: World) -> None:
    flagged(world, "C-1")
    assert (FlagEvent.objects.count(), WebhookEvent.objects.count()) == (1, 0)


def test_an_endpoint_hears_of_what_it_subscribes_to(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.closed"])
    flagged(world, "C-1")
    assert deliver() == {}
    assert WebhookEvent.objects.not_put_out().count() == 0


def test_departments_do_not_hear_of_each_other(world: World, receiver: Receiver) -> None:
    other = world.magnets.__class__.objects.create(reference="OPT")
    chief = world.user("chief@example.com", roles=["administrator"])
    nobody = world.user("nobody@example.com")  # of the department, but without a role
    gone = world.user("gone@example.com", roles=["buyer"], is_active=False)
    optician = world.user("opt@example.com", roles=["buyer"])
    optician.departments.add(other)
    for user in (nobody, gone):
        user.departments.add(world.magnets)
    endpoint(world, receiver.url("/mag"))
    endpoint(world, receiver.url("/opt"), "OPT", owner=optician)
    endpoint(world, receiver.url("/all"), "ALL", owner=chief)
    endpoint(world, receiver.url("/narrow"), "NARROW", owner=chief, department=other)
    endpoint(world, receiver.url("/nobody"), "NOBODY", owner=nobody)
    endpoint(world, receiver.url("/gone"), "GONE", owner=gone)
    world.contract("C-MAG")
    world.contract("C-OPT", department=other)
    flagged(world, "C-2")
    deliver()
    heard = {(one.path, one.content["data"].get("contract")) for one in receiver.received}
    assert {row for row in heard if row[1]} == {
        ("/mag", "C-MAG"),
        ("/mag", "C-2"),
        ("/opt", "C-OPT"),
        ("/narrow", "C-OPT"),
        ("/all", "C-MAG"),
        ("/all", "C-2"),
        ("/all", "C-OPT"),
    }
    assert {path for path, contract in heard if not contract} == {"/mag", "/opt", "/all", "/narrow"}


def test_whoever_loses_sight_of_a_contract_before_it_is_told_does_not_hear(world: World, receiver: Receiver) -> None:
    told = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1", "C-2")
    queue.put_out()
    Contract.objects.filter(reference="C-1").update(department=None)
    assert deliver() == {"delivered": 1}
    assert [one.content["data"]["contract"] for one in receiver.received] == ["C-2"]
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["delivered", "withheld"]
    told.owner.departments.clear()
    flagged(world, "C-3")
    assert deliver() == {}


def test_the_closing_of_a_deleted_contracts_flag_goes_to_whoever_heard_of_it(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url("/mag"), events=["flag.opened", "flag.closed"])
    endpoint(world, receiver.url("/all"), "ALL", owner=world.user("chief@example.com", roles=["administrator"]))
    stranger = endpoint(world, receiver.url("/opt"), "OPT", owner=world.user("opt@example.com", roles=["buyer"]))
    flagged(world, "C-1")
    deliver()
    contract = Contract.objects.get(reference="C-1")
    contract.lines.all().delete()
    Contract.objects.filter(pk=contract.pk)._raw_delete("default")  # type: ignore[attr-defined]
    runs.screen_pending(at=AT + timedelta(hours=1))
    deliver()
    closed = [one for one in receiver.received if one.content["type"] == "flag.closed"]
    assert sorted(one.path for one in closed) == ["/all", "/mag"]
    assert {one.content["data"]["contract"] for one in closed} == {"C-1"}
    assert not stranger.deliveries.filter(event__contract_id__isnull=False).exists()


def test_ten_attempts_over_three_days_and_then_a_dead_letter(world: World, receiver: Receiver) -> None:
    receiver.always = 500
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    waits = []
    for attempt in range(1, 10):
        assert deliver() == {"failed": 1}
        assert state() == ("failed", attempt)
        assert deliver() == {}
        waits.append(next_wait())
        pass_time(seconds=waits[-1] + 1)
        WebhookEndpoint.objects.update(failing_since=Now())  # others of its events may have been accepted
    assert deliver() == {"failed": 1}
    assert state() == ("dead", 10)
    assert all(low - 2 <= wait <= low * 1.1 for low, wait in zip(queue.WAITS, waits, strict=True)), waits
    assert 72 * 3600 <= sum(queue.WAITS) <= 75 * 3600
    assert WebhookDelivery.objects.get().last_answer == "500 Internal Server Error: said the receiver"
    pass_time(days=30)
    assert deliver() == {}
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    assert len({one.body for one in receiver.received}) == 1


def test_what_failed_is_accepted_later(world: World, receiver: Receiver) -> None:
    receiver.answers = [500, silent, hung_up, 400]
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    for _ in range(4):
        assert deliver() == {"failed": 1}
        pass_time(hours=3)
    assert WebhookEndpoint.objects.get().failures == 3  # a 400 speaks of the event, not of the endpoint
    assert deliver() == {"delivered": 1}
    ailing = WebhookEndpoint.objects.values_list("failures", "failing_since", "paused_until").get()
    assert ailing == (0, None, None)
    assert state() == ("delivered", 5)


@pytest.mark.parametrize(
    ("status", "asked", "least", "most"),
    [
        (429, "90", 88, 90),  # longer than our own wait
        (503, "1800", 1798, 1800),
        (429, "1", 3, 6),  # shorter: ours holds
        (429, "999999999", 6 * 3600 - 2, 6 * 3600),  # within reason
        (429, "soon", 3, 6),
        (500, "900", 3, 6),  # means nothing there
    ],
)
def test_an_endpoint_may_ask_for_patience(
    world: World, receiver: Receiver, status: int, asked: str, least: float, most: float
) -> None:
    receiver.always = (status, {"Retry-After": asked})
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    assert deliver() == {"failed": 1}
    assert least <= next_wait() <= most
    paused = WebhookEndpoint.objects.annotate(wait=F("paused_until") - Now()).get().wait.total_seconds()
    assert least <= paused <= most


def test_410_switches_the_endpoint_off_and_gives_up_what_waits(world: World, receiver: Receiver) -> None:
    receiver.always = 410
    gone = endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    flagged(world, *(f"C-{number}" for number in range(2, 20)))
    deliver()
    gone.refresh_from_db()
    assert (gone.is_enabled, gone.disabled_because) == (False, "gone")
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"dead"}
    assert WebhookDelivery.objects.filter(last_status=410).count() == len(receiver.received) <= 8
    flagged(world, "C-99")
    assert deliver() == {}
    assert WebhookEvent.objects.count() == 21  # noted all the same, for a replay


def test_an_endpoint_that_took_nothing_for_days_is_switched_off(world: World, receiver: Receiver) -> None:
    receiver.always = 502
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    deliver()
    pass_time(days=4, hours=23)
    deliver()
    assert WebhookEndpoint.objects.get().is_enabled
    pass_time(hours=2)
    deliver()
    off = WebhookEndpoint.objects.get()
    assert (off.is_enabled, off.disabled_because) == (False, "failing")
    assert state()[0] == "dead"


def test_a_failing_endpoint_is_tried_with_one_delivery_at_a_time(world: World, receiver: Receiver) -> None:
    receiver.always = 503
    endpoint(world, receiver.url("/bad"), events=["flag.opened"])
    flagged(world, *(f"C-{number}" for number in range(20)))
    assert deliver().total() <= 8  # at first side by side, before anybody knows
    before = len(receiver.received)
    for pause in (5, 10, 20):
        pass_time(seconds=pause)
        assert deliver() == {"failed": 1}
    assert len(receiver.received) == before + 3
    receiver.always = 200
    pass_time(seconds=300)
    assert deliver() == {"delivered": 20}


def test_a_failing_endpoint_keeps_nobody_else_waiting(world: World, receiver: Receiver) -> None:
    endpoint(world, "http://127.0.0.1:9/", "BAD", events=["flag.opened"])
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, *(f"C-{number}" for number in range(30)))
    counts = deliver()
    assert counts["delivered"] == 30
    assert counts["failed"] <= 8


def test_what_is_about_one_contract_waits_for_its_turn_and_others_do_not(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened", "flag.updated"])
    receiver.answers = [400]
    flagged(world, "C-1")
    deliver()
    cheaper("C-1", 6_000)
    flagged(world, "C-2")
    assert deliver() == {"delivered": 1}
    assert [one.content["data"]["contract"] for one in receiver.received] == ["C-1", "C-2"]
    pass_time(seconds=6)
    assert deliver() == {"delivered": 2}
    assert [(one.content["type"], one.content["data"]["contract"]) for one in receiver.received[2:]] == [
        ("flag.opened", "C-1"),
        ("flag.updated", "C-1"),
    ]


def test_order_gives_way_to_news_after_five_attempts(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened", "flag.updated"])
    receiver.answers = [400] * 5
    flagged(world, "C-1")
    queue.put_out()
    cheaper("C-1", 6_000)
    for _ in range(4):
        deliver()
        assert set(receiver.types()) == {"flag.opened"}
        pass_time(hours=1)
    assert deliver() == {"failed": 1, "delivered": 1}
    first, *_, last = (one.content["data"]["sequence"] for one in receiver.received)
    assert first < last  # by which the receiver knows what to make of the first when it comes
    pass_time(hours=3)
    assert deliver() == {"delivered": 1}
    assert receiver.types()[-1] == "flag.opened"


def test_a_dead_senders_work_is_taken_over_within_twenty_seconds(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    queue.put_out()
    (lost,) = queue.claim(8)
    assert deliver() == {}
    assert queue.lease_seconds() <= 20
    pass_time(seconds=21)
    assert deliver() == {"delivered": 1}
    assert state() == ("delivered", 2)
    # The one who was thought dead comes back with another outcome: it is dropped.
    assert not queue.record(lost, Outcome(Fate.FAILED, 500, "late", ailing=True))
    assert state() == ("delivered", 2)
    assert WebhookEndpoint.objects.get().failures == 0


def test_a_stale_lease_that_was_taken_by_another_writes_nothing(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened"])
    flagged(world, "C-1")
    queue.put_out()
    (mine,) = queue.claim(8)
    WebhookDelivery.objects.update(lease_token=uuid4())
    assert not queue.record(mine, Outcome(Fate.DELIVERED, 200, "OK"))
    assert state() == ("sending", 1)


def test_two_secrets_sign_while_one_takes_the_others_place(world: World, receiver: Receiver) -> None:
    rotating = endpoint(world, receiver.url(), events=["flag.opened"])
    old = rotating.secret
    new = endpoints.rotate(rotating, by=rotating.owner, overlap_hours=1)
    flagged(world, "C-1")
    deliver()
    for secret in (new, old):
        Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
    pass_time(minutes=61)
    flagged(world, "C-2")
    deliver()
    Webhook(new).verify(receiver.received[1].body, receiver.received[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(receiver.received[1].body, receiver.received[1].headers)
    at_once = endpoints.rotate(rotating, by=rotating.owner, overlap_hours=0)
    flagged(world, "C-3")
    deliver()
    assert receiver.received[2].headers["webhook-signature"].count("v1,") == 1
    Webhook(at_once).verify(receiver.received[2].body, receiver.received[2].headers)


def test_a_ping_goes_to_its_endpoint_alone_and_at_once(world: World, receiver: Receiver) -> None:
    mine = endpoint(world, receiver.url("/mine"), events=["flag.closed"])
    endpoint(world, receiver.url("/other"), "OTHER")
    WebhookEndpoint.objects.update(failures=3, paused_until=Now() + timedelta(minutes=5))
    endpoints.ping(mine, by=mine.owner, at=AT)
    assert deliver() == {"delivered": 1}
    (got,) = receiver.received
    assert (got.path, got.content["type"], got.content["data"]["endpoint"]) == ("/mine", "webhook.ping", "ERP")


def test_an_event_that_cannot_be_rendered_keeps_nobody_waiting(world: World, receiver: Receiver) -> None:
    endpoint(world, receiver.url(), events=["flag.opened", "policy.published"])
    WebhookEvent.objects.create(type="policy.published", policy_change_id=424242)
    flagged(world, "C-1")
    assert deliver() == {"delivered": 2}
    assert WebhookEvent.objects.not_put_out().count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_committed_late_is_not_skipped(live_world: World, receiver: Receiver) -> None:
    """The lower number becomes visible after the higher one was put out."""
    endpoint(live_world, receiver.url(), events=["policy.published"])
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO policies_policychange (reference, timezone, status, supersedes, provenance, version)"
                " VALUES ('SLOW', 'Asia/Tokyo', 'published', '{}', '{}', 1)"
            )
            begun.set()
            go_on.wait(10)
            cursor.execute("COMMIT")
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(10)
    live_world.change("FAST")
    assert deliver() == {"delivered": 1}
    go_on.set()
    thread.join()
    assert deliver() == {"delivered": 1}
    numbers = [one.content["data"] for one in receiver.received]
    assert [one["policy_change"] for one in numbers] == ["FAST", "SLOW"]
    assert numbers[0]["sequence"] > numbers[1]["sequence"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_deliver_everything_once_and_in_order(live_world: World, receiver: Receiver) -> None:
    endpoint(live_world, receiver.url("/a"), "A", events=["flag.opened", "flag.updated"])
    endpoint(live_world, receiver.url("/b"), "B", events=["flag.opened", "flag.updated"])
    names = [f"C-{number}" for number in range(40)]
    flagged(live_world, *names)
    Line.objects.update(unit_price=6_000)
    runs.screen_pending(at=AT + timedelta(hours=1))

    def work() -> None:
        try:
            for _ in range(3):
                deliver()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    told: dict[tuple[str, str], list[str]] = {}
    for one in receiver.received:
        told.setdefault((one.path, one.content["data"]["contract"]), []).append(one.content["type"])
    assert told == {(path, name): ["flag.opened", "flag.updated"] for path in ("/a", "/b") for name in names}
    assert WebhookDelivery.objects.filter(state="delivered", attempts=1).count() == 160
