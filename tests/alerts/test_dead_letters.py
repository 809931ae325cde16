"""Who gets a mail instead: what was given up, and what its recipient is away for or may no longer have."""

from collections import Counter
from datetime import date, timedelta

import pytest
from pytest_django import Settings

from alerts import delivery, messages, runs
from alerts.models import Message
from contracts.models import Contract
from people.models import Absence, Department, User
from tests.alerts.conftest import AT, World
from tests.alerts.smtp import Sink
from tests.alerts.test_delivery import deliver, pass_time, sink

__all__ = ["sink"]

pytestmark = pytest.mark.django_db(transaction=True)

NO_SUCH_USER = "550 5.1.1 no such user"


@pytest.fixture(autouse=True)
def mailboxes(settings: Settings) -> None:
    settings.OPERATORS_MAILBOX = "operators@example.com"


def queued(world: World) -> list[str]:
    """Screen and queue; who gets a message."""
    world.change(number="No. 7")
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    return sorted(Message.objects.values_list("recipient", flat=True))


def states() -> dict[str, str]:
    return dict(Message.objects.order_by("id").values_list("recipient", "state"))


def test_a_dead_letter_goes_to_the_deputy_and_says_why(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    assert queued(live_world) == ["aoi@example.com"]
    sink.rcpt_answers["aoi@example.com"] = NO_SUCH_USER

    assert deliver() == {"refused": 1, "sent": 1}

    dead, instead = Message.objects.order_by("id")
    assert (dead.state, instead.recipient, instead.state) == ("dead", "ken@example.com", "sent")
    assert (instead.in_place_of, instead.events, instead.run, instead.at) == (dead, dead.events, dead.run, AT)
    assert instead.message_id != dead.message_id
    assert instead.capacities == [["undelivered", "aoi@example.com"]]
    assert "the mail to aoi@example.com could not be delivered" in instead.text
    assert "C-1" in instead.text


def test_it_goes_up_to_the_operators_and_never_round(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    queued(live_world)
    everybody = ["aoi", "ken", "magnets", "compliance", "operators"]
    sink.rcpt_answers = {f"{name}@example.com": NO_SUCH_USER for name in everybody}
    assert deliver() == {"refused": 5}
    assert states() == {f"{name}@example.com": "dead" for name in everybody}
    pass_time(days=30)
    assert deliver() == {}


def test_each_department_gets_its_own_contracts_only(sink: Sink, live_world: World) -> None:
    motors = Department.objects.create(reference="MOT", name="Motors", mailbox="motors@example.com")
    live_world.contract("C-1")
    live_world.contract("C-2", department=motors)
    live_world.contract("C-3", department=None)
    assert queued(live_world) == ["aoi@example.com"]
    sink.rcpt_answers["aoi@example.com"] = NO_SUCH_USER
    assert deliver() == {"refused": 1, "sent": 3}
    told = {
        message.recipient: sorted(message.told().values_list("flag__contract__reference", flat=True))
        for message in Message.objects.exclude(recipient="aoi@example.com")
    }
    assert told == {
        "magnets@example.com": ["C-1"],
        "motors@example.com": ["C-2"],
        "compliance@example.com": ["C-3"],
    }


def test_what_waits_for_the_same_recipient_anyway_takes_it_in(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1")
    live_world.contract("C-2", owner=None)
    assert queued(live_world) == ["aoi@example.com", "magnets@example.com"]
    Message.objects.filter(recipient="aoi@example.com").update(next_attempt_at=AT)
    sink.rcpt_answers["aoi@example.com"] = NO_SUCH_USER
    assert deliver() == {"refused": 1, "sent": 1}
    assert sink.recipients == ["magnets@example.com"]
    told = Message.objects.get(recipient="magnets@example.com")
    assert sorted(told.told().values_list("flag__contract__reference", flat=True)) == ["C-1", "C-2"]


def member(world: World, email: str) -> User:
    user = world.user(email)
    user.departments.add(world.magnets)
    return user


def test_whoever_left_the_department_since_does_not_get_it(sink: Sink, live_world: World) -> None:
    leaving = member(live_world, "aoi@example.com")
    live_world.contract("C-1")
    assert queued(live_world) == ["aoi@example.com"]
    leaving.departments.clear()
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["magnets@example.com"]
    assert states() == {"aoi@example.com": "withheld", "magnets@example.com": "sent"}
    withheld = Message.objects.get(recipient="aoi@example.com")
    assert (withheld.text, withheld.rendered_at, withheld.lease_token) == ("", None, None)
    assert withheld.log.get().fate == "withheld"


def test_the_successor_gets_it(sink: Sink, live_world: World) -> None:
    member(live_world, "aoi@example.com")
    member(live_world, "ken@example.com")
    live_world.contract("C-1")
    queued(live_world)
    Contract.objects.update(owner="ken@example.com")
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["ken@example.com"]
    assert Message.objects.get(recipient="ken@example.com").capacities == [["owner", None]]


def test_whoever_was_deactivated_since_does_not_get_it(sink: Sink, live_world: World) -> None:
    user = member(live_world, "aoi@example.com")
    live_world.contract("C-1", deputy="ken@example.com")
    queued(live_world)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["ken@example.com"]


def test_of_several_contracts_only_the_handed_over_one_goes_elsewhere(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1")
    live_world.contract("C-2")
    queued(live_world)
    Contract.objects.filter(reference="C-2").update(owner="ken@example.com")
    assert deliver() == {"sent": 2}
    told = {
        message.recipient: list(message.told().values_list("flag__contract__reference", flat=True))
        for message in Message.objects.all()
    }
    assert told == {"aoi@example.com": ["C-1"], "ken@example.com": ["C-2"]}
    assert "C-2" not in Message.objects.get(recipient="aoi@example.com").text


def test_a_text_that_says_too_much_by_now_is_not_sent_again(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1")
    live_world.contract("C-2")
    queued(live_world)
    sink.rcpt_answers["aoi@example.com"] = "451 4.7.1 greylisted"
    assert deliver() == {"deferred": 1}
    Contract.objects.filter(reference="C-2").update(owner="ken@example.com")
    sink.rcpt_answers.clear()
    pass_time(hours=1)
    assert deliver() == {"withheld": 1, "sent": 2}
    assert sorted(sink.recipients) == ["aoi@example.com", "ken@example.com"]
    to_aoi = Message.objects.get(recipient="aoi@example.com", state="sent")
    assert ("C-1" in to_aoi.text, "C-2" in to_aoi.text) == (True, False)
    assert to_aoi.capacities == [["owner", None]]


def test_an_owner_whom_no_user_has_is_told_all_the_same(sink: Sink, live_world: World) -> None:
    live_world.user("ken@example.com")  # of no department, then and now
    live_world.contract("C-1")
    live_world.contract("C-2", owner="ken@example.com")
    queued(live_world)
    assert deliver() == {"sent": 2}
    assert sorted(sink.recipients) == ["aoi@example.com", "ken@example.com"]


def test_a_step_of_the_applications_clock_moves_no_wait(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1")
    queued(live_world)
    sink.rcpt_answers["aoi@example.com"] = "451 4.7.1 greylisted"
    assert deliver() == {"deferred": 1}
    for year in (2020, 2036):
        assert delivery.deliver(at=AT.replace(year=year)) == Counter()
    pass_time(seconds=6)
    sink.rcpt_answers.clear()
    assert delivery.deliver(at=AT.replace(year=2020)) == {"sent": 1}


def away(world: World, email: str, first: date | None = None, last: date | None = None) -> None:
    user = User.objects.filter(email=email).first() or member(world, email)
    User.objects.filter(pk=user.pk).update(timezone="Asia/Tokyo")
    Absence.objects.create(user=user, from_on=first, until_on=last)


def test_the_deputy_gets_what_leaves_while_the_owner_is_away(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    assert queued(live_world) == ["aoi@example.com"]
    away(live_world, "aoi@example.com", date(2026, 1, 13))  # entered since
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["ken@example.com"]
    withheld, instead = Message.objects.order_by("id")
    assert (withheld.state, withheld.text) == ("withheld", "")
    assert (instead.in_place_of, instead.events, instead.run, instead.at) == (
        withheld,
        withheld.events,
        withheld.run,
        AT,
    )
    assert instead.capacities == [["deputy", "aoi@example.com"]]
    assert "You receive this as the deputy of aoi@example.com, who is away." in instead.text
    assert deliver() == {}


def test_it_is_the_day_on_which_it_leaves_that_counts(sink: Sink, live_world: World) -> None:
    """Refused for now on the 13th, and tried again on the 14th, when the owner has gone."""
    live_world.contract("C-1", deputy="ken@example.com")
    queued(live_world)
    away(live_world, "aoi@example.com", date(2026, 1, 14), date(2026, 1, 16))
    sink.rcpt_answers["aoi@example.com"] = "451 4.7.1 greylisted"
    assert deliver() == {"deferred": 1}
    assert "C-1" in Message.objects.get().text
    sink.rcpt_answers.clear()
    pass_time(hours=24)
    assert delivery.deliver(at=AT + timedelta(days=1)) == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["ken@example.com"]
    assert states() == {"aoi@example.com": "withheld", "ken@example.com": "sent"}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 1, 14), None),  # from tomorrow
        (None, date(2026, 1, 12)),  # until yesterday
    ],
)
def test_an_absence_of_other_days_is_none(sink: Sink, live_world: World, first: date | None, last: date | None) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    queued(live_world)
    away(live_world, "aoi@example.com", first, last)
    assert deliver() == {"sent": 1}
    assert sink.recipients == ["aoi@example.com"]


def test_where_nobody_else_is_found_it_goes_to_the_absent_owner(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", department=None)
    queued(live_world)
    away(live_world, "aoi@example.com")
    assert deliver() == {"sent": 1}
    assert sink.recipients == ["aoi@example.com"]


def test_where_both_are_away_the_department_gets_it(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    queued(live_world)
    away(live_world, "aoi@example.com")
    away(live_world, "ken@example.com")
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["magnets@example.com"]
    assert "The department receives this because aoi@example.com is away." in Message.objects.latest("id").text


def test_a_deputy_who_is_away_when_it_leaves_hands_it_on(sink: Sink, live_world: World) -> None:
    away(live_world, "aoi@example.com")
    live_world.contract("C-1", deputy="ken@example.com")
    assert queued(live_world) == ["ken@example.com"]
    away(live_world, "ken@example.com")
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["magnets@example.com"]
    assert Message.objects.latest("id").capacities == [["department", "ken@example.com"]]


def test_the_owner_who_is_back_gets_what_the_deputy_is_away_for(sink: Sink, live_world: World) -> None:
    away(live_world, "aoi@example.com", None, date(2026, 1, 13))
    live_world.contract("C-1", deputy="ken@example.com")
    assert queued(live_world) == ["ken@example.com"]
    away(live_world, "ken@example.com", date(2026, 1, 14))
    assert delivery.deliver(at=AT + timedelta(days=1)) == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["aoi@example.com"]
    assert Message.objects.latest("id").capacities == [["owner", None]]


def test_compliance_gets_what_a_deputy_is_away_for_where_the_owner_has_left(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com", department=None)
    live_world.user("aoi@example.com", is_active=False)
    assert queued(live_world) == ["ken@example.com"]
    away(live_world, "ken@example.com")
    assert deliver() == {"withheld": 1, "sent": 1}
    assert sink.recipients == ["compliance@example.com"]


def test_what_nobody_else_may_be_told_of_stays_with_the_absent_owner(sink: Sink, live_world: World) -> None:
    live_world.contract("C-1", deputy="ken@example.com")
    live_world.contract("C-2", department=None)
    queued(live_world)
    away(live_world, "aoi@example.com")
    assert deliver() == {"sent": 2}
    told = {
        message.recipient: list(message.told().values_list("flag__contract__reference", flat=True))
        for message in Message.objects.all()
    }
    assert told == {"aoi@example.com": ["C-2"], "ken@example.com": ["C-1"]}


def test_each_event_is_told_once_however_often_people_come_and_go(sink: Sink, live_world: World) -> None:
    """The mail server takes nothing for a week, in which owner and deputy are away by turns, and then both."""
    for number in range(5):
        live_world.contract(f"C-{number}", deputy="ken@example.com")
    queued(live_world)
    away(live_world, "aoi@example.com", date(2026, 1, 14), date(2026, 1, 14))
    away(live_world, "aoi@example.com", date(2026, 1, 16), date(2026, 1, 16))
    away(live_world, "ken@example.com", date(2026, 1, 15), date(2026, 1, 16))
    sink.rcpt_answers = {f"{name}@example.com": "451 4.7.1 greylisted" for name in ("aoi", "ken", "magnets")}
    for day in range(4):
        delivery.deliver(at=AT + timedelta(days=day))
        pass_time(hours=2)
    sink.rcpt_answers.clear()
    delivery.deliver(at=AT + timedelta(days=4))
    assert list(Message.objects.order_by("id").values_list("recipient", "state")) == [
        ("aoi@example.com", "withheld"),
        ("ken@example.com", "withheld"),
        ("magnets@example.com", "sent"),
    ]
    assert sink.recipients == ["magnets@example.com"]
    assert len(Message.objects.latest("id").events) == 5
