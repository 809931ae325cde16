"""A day to act that comes near is told once, and anew when it moves; flags that somebody re-opens are told, too."""

from datetime import date, datetime, timedelta

import pytest
from pytest_django import Settings

from alerts import delivery, dispositions, messages, runs, writing
from alerts.digests.choices import choose
from alerts.escalation.due import set_timers
from alerts.models import Disposition, EscalationTimer, Flag, FlagEvent, Message
from contracts.models import Contract
from people.models import User
from policies.models import Measure, PolicyChange
from tests.alerts.conftest import AT, World

AOI = "aoi@example.com"
LICENCE = {"effect": "licence_required", "timeline": [{"status": "in_force", "from": "2026-02-01"}]}


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = "compliance@example.com"
    settings.BASE_URL = "https://tocsin.example.com"


@pytest.fixture
def ahead(world: World) -> World:
    """A flag, told on 13 January, whose day to act is 1 February."""
    world.contract("C-1")
    world.change(formality="official", measure=LICENCE)
    assert swept("2026-01-13") == ["opened"]
    return world


def swept(day: str, hour: int = 9) -> list[str]:
    """What a sweep at that hour in Tokyo has people told, by events; their messages are queued."""
    at = datetime.fromisoformat(f"{day}T{hour:02}:00+09:00")
    before = set(FlagEvent.objects.values_list("pk", flat=True))
    runs.sweep(at=at)
    told = messages.compose(at=at)
    new = list(FlagEvent.objects.exclude(pk__in=before).order_by("pk").values_list("kind", flat=True))
    assert told == (1 if set(new) - {"changed", "eased"} else 0)
    return new


def moved(day: str) -> None:
    """The measure takes effect another day."""
    Measure.objects.update(timeline=[{"status": "in_force", "from": day}])
    PolicyChange.objects.get().save()


def test_the_day_to_act_is_told_once_a_week_before(ahead: World) -> None:
    assert swept("2026-01-24") == []
    assert swept("2026-01-25") == ["deadline_near"]
    assert swept("2026-01-25", 15) == []
    assert swept("2026-01-26") == []
    assert swept("2026-01-31") == []
    assert swept("2026-02-01") == ["worsened"]  # what was announced is in force
    assert swept("2026-02-02") == []  # the day is always today from now on
    event = FlagEvent.objects.get(kind="deadline_near")
    assert (event.act_by, event.act_by_before, event.basis) == (date(2026, 2, 1), date(2026, 2, 1), "announced")


def test_the_mail_says_so(ahead: World) -> None:
    swept("2026-01-25")
    mail = writing.Writer().write(Message.objects.latest("id"))
    assert mail.subject.startswith("Act by 1 February 2026: contract C-1 needs an export licence")
    assert "[the day to act is near]" in mail.text


def test_it_is_told_anew_when_the_day_moves(ahead: World) -> None:
    assert swept("2026-01-25") == ["deadline_near"]
    moved("2026-02-10")
    assert swept("2026-01-26") == ["eased"]
    assert swept("2026-02-02") == []
    assert swept("2026-02-03") == ["deadline_near"]
    assert swept("2026-02-04") == []
    assert list(FlagEvent.objects.filter(kind="deadline_near").values_list("act_by", flat=True)) == [
        date(2026, 2, 1),
        date(2026, 2, 10),
    ]


def test_a_day_that_moves_into_the_week_is_told_by_that(ahead: World) -> None:
    moved("2026-01-20")
    assert swept("2026-01-14") == ["worsened"]
    assert swept("2026-01-15") == []


def test_a_later_day_within_the_week_is_told_instead_of_an_easing(ahead: World) -> None:
    assert swept("2026-01-25") == ["deadline_near"]
    moved("2026-02-02")
    assert swept("2026-01-26", 10) == ["deadline_near"]
    assert FlagEvent.objects.get(act_by=date(2026, 2, 2)).act_by_before == date(2026, 2, 1)


def test_a_flag_opened_within_the_week_or_put_aside_is_not_told_again(world: World) -> None:
    world.contract("C-1")
    world.change(formality="official", measure=LICENCE)
    assert swept("2026-01-26") == ["opened"]
    assert swept("2026-01-27") == []
    flag = Flag.objects.get()
    moved("2026-03-01")
    swept("2026-01-28")
    buyer = world.user("buyer@example.com", roles=["administrator"])
    dispositions.mitigate(flag, text="seen to", by=buyer, at=AT + timedelta(days=16))
    assert swept("2026-02-23") == []


def test_it_is_told_at_once_to_whoever_has_chosen_digests(ahead: World) -> None:
    user = ahead.user(AOI, roles=["buyer"])
    choose(user, normal="daily", review="weekly", closing="weekly", at=AT)
    assert swept("2026-01-25") == ["deadline_near"]


def test_the_number_of_days_is_a_setting(ahead: World, settings: Settings) -> None:
    settings.DEADLINE_NEAR_DAYS = 3
    assert swept("2026-01-28") == []
    assert swept("2026-01-29") == ["deadline_near"]


@pytest.fixture
def dismissed(world: World) -> Flag:
    world.contract("C-1")
    world.change()
    swept("2026-01-13")
    flag = Flag.objects.get()
    dispositions.mitigate(flag, text="seen to", by=_administrator(world), at=AT)
    return flag


def _administrator(world: World) -> User:
    return User.objects.filter(email="boss@example.com").first() or world.user(
        "boss@example.com", roles=["administrator"]
    )


def test_a_flag_that_somebody_reopens_is_told_once_and_escalates(world: World, dismissed: Flag, mailoutbox) -> None:
    delivery.deliver(at=AT)
    dispositions.reopen(dismissed, text="not so", by=_administrator(world), at=AT)
    assert swept("2026-01-13", 10) == ["reopened"]
    assert swept("2026-01-13", 11) == []
    delivery.deliver(at=AT)
    assert "[open again after it was put aside: somebody opened it again]" in mailoutbox[-1].body
    set_timers()
    assert EscalationTimer.objects.filter(message=Message.objects.latest("id")).count() == 1


def test_a_flag_that_is_seen_to_again_meanwhile_is_not_told(world: World, dismissed: Flag) -> None:
    boss = _administrator(world)
    dispositions.reopen(dismissed, text="", by=boss, at=AT)
    dispositions.acknowledge(dismissed, by=boss, at=AT)
    assert swept("2026-01-13", 10) == []
    dispositions.mitigate(dismissed, text="seen to", by=boss, at=AT)
    dispositions.reopen(dismissed, text="", by=boss, at=AT)
    dispositions.mitigate(dismissed, text="seen to", by=boss, at=AT)
    assert swept("2026-01-13", 11) == []


def test_a_reopened_flag_that_closes_is_told_as_closed_alone(world: World, dismissed: Flag) -> None:
    dispositions.reopen(dismissed, text="", by=_administrator(world), at=AT)
    Contract.objects.update(closed_as="cancelled")
    assert swept("2026-01-13", 10) == ["closed"]
    assert swept("2026-01-13", 11) == []
    assert not Disposition.objects.to_tell().exists()
