"""Escalation: what nobody acknowledges in time moves on, each step once, at its moment, by one mail per recipient."""

from datetime import date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.models import F
from pytest_django import Settings

from alerts import delivery, dispositions, messages, runs, tasks, writing
from alerts.escalation import outlook
from alerts.escalation.due import set_timers
from alerts.escalation.moving import escalate
from alerts.mail.transport import Outcome
from alerts.models import (
    Disposition,
    EscalationStep,
    EscalationTimer,
    Fate,
    Flag,
    FlagAction,
    FlagEvent,
    Message,
    Stage,
    State,
)
from alerts.outbox import queue
from alerts.severity import severity
from contracts.models import Contract, Line
from people.models import Absence, Department, User
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World

COMPLIANCE = "compliance@example.com"
OWNER, DEPUTY, HEAD = "aoi@example.com", "ken@example.com", "head@example.com"
FRIDAY = datetime.fromisoformat("2026-01-09T17:00+09:00")


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = COMPLIANCE
    settings.BASE_URL = "https://tocsin.example.com"


@pytest.fixture
def japan(world: World) -> World:
    """A department in Japan with a head, and an owner, whom no user is, with a deputy."""
    Department.objects.update(country="JP", head=HEAD)
    world.contract("C-1", deputy=DEPUTY)
    world.change(announced_on=date(2026, 1, 5), measure={"timeline": [{"status": "in_force", "from": "2026-01-05"}]})
    return world


def leave() -> None:
    """Every message that waits is accepted by the mail server in the moment in which it was queued."""
    now = {"state": State.SENT, "sent_at": F("created_at"), "rendered_at": F("created_at")}
    Message.objects.filter(state=State.PENDING).update(**now)


def told(at: datetime = AT) -> Flag:
    """Screen, tell and have it leave; the last flag."""
    runs.screen_pending(at=at)
    messages.compose(at=at)
    leave()
    set_timers()
    return Flag.objects.latest("id")


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-{text}+09:00")


def moved(at: datetime) -> list[tuple[str, str]]:
    """The steps that a sweep at the instant takes, once their mail has left too."""
    before = set(EscalationStep.objects.values_list("pk", flat=True))
    escalate(at=at)
    leave()
    set_timers()
    new = EscalationStep.objects.exclude(pk__in=before).order_by("flag__contract_id", "id")
    return [(step.step, step.recipient) for step in new]


def due() -> datetime:
    return EscalationTimer.objects.running().get().due_at


def test_it_moves_to_deputy_head_and_compliance_each_at_its_own_moment(japan: World) -> None:
    told()
    assert due() == tokyo("13T13:00")  # four working hours from 09:00
    assert moved(tokyo("13T12:59:59")) == []
    assert moved(tokyo("13T13:00")) == [("deputy", DEPUTY)]
    assert due() == tokyo("13T17:00")
    assert moved(tokyo("13T16:59:59")) == []
    assert moved(tokyo("13T17:00")) == [("head", HEAD)]
    assert due() == tokyo("14T12:00")  # an hour on Tuesday, three on Wednesday
    assert moved(tokyo("14T12:00")) == [("compliance", COMPLIANCE)]
    assert moved(tokyo("30T12:00")) == []
    assert not EscalationTimer.objects.running().exists()
    steps = EscalationStep.objects.order_by("id").values_list("unacknowledged_by", "at")
    assert list(steps) == [(OWNER, tokyo("13T13:00")), (DEPUTY, tokyo("13T17:00")), (HEAD, tokyo("14T12:00"))]
    assert Message.objects.filter(purpose="escalation").count() == 3


def test_the_coming_of_age_day_is_no_working_day_in_japan(japan: World) -> None:
    told(FRIDAY)
    assert due() == tokyo("13T12:00")  # an hour on Friday, three on Tuesday
    assert moved(tokyo("12T18:00")) == []
    assert moved(tokyo("13T12:00")) == [("deputy", DEPUTY)]


def test_the_calendar_is_that_of_whoever_was_told(japan: World) -> None:
    japan.user(OWNER, country="DE", timezone="Europe/Berlin")
    japan.user(DEPUTY, country="US", timezone="America/New_York")
    told(FRIDAY)  # 09:00 in Berlin
    assert due() == datetime.fromisoformat("2026-01-09T13:00+01:00")
    assert moved(due()) == [("deputy", DEPUTY)]
    assert due() == datetime.fromisoformat("2026-01-09T13:00-05:00")  # 07:00 there: from 09:00


def test_clocks_that_change_over_the_weekend_are_followed(japan: World) -> None:
    japan.user(OWNER, country="DE", timezone="Europe/Berlin")
    told(datetime.fromisoformat("2026-03-27T17:00+01:00"))
    assert due() == datetime.fromisoformat("2026-03-30T12:00+02:00")


def test_an_owner_without_country_has_the_departments_and_the_earliest_of_several(japan: World) -> None:
    japan.user(OWNER)
    germany = Department.objects.create(reference="GER", country="DE")
    japan.contract("C-2", deputy=DEPUTY, department=germany)
    told(FRIDAY)
    assert due() == tokyo("12T12:00")  # a Monday that is a holiday in Japan alone


@pytest.mark.parametrize(
    ("kind", "certainty", "basis", "said"),
    [
        ("licence_required", "matched", "in_force", "urgent"),
        ("possible_termination", "matched", "reported", "urgent"),
        ("no_new_contracts", "matched", "announced", "normal"),
        ("licence_required", "matched", "resumption_unconfirmed", "normal"),
        ("possible_termination", "needs_review", "in_force", "review"),
    ],
)
def test_severity_follows_from_certainty_basis_and_kind(kind: str, certainty: str, basis: str, said: str) -> None:
    assert severity(kind, certainty, basis) == said


def test_each_severity_has_hours_of_its_own(japan: World) -> None:
    japan.contract("C-2", deputy=DEPUTY, end_use=None)
    PolicyChange.objects.update(formality="official")
    japan.change("CN-ONE", measure={"effect": "licence_required", "scope": {"end_uses": ["military"]}})
    told()
    timers = EscalationTimer.objects.order_by("due_at").values_list("severity", "due_at")
    assert list(timers) == [("urgent", tokyo("13T13:00")), ("review", tokyo("15T18:00"))]  # 27 hours are three days


def nothing(flag: Flag, by: User) -> None:
    pass


def acknowledged(flag: Flag, by: User) -> None:
    dispositions.acknowledge(flag, by=by, at=AT)


def mitigated(flag: Flag, by: User) -> None:
    dispositions.mitigate(flag, text="Second source", by=by, at=AT)


def dismissed(flag: Flag, by: User) -> None:
    dispositions.dismiss(flag, reason="other", text="x", expires_on=date(2026, 3, 1), by=by, at=AT)


def closed(flag: Flag, by: User) -> None:
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=AT)


def given_to_somebody_else(flag: Flag, by: User) -> None:
    dispositions.assign(flag, to=by, by=by, at=AT)


def given_to_its_owner(flag: Flag, by: User) -> None:
    owner = User.objects.create_user(OWNER, roles=["administrator"])
    dispositions.assign(flag, to=owner, by=by, at=AT)


def commented(flag: Flag, by: User) -> None:
    dispositions.comment(flag, text="Seen", by=by, at=AT)


@pytest.mark.parametrize(
    ("act", "moves"),
    [
        (nothing, True),
        (acknowledged, False),
        (mitigated, False),
        (dismissed, False),
        (closed, False),
        (given_to_somebody_else, False),
        (given_to_its_owner, True),
        (commented, True),
    ],
)
def test_what_is_taken_up_before_the_moment_does_not_move(japan: World, act, moves: bool) -> None:
    flag = told()
    act(flag, japan.user("buyer@example.com", roles=["administrator"]))
    assert bool(moved(tokyo("13T13:00"))) is moves
    assert bool(moved(tokyo("13T17:00"))) is moves


def test_acknowledging_after_a_step_ends_it(japan: World) -> None:
    flag = told()
    moved(tokyo("13T13:00"))
    dispositions.acknowledge(flag, by=japan.user(DEPUTY), at=tokyo("13T14:00"))
    assert moved(tokyo("13T17:00")) == []
    assert Message.objects.filter(purpose="escalation").count() == 1


@pytest.mark.parametrize(
    ("deputy", "head", "away", "steps"),
    [
        (None, HEAD, (), [("head", HEAD), ("compliance", COMPLIANCE)]),
        (DEPUTY, None, (), [("deputy", DEPUTY), ("compliance", COMPLIANCE)]),
        (None, None, (), [("compliance", COMPLIANCE)]),
        (DEPUTY, HEAD, (DEPUTY,), [("head", HEAD), ("compliance", COMPLIANCE)]),
        (DEPUTY, HEAD, (DEPUTY, HEAD), [("compliance", COMPLIANCE)]),
        # whoever was told is not told again as somebody else
        (OWNER, HEAD, (), [("head", HEAD), ("compliance", COMPLIANCE)]),
        (DEPUTY, "KEN@example.com", (), [("deputy", DEPUTY), ("compliance", COMPLIANCE)]),
        # the compliance mailbox is never away
        (None, COMPLIANCE, (), [("head", COMPLIANCE)]),
    ],
)
def test_a_step_without_anybody_is_passed_over_and_nothing_is_lost(
    japan: World, deputy: str | None, head: str | None, away: tuple[str, ...], steps: list[tuple[str, str]]
) -> None:
    Contract.objects.update(deputy=deputy)
    Department.objects.update(head=head)
    for address in away:
        Absence.objects.create(user=japan.user(address), from_on=None, until_on=None)
    told()
    taken = [step for day in range(13, 17) for step in moved(tokyo(f"{day}T18:00"))]
    assert taken == steps


def test_a_user_who_has_left_is_passed_over(japan: World) -> None:
    japan.user(DEPUTY, is_active=False)
    told()
    assert moved(tokyo("13T13:00")) == [("head", HEAD)]


def test_the_owners_own_deputy_stands_in_where_the_contract_names_none(japan: World) -> None:
    Contract.objects.update(deputy=None)
    japan.user(OWNER, country="JP", deputy=DEPUTY)
    told()
    assert moved(tokyo("13T13:00")) == [("deputy", DEPUTY)]


def test_an_absence_that_begins_after_being_told_stops_no_clock(japan: World) -> None:
    owner = japan.user(OWNER, country="JP")
    told()
    Absence.objects.create(user=owner, from_on=date(2026, 1, 13), until_on=None)
    assert moved(tokyo("13T13:00")) == [("deputy", DEPUTY)]


def test_where_the_deputy_was_told_in_the_owners_place_it_moves_on_to_the_head_or_back_to_the_owner(
    japan: World,
) -> None:
    away = Absence.objects.create(user=japan.user(OWNER, country="JP"), from_on=None, until_on=date(2026, 1, 13))
    told()
    assert Message.objects.get().recipient == DEPUTY
    assert moved(tokyo("13T13:00")) == [("head", HEAD)]
    EscalationTimer.objects.running().update(due_at=tokyo("14T12:00"))
    assert moved(tokyo("14T12:00")) == [("compliance", COMPLIANCE)]
    assert away.pk

    japan.contract("C-2", deputy=DEPUTY)
    told(tokyo("13T17:00"))
    assert moved(tokyo("14T12:00")) == [("owner", OWNER)]  # who is back


def test_a_contract_that_was_given_to_somebody_else_moves_to_its_new_owner_first(japan: World) -> None:
    told()
    Contract.objects.update(owner="new@example.com", deputy=None)
    assert moved(tokyo("13T13:00")) == [("owner", "new@example.com")]
    assert moved(tokyo("13T17:00")) == [("head", HEAD)]


def test_a_clock_that_jumps_over_several_steps_takes_the_one_that_is_due(japan: World) -> None:
    told()
    late = tokyo("29T10:00")
    assert moved(late) == [("deputy", DEPUTY)]
    assert moved(late) == []
    assert due() == tokyo("29T14:00")
    assert moved(tokyo("29T14:00")) == [("head", HEAD)]


def test_one_mail_per_recipient_and_sweep_however_many_flags(japan: World) -> None:
    for number in range(2, 8):
        japan.contract(f"C-{number}", deputy=DEPUTY, owner=f"owner{number % 2}@example.com")
    japan.contract("C-8", deputy="other@example.com")
    japan.change("CN-TWO")
    told()
    escalate(at=tokyo("13T13:00"))
    sent = Message.objects.filter(purpose="escalation").order_by("recipient")
    assert [(message.recipient, len(message.events)) for message in sent] == [(DEPUTY, 14), ("other@example.com", 2)]
    assert sorted(map(tuple, sent[0].capacities)) == [
        ("deputy", OWNER),
        ("deputy", "owner0@example.com"),
        ("deputy", "owner1@example.com"),
    ]
    assert escalate(at=tokyo("13T13:00")) == 0


def test_a_flag_told_twice_takes_each_step_once(japan: World) -> None:
    told()
    Line.objects.update(quantity=200)  # worse: told again
    told(tokyo("13T10:00"))
    assert Message.objects.count() == 2
    assert [timer.due_at for timer in EscalationTimer.objects.running()] == [tokyo("13T13:00"), tokyo("13T14:00")]
    assert moved(tokyo("13T13:00")) == [("deputy", DEPUTY)]
    assert moved(tokyo("13T14:00")) == []
    assert moved(tokyo("13T17:00")) == [("head", HEAD)]


def test_both_at_once_take_it_once_too(japan: World) -> None:
    told()
    Line.objects.update(quantity=200)
    told(tokyo("13T10:00"))
    assert moved(tokyo("13T15:00")) == [("deputy", DEPUTY)]
    assert moved(tokyo("14T18:00")) == [("head", HEAD)]


def test_a_dismissal_that_ends_begins_anew(japan: World) -> None:
    flag, by = told(), japan.user("buyer@example.com", roles=["administrator"])
    moved(tokyo("13T13:00"))
    dispositions.dismiss(flag, reason="other", text="x", expires_on=date(2026, 1, 14), by=by, at=tokyo("13T14:00"))
    assert moved(tokyo("13T17:00")) == []
    runs.sweep(at=tokyo("15T09:00"))
    messages.compose(at=tokyo("15T09:00"))
    leave()
    set_timers()
    assert due() == tokyo("15T13:00")
    assert moved(tokyo("15T13:00")) == [("deputy", DEPUTY)]
    assert EscalationStep.objects.latest("id").reopening == FlagAction.objects.get(act="reopened")


def test_time_runs_from_when_the_mail_has_left(japan: World) -> None:
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    assert escalate(at=tokyo("29T10:00")) == 0  # no mail leaves: nobody has been told
    assert not EscalationTimer.objects.exists()
    five_hours_on = F("created_at") + timedelta(hours=5)
    Message.objects.update(state=State.SENT, sent_at=five_hours_on, rendered_at=five_hours_on)
    set_timers()
    assert due() == tokyo("13T18:00")


def answered(fate: Fate, at: datetime) -> None:
    """The message that is due next is answered so by the mail server."""
    message = queue.claim()
    assert message is not None
    queue.record(message, Outcome(fate, Stage.RCPT, "no"), at=at)


def test_an_address_that_takes_no_mail_for_now_keeps_it_from_nobody_else(japan: World) -> None:
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    answered(Fate.DEFERRED, AT)
    assert escalate(at=tokyo("13T12:59")) == 0
    assert escalate(at=tokyo("13T13:01")) == 1
    assert EscalationStep.objects.get().recipient == DEPUTY


def test_a_dead_letter_moves_on_from_whoever_got_it_instead(japan: World) -> None:
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    answered(Fate.REFUSED, AT)
    assert [message.recipient for message in Message.objects.order_by("id")] == [OWNER, DEPUTY]
    told()
    assert moved(tokyo("13T12:59")) == []
    assert moved(tokyo("13T13:01")) == [("head", HEAD)]
    assert EscalationStep.objects.get().unacknowledged_by == DEPUTY


def test_an_escalation_that_cannot_be_delivered_is_told_to_the_next_and_moves_on_from_there(japan: World) -> None:
    told()
    escalate(at=tokyo("13T13:00"))
    answered(Fate.REFUSED, tokyo("13T13:00"))
    instead = Message.objects.latest("id")
    assert (instead.recipient, instead.purpose) == ("magnets@example.com", "escalation")
    mail = writing.Writer().write(instead)
    assert mail.subject == "Not acknowledged by aoi@example.com: C-1. Act: at once"
    leave()
    set_timers()
    assert moved(tokyo("13T16:59")) == []
    assert moved(tokyo("13T17:01")) == [("head", HEAD)]
    assert EscalationStep.objects.latest("id").unacknowledged_by == "magnets@example.com"


def test_a_deputy_who_has_left_meanwhile_does_not_get_it(japan: World) -> None:
    deputy = japan.user(DEPUTY)
    told()
    escalate(at=tokyo("13T13:00"))
    User.objects.filter(pk=deputy.pk).update(is_active=False)
    message = queue.claim()
    assert message is not None
    assert delivery.readdress(message, at=tokyo("13T13:00")) is False
    assert Message.objects.latest("id").recipient == "magnets@example.com"


def test_a_deputy_who_is_away_when_it_leaves_does_not_get_it(japan: World) -> None:
    deputy = japan.user(DEPUTY, timezone="Asia/Tokyo")
    told()
    escalate(at=tokyo("13T13:00"))
    Absence.objects.create(user=deputy, from_on=date(2026, 1, 14), until_on=None)
    message = queue.claim()
    assert message is not None
    assert delivery.readdress(message, at=tokyo("13T23:59")) is True
    assert delivery.readdress(message, at=tokyo("14T00:00")) is False
    instead = Message.objects.latest("id")
    assert (instead.recipient, instead.capacities) == ("magnets@example.com", [["department", DEPUTY]])


def test_what_is_no_longer_flagged_waits_for_nobody(japan: World) -> None:
    told()
    PolicyChange.objects.update(status="withdrawn")
    told(tokyo("13T10:00"))
    assert Message.objects.count() == 2
    assert EscalationTimer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_take_a_step_once(live_world: World) -> None:
    for number in range(5):
        live_world.contract(f"C-{number}", deputy=DEPUTY, owner=f"owner{number}@example.com")
    live_world.change()
    told()
    start = Barrier(3)
    queued: list[int] = []

    def sweep() -> None:
        start.wait()
        queued.append(escalate(at=tokyo("13T13:00")))
        connection.close()

    threads = [Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(queued) == [0, 0, 1]
    assert EscalationStep.objects.count() == 5


def test_what_was_done_cannot_be_altered(japan: World) -> None:
    told()
    moved(tokyo("13T13:00"))
    for act in (lambda: EscalationStep.objects.update(recipient="x"), EscalationTimer.objects.all().delete):
        with pytest.raises(ProgrammingError), transaction.atomic():
            act()


def test_a_failing_screening_keeps_no_escalation(japan: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told()
    monkeypatch.setattr(runs, "sweep", lambda at: 1 / 0)
    monkeypatch.setattr(tasks, "now", lambda: tokyo("13T13:00"))
    monkeypatch.setattr(tasks, "deliver", lambda: None)
    with pytest.raises(ZeroDivisionError):
        tasks.sweep()
    assert EscalationStep.objects.get().recipient == DEPUTY


def test_the_mail_says_who_did_not_acknowledge_what(japan: World) -> None:
    Contract.objects.update(title="NdPr <b>oxide</b>\nfor motors")
    japan.contract("C-2", deputy=DEPUTY)
    told()
    escalate(at=tokyo("13T13:00"))
    message = Message.objects.get(purpose="escalation")
    mail = writing.Writer().write(message)
    assert mail.subject == "Not acknowledged by aoi@example.com: 2 contracts. Act: at once"
    assert mail.text.splitlines()[0] == (
        "Nobody has taken this up: 2 contracts. Told without an answer: aoi@example.com. Act: at once."
    )
    for part in (
        "You receive this as the deputy: aoi@example.com was told and has not acknowledged it in time.",
        "* C-1 - NdPr <b>oxide</b> for motors",
        "Supplier: Ganjiang Rare Earth",
        "Policy change: State sellers consider ending contracts",
        "Exposure: JPY 1,200,000",
        f"https://tocsin.example.com/acknowledge/{message.pk}.",
    ):
        assert part in mail.text, part
    assert "<b>oxide</b>" not in mail.html
    assert "NdPr &lt;b&gt;oxide" in mail.html
    assert mail.html.count("<style") == mail.html.count('<style data-css-inline="keep">\n@media (max-width') == 1


def test_a_mail_about_many_counts_them_all(japan: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.escalation.letter.ROWS", 3)
    monkeypatch.setattr("alerts.escalation.letter.REASONS", 2)
    for number in range(2, 7):
        japan.contract(f"C-{number}", deputy=DEPUTY, owner=f"owner{number}@example.com")
    told()
    escalate(at=tokyo("13T13:00"))
    text = writing.Writer().write(Message.objects.get(purpose="escalation")).text
    assert text.startswith("Nobody has taken this up: 6 contracts. Told without an answer: 6 people. Act: at once.")
    assert text.count("\n* C-") == 3
    assert "... and 3 more: https://tocsin.example.com/admin/alerts/flag/" in text
    assert "The same holds of 4 more people." in text


def test_a_flag_says_when_it_moves_on_to_whom_and_who_was_told(japan: World) -> None:
    flag = told()
    assert outlook.next_move(flag, at=AT) == outlook.Next(tokyo("13T13:00"), "deputy", DEPUTY)  # type: ignore[arg-type]
    moved(tokyo("13T13:00"))
    assert outlook.next_move(flag, at=AT) == outlook.Next(tokyo("13T17:00"), "head", HEAD)  # type: ignore[arg-type]
    assert [message.recipient for message in Message.objects.about(flag).order_by("id")] == [OWNER, DEPUTY]
    assert Message.objects.latest("id").told().get() == FlagEvent.objects.get()
    dispositions.acknowledge(flag, by=japan.user(DEPUTY), at=AT)
    assert outlook.next_move(flag, at=AT) is None
    assert Disposition.objects.get().standing == "acknowledged"
