"""An answer that turns is found once: whoever was told on Friday hears on Monday, and never twice."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from alerts.checks import asking, changes
from alerts.checks.rounds import look_again
from alerts.models import Check, CheckTurn, CheckWatch, WebhookDelivery, WebhookEndpoint
from alerts.pinning import pinning
from alerts.webhooks.queue import put_out
from people.models import User
from policies.models import PolicyChange
from suppliers.models import Organization, Ownership
from tests.checks.conftest import AT, Ask, World, document

MONDAY = AT + timedelta(days=3)
BAN = {"effect": "ban", "scope": {"commodities": [{"hs": ["2846"]}]}}


@pytest.fixture
def world(live_world: World) -> World:
    """Of transactions that end: a round is told by snapshots what others have changed, never what its own has."""
    return live_world


def said() -> list[tuple[int, str, str]]:
    return [(turn.number, turn.before, turn.after) for turn in CheckTurn.objects.order_by("id")]


def test_what_was_cleared_on_friday_is_found_on_monday(world: World, ask: Ask, buyer: User) -> None:
    (friday,) = ask(document())
    assert friday["decision"] == "clear"
    world.change(measure=BAN)
    assert [look_again(at=MONDAY), look_again(at=MONDAY), look_again(at=MONDAY + timedelta(minutes=1))] == [1, 0, 0]
    (turn,) = changes.turns(buyer)
    assert (turn.before, turn.after, turn.measures) == ("clear", "blocked", ["CN-REPORT/existing"])
    assert (turn.lines_before, turn.lines_after) == ({"10": "clear"}, {"10": "blocked"})
    assert str(turn.parent.uuid) == friday["id"]
    check = Check.objects.get()
    assert (check.answer, check.stands, check.turned) == ("clear", "blocked", 1)


def test_an_answer_that_turns_back_is_told_again(world: World, ask: Ask) -> None:
    change = world.change(measure=BAN)
    ask(document())
    look_again(at=AT)
    PolicyChange.objects.filter(pk=change.pk).update(status="withdrawn")
    look_again(at=AT)
    PolicyChange.objects.filter(pk=change.pk).update(status="published")
    look_again(at=AT)
    assert said() == [(1, "blocked", "clear"), (2, "clear", "blocked")]


def test_another_reason_for_the_same_answer_is_no_turn(world: World, ask: Ask) -> None:
    world.change(measure=BAN)
    ask(document())
    world.change("ANOTHER", measure={"effect": "ban", "scope": {"origin_countries": ["CN"]}})
    assert look_again(at=AT) == 0


def test_a_line_that_turns_is_told_though_the_document_stays_blocked(world: World, ask: Ask) -> None:
    world.change(measure=BAN)
    line = document()["lines"][0]
    ask(document(lines=[line, {**line, "number": 20, "hs_code": "730110"}]))
    world.change("STEEL", measure={"effect": "ban", "scope": {"commodities": [{"hs": ["73"]}]}})
    assert look_again(at=AT) == 1
    (turn,) = CheckTurn.objects.all()
    assert (turn.before, turn.after, turn.lines_after) == ("blocked", "blocked", {"10": "blocked", "20": "blocked"})


def test_ownership_turns_the_checks_of_those_who_are_owned_and_no_others_are_looked_at(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = {"commodities": [{"hs": ["2846"]}], "supplier_controlled_by_state": "CN"}
    world.change(measure={"effect": "ban", "scope": scope})
    holding = Organization.objects.create(reference="HOLD", country="CN", kind="company", owners_complete=True)
    Ownership.objects.create(organization=world.private, owner=holding, percent=100, controls=True)
    other = Organization.objects.create(reference="FREE", country="CN", kind="company", owners_complete=True)
    (private, free) = ask(document(supplier="JADE"), document(reference="PO-2", supplier=other.reference))
    assert (private["decision"], free["decision"]) == ("clear", "clear")
    look_again(at=AT)
    watch = CheckWatch.objects.get()
    Ownership.objects.create(organization=holding, owner=world.state, percent=100, controls=True)
    assert look_again(at=AT) == 1
    assert said() == [(1, "clear", "blocked")]
    assert CheckTurn.objects.get().parent.reference == "PO-1"
    assert CheckWatch.objects.get().finished_at >= watch.finished_at


def test_time_alone_turns_an_answer_and_the_answer_said_when(world: World, ask: Ask) -> None:
    """A measure ends with 14 January in Shanghai, 16:00 UTC."""
    period = [{"status": "in_force", "from": "2026-01-10", "until": "2026-01-14"}]
    world.change(measure={**BAN, "timeline": period})
    (result,) = ask(document())
    turn = datetime(2026, 1, 14, 16, tzinfo=UTC)
    assert (result["decision"], result["valid_until"]) == ("blocked", "2026-01-14T16:00:00Z")
    assert look_again(at=turn - timedelta(seconds=1)) == 0
    assert look_again(at=turn) == 1
    assert said() == [(1, "blocked", "clear")]


def test_the_contracts_own_time_turns_an_answer(world: World, ask: Ask) -> None:
    """The measure bites from February; the last delivery of January is overdue from then on, and has no end."""
    period = [{"status": "in_force", "from": "2026-02-10"}]
    world.change(measure={**BAN, "timeline": period})
    live = {"purpose": "amendment", "renewal": "none", "concluded_on": "2024-04-01", "expires_on": "2027-03-31"}
    (result,) = ask(document(**live, line={"ship_until": "2026-01-31"}))
    assert (result["decision"], result["valid_until"]) == ("clear", "2026-01-20T00:00:00Z")
    assert look_again(at=AT + timedelta(days=10)) == 0
    assert look_again(at=datetime(2026, 2, 1, 0, tzinfo=UTC)) == 1
    assert said() == [(1, "clear", "blocked")]


def test_nobody_is_watched_for_ever(world: World, ask: Ask) -> None:
    with override_settings(CHECK_WATCH_DAYS=2):
        ask(document())
    look_again(at=AT)
    world.change(measure=BAN)
    assert look_again(at=MONDAY) == 0


def test_without_a_receipt_nothing_is_kept(world: World, ask: Ask) -> None:
    (result,) = ask(document(), receipts=False)
    assert "receipt" not in result
    assert "id" not in result
    assert not Check.objects.exists()


def test_what_can_no_longer_be_asked_is_reviewed(world: World, ask: Ask) -> None:
    live = {"purpose": "renewal", "renewal": "option", "concluded_on": "2024-04-01", "expires_on": "2026-01-20"}
    (result,) = ask(document(**live))
    assert result["decision"] == "clear"
    assert look_again(at=datetime(2026, 1, 21, tzinfo=UTC)) == 1
    assert said() == [(1, "clear", "review")]


def test_acknowledging_is_once_and_of_ones_own(world: World, ask: Ask, buyer: User) -> None:
    ask(document(), document(reference="PO-2"))
    world.change(measure=BAN)
    look_again(at=AT)
    first, second = changes.turns(buyer)
    stranger = User.objects.create_user("other@example.com", roles=["administrator"])
    assert changes.acknowledge([first.pk], by=stranger, at=AT) == 0
    assert [changes.acknowledge([first.pk, 987654321], by=buyer, at=AT) for _ in range(2)] == [1, 0]
    assert list(changes.turns(buyer)) == [second]
    assert list(changes.turns(buyer, acknowledged=True)) == [first]


def test_a_turn_is_told_by_webhook_once_and_to_nobody_who_may_not_see_it(world: World, ask: Ask, buyer: User) -> None:
    stranger = User.objects.create_user("stranger@example.com", roles=["buyer"])
    for owner in (buyer, stranger):
        WebhookEndpoint.objects.create(
            reference=owner.email.partition("@")[0], url="https://erp.example", owner=owner, events=["check.changed"]
        )
    (result,) = ask(document(department="MAG"))
    world.change(measure=BAN)
    for _ in range(3):
        look_again(at=MONDAY)
        put_out()
    (delivery,) = WebhookDelivery.objects.select_related("event", "endpoint")
    assert delivery.endpoint.owner == buyer
    told = json.loads(delivery.event.body)
    assert (told["type"], told["timestamp"]) == ("check.changed", "2026-01-16T00:00:00+00:00")
    assert told["data"] == {
        "sequence": delivery.event.pk,
        "change": CheckTurn.objects.get().pk,
        "check": result["id"],
        "document": "PO-1",
        "purpose": "new_contract",
        "decision": "blocked",
        "decision_before": "clear",
        "lines": {"10": "blocked"},
        "measures": ["CN-REPORT/existing"],
        "department": "MAG",
        "url": f"http://localhost:8000/api/v1/checks/{result['id']}",
    }


@pytest.mark.django_db(transaction=True)
def test_rounds_at_once_find_a_turn_once(live_world: World) -> None:
    owner = User.objects.create_user("erp@example.com", roles=["administrator"])
    answer_at_once([document(reference=f"PO-{number}") for number in range(20)], owner)
    live_world.change(measure=BAN)
    found: list[int] = []

    def work() -> None:
        try:
            found.append(look_again(at=AT))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == [0, 0, 0, 20]
    assert CheckTurn.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_check_decided_a_moment_before_a_publication_is_looked_at_again(live_world: World) -> None:
    """Its answer stood on policies that had been looked up within the last second."""
    owner = User.objects.create_user("erp@example.com", roles=["administrator"])
    pinning.lately(AT)
    live_world.change(measure=BAN)
    look_again(at=AT)
    (result,) = answer_at_once([document()], owner)
    assert result["decision"] == "clear"
    assert look_again(at=AT) == 1
    assert said() == [(1, "clear", "blocked")]


def answer_at_once(documents: list[Any], owner: User) -> Any:
    return asking.answer({"documents": documents}, by=owner, at=AT)["results"]
