"""Whoever may not be reminded any more when a mail leaves is not; the successor is."""

from datetime import date

import pytest

from alerts import delivery
from alerts.models import Message, Reminder
from contracts.models import Contract
from people.models import Absence, User
from tests.reminders.conftest import AUTO, World, reminded, tokyo

DAY = "2026-01-05"
AOI, KEN = "aoi@example.com", "ken@example.com"


def sent(mailoutbox) -> dict[str, list[str]]:
    """By recipient, the contracts that the mails that leave now name."""
    delivery.deliver(at=tokyo(DAY, 10))
    return {
        mail.to[0]: [reference for reference in ("C-1", "C-2") if f"{reference} - Contract" in mail.body]
        for mail in mailoutbox
    }


@pytest.fixture
def queued(world: World) -> World:
    """A reminder of two contracts waits for Aoi, of the department of both."""
    user = world.user(AOI, roles=["buyer"])
    user.departments.set([world.magnets])
    for reference in ("C-1", "C-2"):
        world.contract(reference, **AUTO)
    reminded(DAY)
    assert Message.objects.get().contracts == sorted(Contract.objects.values_list("pk", flat=True))
    return world


def test_a_contract_in_somebody_elses_charge_goes_there(queued: World, mailoutbox) -> None:
    Contract.objects.filter(reference="C-2").update(owner=KEN)
    assert sent(mailoutbox) == {AOI: ["C-1"], KEN: ["C-2"]}
    other = Message.objects.get(recipient=KEN)
    assert (other.purpose, other.capacities) == ("reminder", [["owner", None]])
    assert {one.contract.reference for one in Reminder.objects.told_by(other)} == {"C-2"}


def test_a_user_who_is_no_longer_active_is_not_reminded(queued: World, mailoutbox) -> None:
    User.objects.update(is_active=False)
    assert sent(mailoutbox) == {"magnets@example.com": ["C-1", "C-2"]}
    assert Message.objects.get(recipient=AOI).state == "withheld"
    assert "because aoi@example.com is no longer in charge of it" in mailoutbox[0].body


def test_nor_is_one_who_has_left_the_department(queued: World, mailoutbox) -> None:
    User.objects.get().departments.clear()
    assert sent(mailoutbox) == {"magnets@example.com": ["C-1", "C-2"]}


def test_the_deputy_is_reminded_where_the_owner_is_away_when_it_leaves(queued: World, mailoutbox) -> None:
    Contract.objects.filter(reference="C-1").update(deputy=KEN)
    Absence.objects.create(user=User.objects.get(), from_on=date(2026, 1, 5), until_on=None)
    assert sent(mailoutbox) == {KEN: ["C-1"], "magnets@example.com": ["C-2"]}
    assert Message.objects.get(recipient=KEN).capacities == [["deputy", AOI]]
    assert Message.objects.get(recipient="magnets@example.com").capacities == [["department", AOI]]


def test_where_nobody_else_is_found_the_absent_owner_is_reminded(queued: World, mailoutbox) -> None:
    Contract.objects.update(department=None)
    Absence.objects.create(user=User.objects.get(), from_on=date(2026, 1, 5), until_on=None)
    assert sent(mailoutbox) == {AOI: ["C-1", "C-2"]}


def test_of_what_was_written_already_the_rest_is_written_anew(queued: World, mailoutbox) -> None:
    message = Message.objects.get()
    Message.objects.update(
        subject="old", text="C-1 - Contract, C-2 - Contract", html="old", rendered_at="2026-01-05T00:00Z"
    )
    Contract.objects.filter(reference="C-2").update(owner=KEN)
    assert sent(mailoutbox) == {KEN: ["C-2"], AOI: ["C-1"]}
    message.refresh_from_db()
    assert message.state == "withheld"
    assert sorted(message.replacements.values_list("recipient", flat=True)) == [AOI, KEN]


def test_nothing_changed_nothing_queued(queued: World, mailoutbox) -> None:
    assert sent(mailoutbox) == {AOI: ["C-1", "C-2"]}
    assert Message.objects.count() == 1
