"""A release clears a document for as long as everything it was given on holds, and not for anything else."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alerts.checks import releasing
from alerts.checks.releases import NotReleasable, Unsuitable
from alerts.checks.rounds import look_again
from alerts.models import Check, CheckRelease, CheckTurn
from alerts.pinning import pinning
from people.models import User
from policies.models import Licence, Measure, PartyList, PartyListEntry
from suppliers.models import Organization, Ownership
from tests.checks.conftest import AT, Ask, World, document

REASON = {"reason": "accepted_risk", "text": "The board knows", "expires_on": date(2026, 1, 31)}
SCOPE = {
    "commodities": [{"hs": ["2846"]}],
    "supplier_controlled_by_state": "CN",
    "parties": {"lists": ["L"], "roles": ["supplier"]},
}


@pytest.fixture
def world(live_world: World) -> World:
    """Of transactions that end: a round is told by snapshots what others have changed, never what its own has."""
    return live_world


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_user("boss@example.com", roles=["policy_publisher"])


@pytest.fixture
def listed(world: World) -> PartyListEntry:
    listing = PartyList.objects.create(reference="L", timezone="Asia/Shanghai")
    return PartyListEntry.objects.create(party_list=listing, organization=world.seller)


@pytest.fixture
def released(world: World, listed: PartyListEntry, ask: Ask, boss: User) -> Check:
    world.change(measure={"effect": "ban", "scope": SCOPE})
    ask(document())
    check = Check.objects.get()
    releasing.release(check, **REASON, by=boss, at=AT)
    return check


def test_the_same_document_is_cleared_and_says_by_whom(released: Check, ask: Ask) -> None:
    (result,) = ask(document())
    assert (result["decision"], result["next_step"]) == ("cleared", "commit_as_released")
    assert result["lines"] == [{"number": 10, "decision": "cleared", "next_step": "commit_as_released"}]
    assert result["release"] == {
        "id": CheckRelease.objects.get().pk,
        "by": "boss@example.com",
        "at": "2026-01-13T00:00:00Z",
        "reason": "accepted_risk",
        "text": "The board knows",
        "expires_on": "2026-01-31",
    }
    assert [finding["decision"] for finding in result["findings"]] == ["blocked"]  # it is still said what it is


def test_words_that_decide_nothing_may_differ(released: Check, ask: Ask) -> None:
    (result,) = ask(document(title="Rare earths, again", line={"description": "oxide"}))
    assert result["decision"] == "cleared"


# Each another document, or the same for another step.
OTHERS: dict[str, dict[str, Any]] = {
    "another reference": {"reference": "PO-2"},
    "another department's": {"department": "MAG"},
    "another purpose": {"purpose": "call_off", "kind": "framework", "concluded_on": "2024-04-01", "renewal": "none"},
    "another quantity": {"line": {"quantity": "101"}},
    "another price": {"line": {"unit_price": "12000.01"}},
    "another destination": {"destination_country": "KR"},
    "another end user": {"end_user": "JADE"},
    "a line more": {"lines": [document()["lines"][0], {**document()["lines"][0], "number": 20}]},
    "a longer term": {"expires_on": "2027-03-31"},
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_document_is_not_cleared(released: Check, ask: Ask, other: str) -> None:
    (result,) = ask(document(**OTHERS[other]))
    assert (result["decision"], result["release"]) == ("blocked", None)


def _owner(world: World, entry: PartyListEntry) -> None:
    Ownership.objects.filter(organization=world.seller).update(percent=Decimal(60))


def _measure(world: World, entry: PartyListEntry) -> None:
    Measure.objects.update(scope={**SCOPE, "destination_countries": ["JP"]})


def _another(world: World, entry: PartyListEntry) -> None:
    world.change("SECOND", measure={"effect": "ban", "scope": {"origin_countries": ["CN"]}})


def _entry(world: World, entry: PartyListEntry) -> None:
    PartyListEntry.objects.filter(pk=entry.pk).update(until_on=date(2026, 12, 31))


def _kind(world: World, entry: PartyListEntry) -> None:
    Measure.objects.update(effect="licence_required")


ENDS = {"an owner": _owner, "the measure": _measure, "a second measure": _another, "the list": _entry, "kind": _kind}


@pytest.mark.parametrize("what", ENDS)
def test_a_release_ends_when_a_fact_it_was_given_on_changes_and_the_owner_hears(
    released: Check, listed: PartyListEntry, world: World, ask: Ask, what: str
) -> None:
    assert look_again(at=AT) == 1
    ENDS[what](world, listed)
    pinning.forget()  # a second later
    (result,) = ask(document())
    assert result["decision"] in ("blocked", "licence_required")
    assert look_again(at=AT) == 1
    turns = CheckTurn.objects.filter(parent=released).order_by("id")
    assert [(turn.before, turn.after) for turn in turns] == [
        ("blocked", "cleared"),
        ("cleared", result["decision"]),
    ]


def test_what_has_nothing_to_do_with_it_leaves_the_release_alone(released: Check, world: World, ask: Ask) -> None:
    Organization.objects.filter(reference="JADE").update(country="JP")
    world.change("STEEL", measure={"effect": "ban", "scope": {"commodities": [{"hs": ["73"]}]}})
    Licence.objects.create(reference="LIC", exporter=world.private)
    assert ask(document())[0]["decision"] == "cleared"


def test_a_measure_that_falls_away_does_not_end_it(world: World, listed: PartyListEntry, ask: Ask, boss: User) -> None:
    world.change(measure={"effect": "ban", "scope": SCOPE})
    second = world.change("SECOND", measure={"effect": "ban", "scope": {"origin_countries": ["CN"]}})
    ask(document())
    releasing.release(Check.objects.get(), **REASON, by=boss, at=AT)
    second.status = "withdrawn"
    second.save()
    assert ask(document())[0]["decision"] == "cleared"


def test_it_ends_with_its_last_day_and_the_answer_says_so(released: Check, ask: Ask) -> None:
    last = AT + timedelta(days=18)  # 9 a.m. of 31 January in Tokyo
    (cleared,) = ask(document(), at=last)
    assert (cleared["decision"], cleared["valid_until"]) == ("cleared", "2026-01-31T15:00:00Z")
    look_again(at=last)
    assert ask(document(), at=AT + timedelta(days=18, hours=15))[0]["decision"] == "blocked"
    assert look_again(at=AT + timedelta(days=18, hours=15)) == 2  # the check that was released, and that of the 31st


def test_taken_back_it_is_void(released: Check, ask: Ask, boss: User) -> None:
    for _ in range(2):
        releasing.take_back(released, text="The board changed its mind", by=boss, at=AT)
    assert ask(document())[0]["decision"] == "blocked"


def test_what_cannot_be_released(world: World, ask: Ask, boss: User) -> None:
    ask(document())
    check = Check.objects.get()
    with pytest.raises(NotReleasable, match="the answer is clear: there is nothing to release"):
        releasing.release(check, **REASON, by=boss, at=AT)
    world.change(measure={"effect": "ban"})
    with pytest.raises(NotReleasable, match="the answer is blocked by now"):
        releasing.release(check, **REASON, decision="review", by=boss, at=AT)
    for day in (date(2026, 1, 12), date(2027, 1, 15)):
        with pytest.raises(Unsuitable, match="a release ends between 2026-01-13 and 2027-01-14"):
            releasing.release(check, **{**REASON, "expires_on": day}, by=boss, at=AT)
    assert not CheckRelease.objects.exists()
