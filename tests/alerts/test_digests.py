"""Digests: what can wait is told together at its moment, what cannot is not held back, and nothing is told twice."""

from datetime import date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from pytest_django import Settings

from alerts import delivery, dispositions, messages, runs, tasks, writing
from alerts.digests import sending
from alerts.digests.choices import choose
from alerts.escalation.due import set_timers
from alerts.models import (
    DigestChoice,
    Disposition,
    EscalationTimer,
    Flag,
    FlagEvent,
    HeldNews,
    Message,
    Standing,
    State,
)
from contracts.models import Contract
from people.models import Absence, Department, User
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World

COMPLIANCE = "compliance@example.com"
AOI, KEN = "aoi@example.com", "ken@example.com"
NEXT_MORNING = datetime.fromisoformat("2026-01-14T09:00+09:00")
NEXT_WEEK = datetime.fromisoformat("2026-01-19T09:00+09:00")
LICENCE = {"effect": "licence_required", "timeline": [{"status": "in_force", "from": "2026-03-01"}]}
ANNOUNCED = {"formality": "official", "measure": LICENCE}
"""A flag that is certain and announced."""
UNKNOWN = {"line": {"hs_code": None}}
"""A contract whose flag needs review."""


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = COMPLIANCE
    settings.BASE_URL = "https://tocsin.example.com"


@pytest.fixture
def aoi(world: World) -> User:
    return _chosen(world)


def _chosen(world: World, **said: str) -> User:
    user = world.user(AOI, country="JP", timezone="Asia/Tokyo", roles=["buyer"])
    user.departments.set([world.magnets])
    said = {"normal": "daily", "review": "weekly", "closing": "weekly", **said}
    choose(user, **said, at=AT)
    return user


def told(at: datetime = AT) -> list[tuple[str, str]]:
    """Screen and compose, digests too: purpose and recipient of each new message."""
    before = set(Message.objects.values_list("pk", flat=True))
    runs.screen_pending(at=at)
    messages.compose(at=at)
    sending.compose(at=at)
    new = Message.objects.exclude(pk__in=before).order_by("recipient", "purpose")
    return [(message.purpose, message.recipient) for message in new]


def written() -> Message:
    """The last message, in words."""
    message = Message.objects.latest("id")
    found = writing.Writer().write(message)
    message.subject, message.text, message.html = found.subject, found.text, found.html
    return message


def waiting() -> list[tuple[str, datetime]]:
    return list(HeldNews.objects.waiting().order_by("due_at", "id").values_list("cadence", "due_at"))


def test_what_is_urgent_is_told_at_once_whatever_somebody_chose(world: World, aoi: User) -> None:
    world.contract("C-1")
    world.change()
    assert told() == [("alert", AOI)]
    assert waiting() == []


def test_what_is_certain_but_not_urgent_waits_for_the_next_working_morning(world: World, aoi: User) -> None:
    world.contract("C-1")
    world.contract("C-2", owner=KEN)  # who has chosen nothing
    world.change(**ANNOUNCED)
    assert told() == [("alert", KEN)]
    assert waiting() == [("daily", NEXT_MORNING)]
    assert told(NEXT_MORNING - timedelta(seconds=1)) == []
    assert told(NEXT_MORNING) == [("digest", AOI)]
    assert told(NEXT_MORNING) == []
    assert waiting() == []


def test_what_needs_review_waits_for_the_week(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    assert told() == []
    assert waiting() == [("weekly", NEXT_WEEK)]
    assert told(NEXT_WEEK) == [("digest", AOI)]


@pytest.mark.parametrize(
    ("chosen", "at", "due"),
    [
        # Monday 12 January is a holiday in Japan: the week begins on Tuesday
        ("weekly", "2026-01-09T10:00+09:00", "2026-01-13T09:00+09:00"),
        ("daily", "2026-01-09T10:00+09:00", "2026-01-13T09:00+09:00"),
        # before the day begins it is that day
        ("daily", "2026-01-14T08:59+09:00", "2026-01-14T09:00+09:00"),
        ("weekly", "2026-01-14T08:59+09:00", "2026-01-19T09:00+09:00"),
    ],
)
def test_the_moments_are_of_the_readers_business_calendar(world: World, chosen: str, at: str, due: str) -> None:
    _chosen(world, review=chosen)
    world.contract("C-1", **UNKNOWN)
    world.change(announced_on="2026-01-05")
    told(datetime.fromisoformat(at))
    assert waiting() == [(chosen, datetime.fromisoformat(due))]


def test_the_zone_is_the_readers_and_the_country_that_of_the_department(world: World) -> None:
    user = _chosen(world)
    User.objects.filter(pk=user.pk).update(country=None, timezone="Europe/Berlin")
    Department.objects.update(country="DE")
    world.contract("C-1", **UNKNOWN)
    world.change(announced_on="2026-01-05")
    told(datetime.fromisoformat("2026-01-10T10:00+01:00"))
    assert waiting() == [("weekly", datetime.fromisoformat("2026-01-12T09:00+01:00"))]


def test_a_digest_is_one_mail_however_many_runs_changes_and_cadences(world: World, aoi: User) -> None:
    world.contract("C-1")
    world.change("CN-ONE", **ANNOUNCED)
    told()
    world.change("CN-TWO", **ANNOUNCED)
    world.contract("C-2", **UNKNOWN)
    told(AT + timedelta(hours=2))
    assert told(NEXT_WEEK) == [("digest", AOI)]
    message = written()
    assert sorted(message.events) == sorted(FlagEvent.objects.values_list("pk", flat=True))
    assert len(message.events) == 4
    assert message.subject == "Digest: 2 contracts flagged. Act: by 1 March 2026."
    assert message.text.count("* C-1 - Contract C-1") == 2  # under either change
    assert message.text.count("* C-2 - Contract C-2") == 2
    assert "Policy change: State sellers consider ending contracts" in message.text
    assert f"https://tocsin.example.com/acknowledge/{message.pk}." in message.text
    assert "https://tocsin.example.com/admin/alerts/message/digests" in message.html


def test_a_beat_that_was_down_is_made_up_for_once(world: World, aoi: User) -> None:
    world.contract("C-1")
    world.change("CN-ONE", **ANNOUNCED)
    told()
    assert waiting() == [("daily", NEXT_MORNING)]
    late = NEXT_MORNING + timedelta(days=3, hours=5)
    assert told(late) == [("digest", AOI)]
    assert told(late + timedelta(days=1)) == []
    assert Message.objects.get().at == late


def test_every_event_is_told_in_one_message_per_recipient(world: World, aoi: User) -> None:
    for number in range(3):
        world.contract(f"C-{number}", **(UNKNOWN if number else {}))
    world.change()
    assert told() == [("alert", AOI)]
    assert told(NEXT_WEEK) == [("digest", AOI)]
    events = sorted(event for found in Message.objects.values_list("events", flat=True) for event in found)
    assert events == sorted(FlagEvent.objects.values_list("pk", flat=True))
    assert len(events) == 3


def test_composing_a_run_again_holds_nothing_back_twice(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    runs.ScreeningRun.objects.update(composed_at=None)  # as if the first had been forgotten
    messages.compose(at=AT)
    assert HeldNews.objects.count() == 1
    assert Message.objects.count() == 0


def test_what_became_certain_is_told_at_once_and_the_digest_says_how_it_stands(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    Contract.objects.get().lines.update(hs_code="284690")
    assert told(AT + timedelta(hours=1)) == [("alert", AOI)]
    assert told(NEXT_WEEK) == [("digest", AOI)]
    assert "How certain: certain" in written().text


def test_what_has_come_and_gone_is_counted_and_not_listed(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.contract("C-2", **UNKNOWN)
    world.contract("C-3", **UNKNOWN)
    world.change()
    told()
    Contract.objects.get(reference="C-1").lines.update(hs_code="010121")  # horses
    told(AT + timedelta(hours=1))
    flag = Flag.objects.get(contract__reference="C-2")
    buyer = User.objects.get()
    dispositions.mitigate(flag, text="seen to", by=buyer, at=AT)
    assert told(NEXT_WEEK) == [("digest", AOI)]
    message = written()
    assert message.subject == "Digest: 1 contract flagged. Act: at once."
    assert "* C-3" in message.text
    assert "* C-1" not in message.text
    assert "* C-2" not in message.text
    assert "- 1 flag has closed again in the meantime." in message.text
    assert "- 1 flag was put aside by somebody in the meantime." in message.text


def test_closings_are_told_in_the_digest_that_was_chosen(world: World, aoi: User) -> None:
    world.contract("C-1")
    world.change()
    assert told() == [("alert", AOI)]
    PolicyChange.objects.update(status="withdrawn")
    assert told(AT + timedelta(hours=1)) == []
    assert told(NEXT_WEEK) == [("digest", AOI)]
    message = written()
    assert message.subject == "Digest: 1 contract no longer flagged."
    assert "Closed because: the policy change was withdrawn" in message.text
    assert "Acknowledge" not in message.text


def test_a_digest_in_which_nothing_is_left_says_so(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    PolicyChange.objects.update(status="withdrawn")
    told(AT + timedelta(hours=1))
    assert told(NEXT_WEEK) == [("digest", AOI)]
    message = written()
    assert message.text.splitlines()[0] == "Digest: nothing is left to do."
    assert "- 1 flag has closed again in the meantime." in message.text


def test_what_somebody_else_has_charge_of_by_then_goes_there_and_the_digest_says_so(
    world: World, aoi: User, mailoutbox: list[object]
) -> None:
    world.contract("C-1", **UNKNOWN)
    world.contract("C-2", **UNKNOWN)
    world.change()
    told()
    Contract.objects.filter(reference="C-2").update(owner=KEN)
    assert told(NEXT_WEEK) == [("digest", AOI)]
    delivery.deliver(at=NEXT_WEEK)
    first, second = Message.objects.order_by("id")
    assert (first.recipient, second.recipient, second.purpose) == (AOI, KEN, "digest")
    assert (first.state, second.state) == (State.SENT, State.SENT)
    assert "* C-1" in first.text
    assert "C-2" not in first.text
    assert "- 1 item is told to somebody else, for you are no longer in charge of it." in first.text
    assert "* C-2" in second.text
    assert "somebody else" not in second.text
    assert len(mailoutbox) == 2


def test_a_deputy_is_told_as_the_deputy_chose(world: World) -> None:
    _chosen(world)
    away = world.user("away@example.com", deputy=AOI)
    Absence.objects.create(user=away, from_on=None, until_on=None)
    world.contract("C-1", owner="away@example.com", **UNKNOWN)
    world.change()
    assert told() == []
    assert told(NEXT_WEEK) == [("digest", AOI)]
    assert "You receive this as the deputy of away@example.com, who is away." in written().text


def test_what_waits_for_somebody_who_is_away_by_then_goes_to_the_deputy(
    world: World, aoi: User, mailoutbox: list[EmailMessage]
) -> None:
    """Away from Thursday 15 January, and the digest of the week is due on Monday 19."""
    User.objects.filter(pk=aoi.pk).update(deputy=KEN)
    world.contract("C-1", **UNKNOWN)
    world.change()
    assert told() == []
    Absence.objects.create(user=aoi, from_on=date(2026, 1, 15), until_on=date(2026, 1, 30))
    assert told(NEXT_WEEK) == [("digest", AOI)]
    delivery.deliver(at=NEXT_WEEK)
    first, second = Message.objects.order_by("id")
    assert (first.recipient, first.state) == (AOI, State.WITHHELD)
    assert (second.recipient, second.purpose, second.state) == (KEN, "digest", State.SENT)
    assert second.events == first.events == list(FlagEvent.objects.values_list("pk", flat=True))
    assert "* C-1" in second.text
    assert f"You receive this as the deputy of {AOI}, who is away." in second.text
    assert [mail.to for mail in mailoutbox] == [[KEN]]
    assert told(NEXT_WEEK + timedelta(days=14)) == []


def test_a_digest_that_nobody_else_can_have_goes_to_whoever_is_away(
    world: World, aoi: User, mailoutbox: list[EmailMessage]
) -> None:
    world.contract("C-1", department=None, **UNKNOWN)
    world.change()
    told()
    Absence.objects.create(user=aoi, from_on=date(2026, 1, 15), until_on=None)
    assert told(NEXT_WEEK) == [("digest", AOI)]
    delivery.deliver(at=NEXT_WEEK)
    assert [mail.to for mail in mailoutbox] == [[AOI]]


def test_another_choice_has_what_waits_told_at_once(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    later = AT + timedelta(hours=3)
    choose(aoi, normal="daily", review="weekly", closing="weekly", at=later)  # the same
    assert told(later) == []
    choose(aoi, normal="at_once", review="at_once", closing="at_once", at=later)
    assert told(later) == [("digest", AOI)]


def test_a_digest_is_acknowledged_and_escalates_like_any_mail(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    set_timers()
    assert not EscalationTimer.objects.exists()  # nobody has been told
    told(NEXT_WEEK)
    Message.objects.update(state=State.SENT, sent_at=F("created_at"), rendered_at=F("created_at"))
    set_timers()
    assert EscalationTimer.objects.get().due_at == datetime.fromisoformat("2026-01-21T18:00+09:00")  # 27 hours
    flag = Flag.objects.get()
    assert list(Message.objects.about(flag)) == [Message.objects.get()]


def test_a_dismissed_flag_is_held_for_nobody(world: World, aoi: User) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    runs.screen_pending(at=AT)
    Disposition.objects.create(flag=Flag.objects.get(), standing=Standing.DISMISSED, grounds={"a": "b"})
    messages.compose(at=AT)
    assert HeldNews.objects.count() == 0


def test_workers_that_compose_at_once_make_one_digest(live_world: World) -> None:
    _chosen(live_world)
    live_world.contract("C-1", **UNKNOWN)
    live_world.change()
    told()
    barrier = Barrier(3)
    made: list[int] = []

    def compose() -> None:
        barrier.wait()
        made.append(sending.compose(at=NEXT_WEEK))
        connection.close()

    threads = [Thread(target=compose) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 1]
    assert Message.objects.get().purpose == "digest"


def test_the_sweeper_sends_digests_without_beat(world: World, aoi: User, monkeypatch, mailoutbox) -> None:
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    monkeypatch.setattr(tasks, "now", lambda: NEXT_WEEK)
    assert tasks.deliver_some()
    assert [mail.to for mail in mailoutbox] == [[AOI]]


@pytest.mark.parametrize("wrong", [{"normal": "weekly"}, {"review": "never"}, {"closing": "hourly"}])
def test_the_database_keeps_the_floors(world: World, wrong: dict[str, str]) -> None:
    user = world.user(AOI)
    with pytest.raises(IntegrityError), transaction.atomic():
        DigestChoice.objects.create(user=user, **wrong)


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_a_digest_is_in_the_readers_language(world: World, aoi: User, language: str) -> None:
    User.objects.update(language=language)
    world.contract("C-1", **UNKNOWN)
    world.change()
    told()
    told(NEXT_WEEK)
    message = written()
    assert message.language == language
    assert "Digest" not in message.text
    assert "摘要" in message.subject or "ダイジェスト" in message.subject
