"""Who is reminded of what and when: stages, jumps of the clock, dates that move, one mail a day."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import connection

from alerts import dispositions, runs
from alerts.models import Disposition, Flag, Message, Reminder, ReminderRound, ReminderStages
from alerts.reminders import rounds
from alerts.reminders.rounds import remind
from alerts.reminders.stages import DEFAULT, stage
from contracts.models import Contract, Line
from people.models import Absence, User
from policies.models import Licence, Measure, PolicyChange
from tests.reminders.conftest import AUTO, World, recipients, reminded, tokyo


@pytest.mark.parametrize(
    ("today", "applies"),
    [
        ((2025, 10, 31), None),  # 91 days
        ((2025, 11, 1), 90),
        ((2025, 11, 30), 90),
        ((2025, 12, 1), 60),
        ((2025, 12, 31), 30),
        ((2026, 1, 22), 30),
        ((2026, 1, 23), 7),
        ((2026, 1, 30), 7),
        ((2026, 1, 31), None),  # past
    ],
)
def test_the_latest_stage_that_has_begun_applies(today, applies) -> None:
    assert stage(date(2026, 1, 30), today=date(*today), stages=DEFAULT) == applies


def test_stages_count_days_over_a_leap_day_and_changes_of_the_clock() -> None:
    assert stage(date(2028, 3, 1), today=date(2028, 2, 23), stages=[7]) == 7
    assert stage(date(2028, 3, 1), today=date(2028, 2, 22), stages=[7]) is None
    assert stage(date(2026, 3, 30), today=date(2026, 3, 23), stages=[7]) == 7  # clocks go forward on the 29th


def test_each_stage_is_told_once_and_none_after_the_day(world: World) -> None:
    world.contract("C-1", **AUTO)
    told = {
        str(day): found
        for ahead in range(110)
        if (found := reminded(str(day := date(2025, 10, 20) + timedelta(days=ahead))))
    }
    notice, expiry = ("C-1", "notice_deadline", "2026-01-30"), ("C-1", "expiry", "2026-03-31")
    assert told == {
        "2025-11-01": [(*notice, 90)],
        "2025-12-01": [(*notice, 60)],
        "2025-12-31": [(*notice, 30), (*expiry, 90)],
        "2026-01-23": [(*notice, 7)],
        "2026-01-30": [(*expiry, 60)],
    }
    assert Message.objects.count() == 5


def test_the_next_term_has_its_own_reminders(world: World) -> None:
    world.contract("C-1", **AUTO)
    assert reminded("2026-04-01") == []
    assert reminded("2026-12-01") == [("C-1", "notice_deadline", "2027-01-30", 60)]
    assert reminded("2027-03-30") == [("C-1", "expiry", "2027-03-31", 7)]


def test_a_jump_of_the_clock_tells_only_the_latest_stage_once(world: World) -> None:
    world.contract("C-1", **AUTO)
    assert reminded("2025-11-05") == [("C-1", "notice_deadline", "2026-01-30", 90)]
    assert reminded("2026-01-25") == [
        ("C-1", "notice_deadline", "2026-01-30", 7),
        ("C-1", "expiry", "2026-03-31", 90),
    ]
    assert reminded("2026-01-26") == []
    assert reminded("2025-12-01") == []  # and back: nothing is told again
    assert reminded("2026-01-27") == []


def test_a_date_that_moves_is_told_anew_and_one_that_moves_back_is_not(world: World) -> None:
    contract = world.contract("C-1", expires_on=date(2026, 3, 1), line=None)
    assert reminded("2026-01-13") == [("C-1", "expiry", "2026-03-01", 60)]
    Contract.objects.filter(pk=contract.pk).update(expires_on=date(2026, 4, 1))
    assert reminded("2026-01-14") == [("C-1", "expiry", "2026-04-01", 90)]
    Contract.objects.filter(pk=contract.pk).update(expires_on=date(2026, 3, 1))
    assert reminded("2026-01-15") == []
    assert reminded("2026-01-30") == [("C-1", "expiry", "2026-03-01", 30)]


def test_one_mail_per_recipient_and_day_however_many_dates(world: World) -> None:
    for number in range(5):
        world.contract(f"C-{number}", **AUTO)
    world.contract("C-9", owner="ken@example.com", **AUTO)
    assert len(reminded("2025-12-31")) == 12
    assert recipients("2025-12-31") == ["aoi@example.com", "ken@example.com"]
    world.contract("C-10", **AUTO)
    assert reminded("2025-12-31", hour=15) == []
    assert [found[0] for found in reminded("2026-01-01")] == ["C-10", "C-10"]


def test_nobody_is_reminded_before_the_hour(world: World) -> None:
    world.contract("C-1", **AUTO)
    assert reminded("2026-01-13", hour=6) == []
    assert not ReminderRound.objects.exists()
    assert len(reminded("2026-01-13", hour=7)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"closed_as": "completed"},
        {"closed_as": "cancelled"},
        {"concluded_on": None, "negotiation": "draft"},
        {"terminated_on": date(2026, 1, 13)},
        {"termination_notice_on": date(2026, 1, 1), "terminated_on": date(2026, 2, 15)},
    ],
)
def test_contracts_that_have_ended_or_not_begun_remind_of_nothing(world: World, fields) -> None:
    world.contract("C-1", **{**AUTO, **fields})
    assert reminded("2026-01-13") == []


def test_the_last_open_delivery_is_told_whatever_the_term(world: World) -> None:
    world.contract("C-1", expires_on=None, line={"ship_until": date(2026, 2, 10)})
    world.contract("C-2", expires_on=None, line={"ship_until": date(2026, 2, 10), "delivered": Decimal(100)})
    later = world.contract("C-3", expires_on=None, line={"ship_until": date(2026, 2, 10)})
    world.line(later, number=20, ship_until=date(2027, 2, 10))
    assert reminded("2026-01-13") == [("C-1", "last_delivery", "2026-02-10", 30)]
    Line.objects.filter(contract=later, number=20).update(cancelled=Decimal(100))
    assert reminded("2026-01-14") == [("C-3", "last_delivery", "2026-02-10", 30)]


def test_a_contract_may_have_stages_of_its_own_or_none(world: World) -> None:
    own, silent = world.contract("C-1", **AUTO), world.contract("C-2", **AUTO)
    ReminderStages.objects.create(contract=own, days=[200, 1])
    ReminderStages.objects.create(contract=silent, days=[])
    assert reminded("2025-10-01") == [
        ("C-1", "notice_deadline", "2026-01-30", 200),
        ("C-1", "expiry", "2026-03-31", 200),
    ]
    assert reminded("2026-01-28") == []
    assert reminded("2026-01-29") == [("C-1", "notice_deadline", "2026-01-30", 1)]


def test_the_deputy_is_told_while_the_owner_is_away_and_a_mailbox_where_there_is_no_owner(world: World) -> None:
    aoi = world.user("aoi@example.com", deputy="rei@example.com")
    Absence.objects.create(user=aoi, from_on=date(2026, 1, 12), until_on=date(2026, 1, 16))
    world.contract("C-1", **AUTO)
    world.contract("C-2", **AUTO, owner=None)
    world.contract("C-3", **AUTO, owner=None, department=None)
    reminded("2026-01-13")
    assert recipients("2026-01-13") == ["compliance@example.com", "magnets@example.com", "rei@example.com"]


SUSPENDED = [
    {"status": "in_force", "from": "2025-12-01"},
    {"status": "suspended", "from": "2025-11-07", "until": "2026-03-10"},
]


def test_the_end_of_a_suspension_is_told_to_those_whose_contracts_are_flagged(world: World) -> None:
    world.contract("C-1", expires_on=None)
    world.contract("C-2", expires_on=None, owner="ken@example.com")
    world.contract("C-3", expires_on=None, supplier=world.private)
    world.change(measure={"timeline": SUSPENDED})
    runs.screen_pending(at=tokyo("2026-01-13"))
    assert reminded("2026-01-13") == [
        ("C-1", "suspension_end", "2026-03-10", 60),
        ("C-2", "suspension_end", "2026-03-10", 60),
    ]
    assert reminded("2026-01-14") == []
    Measure.objects.update(timeline=[SUSPENDED[0], {**SUSPENDED[1], "until": "2026-11-10"}])  # prolonged
    assert reminded("2026-01-15") == []
    assert [found[2:] for found in reminded("2026-08-13")] == [("2026-11-10", 90)] * 2


def test_a_measure_that_takes_effect_is_told_in_its_own_zone(world: World) -> None:
    world.contract("C-1", expires_on=None)
    change = world.change(measure={"timeline": [{"status": "in_force", "from": "2026-02-12"}]})
    runs.screen_pending(at=tokyo("2026-01-13"))
    PolicyChange.objects.filter(pk=change.pk).update(timezone="America/Los_Angeles")
    ReminderStages.objects.create(contract=Contract.objects.get(), days=[30])
    assert reminded("2026-01-13") == []  # the 12th over there: 31 days
    assert reminded("2026-01-14") == [("C-1", "takes_effect", "2026-02-12", 30)]


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_what_is_not_published_reminds_of_nothing(world: World, status) -> None:
    world.contract("C-1", expires_on=None)
    change = world.change(measure={"timeline": SUSPENDED})
    runs.screen_pending(at=tokyo("2026-01-13"))
    PolicyChange.objects.filter(pk=change.pk).update(status=status)
    assert reminded("2026-01-13") == []


def dismissed(world: World, *, until: date, at: datetime) -> Flag:
    world.contract("C-1", expires_on=None)
    world.change(measure={"timeline": SUSPENDED})
    runs.screen_pending(at=at)
    flag = Flag.objects.get()
    dispositions.dismiss(
        flag, reason="accepted_risk", text="Known.", expires_on=until, by=world.user("rei@example.com"), at=at
    )
    return flag


def test_dismissed_flags_remind_of_the_end_of_the_dismissal_alone(world: World) -> None:
    dismissed(world, until=date(2026, 3, 1), at=tokyo("2026-01-13"))
    assert reminded("2026-01-13") == []  # 47 days: the stage of 60 had begun when it was dismissed
    assert reminded("2026-01-30") == [("C-1", "dismissal_end", "2026-03-01", 30)]
    assert reminded("2026-02-25") == [("C-1", "dismissal_end", "2026-03-01", 7)]


def test_a_dismissal_of_a_few_days_or_of_a_closed_flag_reminds_of_nothing(world: World) -> None:
    flag = dismissed(world, until=date(2026, 1, 18), at=tokyo("2026-01-13"))
    assert [reminded(f"2026-01-{day}") for day in range(13, 19)] == [[]] * 6
    Disposition.objects.update(expires_on=date(2026, 5, 1))
    Flag.objects.filter(pk=flag.pk).update(closed_at=tokyo("2026-01-19"), closed_because="not_hit")
    assert reminded("2026-04-01") == []


def licence(world: World, **fields) -> Licence:
    return Licence.objects.create(
        reference="LIC-1",
        exporter=world.seller,
        **{
            "measures": ["CN-REPORT"],
            "commodities": [{"hs": ["2846"]}],
            "valid_from": date(2025, 1, 1),
            "valid_until": date(2026, 2, 1),
            **fields,
        },
    )


def test_the_end_of_a_licence_is_told_to_those_whose_goods_it_covers(world: World) -> None:
    world.contract("C-1", expires_on=None)
    world.contract("C-2", expires_on=None, line={"hs_code": "854110"})
    world.contract("C-3", expires_on=None, supplier=world.private)
    world.contract("C-4", expires_on=None, closed_as="completed")
    world.contract("C-5", expires_on=None, line={"delivered": Decimal(100)})
    world.change(status="published", measure={"timeline": SUSPENDED[1:]})
    licence(world, consignee=world.buyer)
    assert reminded("2026-01-13") == [("C-1", "licence_end", "2026-02-01", 30)]


@pytest.mark.parametrize("fields", [{"measures": ["CN-OTHER"]}, {"valid_until": None}, {"commodities": None}])
def test_a_licence_that_covers_nothing_reminds_of_nothing(world: World, fields) -> None:
    world.contract("C-1", expires_on=None)
    world.change(measure={"timeline": SUSPENDED[1:]})
    licence(world, **fields)
    assert reminded("2026-01-13") == []


def test_a_round_that_fails_keeps_nothing_and_is_made_up_for(world: World, monkeypatch) -> None:
    world.contract("C-1", **AUTO)
    with monkeypatch.context() as patch:
        patch.setattr(rounds, "_keep", lambda rows: 1 / 0)
        assert remind(at=tokyo("2026-01-13")) == 0
    assert (Message.objects.count(), Reminder.objects.count()) == (0, 0)
    assert ReminderRound.objects.get().finished_at is None
    assert len(reminded("2026-01-13")) == 2


def test_a_measure_whose_timeline_cannot_be_read_keeps_nobody_from_being_reminded(world: World) -> None:
    world.contract("C-1", **AUTO)
    world.change(measure={"timeline": [{"status": "in_force"}]})
    assert len(reminded("2026-01-13")) == 2


def test_a_flag_whose_contract_is_gone_reminds_of_nothing(world: World) -> None:
    contract = world.contract("C-1", expires_on=None)
    world.change(measure={"timeline": SUSPENDED})
    runs.screen_pending(at=tokyo("2026-01-13"))
    contract.lines.all().delete()
    Contract.objects.filter(pk=contract.pk)._raw_delete("default")  # type: ignore[attr-defined]
    assert reminded("2026-01-13") == []


def in_threads(number: int, work: Callable[[], object]) -> None:
    barrier = Barrier(number)

    def run() -> None:
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_workers_that_remind_at_once_remind_once(live_world: World) -> None:
    live_world.contract("C-1", **AUTO)
    in_threads(4, lambda: remind(at=tokyo("2026-01-13")))
    assert Message.objects.count() == 1
    assert Reminder.objects.count() == 2
    assert ReminderRound.objects.get().finished_at is not None


def test_a_user_who_is_no_longer_active_is_not_told(world: World) -> None:
    world.user("aoi@example.com", is_active=False)
    world.contract("C-1", **AUTO)
    reminded("2026-01-13")
    assert recipients("2026-01-13") == ["magnets@example.com"]
    assert User.objects.count() == 1


def test_the_instant_is_the_caller_s(world: World) -> None:
    world.contract("C-1", **AUTO)
    at = datetime(2026, 1, 12, 22, 30, tzinfo=UTC)  # 07:30 on the 13th in Tokyo
    remind(at=at)
    assert ReminderRound.objects.get().day == date(2026, 1, 13)
    assert Message.objects.get().at == at
