"""Checks in the delta feed: what was answered with a receipt, and every turn of it."""

from datetime import timedelta

import pytest

from alerts import feed
from alerts.checks.rounds import look_again
from people.models import User
from tests.checks.conftest import AT, Ask, World, document
from tests.checks.test_turns import BAN
from tests.faults.test_feed import oldest_of_this_database


@pytest.fixture
def world(live_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Of transactions that end, which alone are listed."""
    monkeypatch.setattr(feed, "oldest_running", oldest_of_this_database)
    return live_world


def listed(after: feed.Place | None, by: User) -> tuple[list[tuple[str, int, str]], feed.Place]:
    found = feed.page(after, ["check"], limit=10, seen_by=by)
    return [(one.key, one.version, one.stored.stands) for one in found.changes], found.place


def test_an_answer_and_its_turn_are_listed_with_what_stands_now(world: World, ask: Ask, buyer: User) -> None:
    (answer,) = ask(document())
    first, place = listed(None, buyer)
    assert first == [(answer["id"], 1, "clear")]
    assert listed(place, buyer)[0] == []
    world.change(measure=BAN)
    assert look_again(at=AT + timedelta(days=3)) == 1
    assert listed(place, buyer)[0] == [(answer["id"], 2, "blocked")]
    assert listed(None, buyer)[0] == [(answer["id"], 2, "blocked")]


def test_somebody_elses_checks_are_not_listed(world: World, ask: Ask, buyer: User) -> None:
    ask(document())
    stranger = User.objects.create_user("stranger@example.com", roles=["buyer"])
    assert listed(None, stranger)[0] == []
    assert feed.page(None, ["contract", "flag"], limit=10, seen_by=buyer).changes == []
