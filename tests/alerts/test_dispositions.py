"""People's work on flags: what they put aside stays aside until the facts change, and then says why it is back."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Event, Thread

import pytest
from django.db import ProgrammingError, connections, transaction

from alerts import dispositions, messages, runs
from alerts.changelog import one_at_a_time
from alerts.models import Cause, Disposition, Flag, FlagAction, FlagEvent, Message
from alerts.models.actions import Because
from contracts.models import Contract, Line
from people.models import User
from policies.models import Measure, PolicyChange
from suppliers.models import Organization, Ownership
from tests.alerts.conftest import AT, World

LATER = AT + timedelta(hours=1)


@pytest.fixture
def buyer(world: World) -> User:
    buyer = world.user("buyer@example.com", roles=["buyer"])
    buyer.departments.add(world.magnets)
    return buyer


@pytest.fixture
def flag(world: World) -> Flag:
    """A flag its owner has been told of."""
    world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    return Flag.objects.get()


def dismissed(flag: Flag, by: User, **said: object) -> None:
    particulars = {"reason": "accepted_risk", "text": "Known", "expires_on": date(2026, 3, 31), **said}
    dispositions.dismiss(flag, by=by, at=AT, **particulars)  # type: ignore[arg-type]


def standing(flag: Flag) -> str:
    return str(Disposition.objects.get(flag=flag).standing)


def acts(flag: Flag) -> list[str]:
    return list(FlagAction.objects.filter(flag=flag).values_list("act", flat=True))


def test_every_act_is_kept_with_who_and_when(flag: Flag, buyer: User) -> None:
    dispositions.acknowledge(flag, by=buyer, at=AT)
    dispositions.assign(flag, to=buyer, by=buyer, at=AT)
    dispositions.comment(flag, text="Asked the seller", by=buyer, at=LATER)
    dispositions.mitigate(flag, text="Second source signed", by=buyer, at=LATER)
    assert acts(flag) == ["acknowledged", "assigned", "commented", "mitigated"]
    last = FlagAction.objects.get(act="mitigated")
    assert (last.by, last.at, last.text) == (buyer, LATER, "Second source signed")
    assert Disposition.objects.get().assignee == buyer


def test_the_same_act_again_changes_nothing(flag: Flag, buyer: User) -> None:
    for _ in range(2):
        dispositions.acknowledge(flag, by=buyer, at=AT)
        dispositions.assign(flag, to=buyer, by=buyer, at=AT)
    for _ in range(2):
        dispositions.comment(flag, text="Asked", by=buyer, at=AT)
    for _ in range(2):
        dismissed(flag, buyer)
    assert acts(flag) == ["acknowledged", "assigned", "commented", "dismissed"]


@pytest.mark.parametrize("change", [{"text": "Altered"}, {"by_id": None}])
def test_what_was_done_cannot_be_altered(flag: Flag, buyer: User, change: dict[str, object]) -> None:
    dispositions.acknowledge(flag, by=buyer, at=AT)
    with pytest.raises(ProgrammingError), transaction.atomic():
        FlagAction.objects.update(**change)
    with pytest.raises(ProgrammingError), transaction.atomic():
        FlagAction.objects.all().delete()


def test_a_dismissed_flag_stays_open_and_out_of_the_days_work(flag: Flag, buyer: User) -> None:
    dismissed(flag, buyer)
    assert list(Flag.objects.open()) == [flag]
    assert not Flag.objects.to_do().exists()
    runs._run(Cause.CALENDAR, AT + timedelta(days=1))
    assert standing(flag) == "dismissed"
    assert Flag.objects.count() == FlagEvent.objects.count() == Message.objects.count() == 1


def no_longer_civil(flag: Flag) -> None:
    Contract.objects.update(end_use="military")


def other_goods(flag: Flag) -> None:
    Line.objects.update(hs_code="280530")


def another_owner_of_the_seller(flag: Flag) -> None:
    Ownership.objects.update(percent=Decimal(60))


def a_longer_measure(flag: Flag) -> None:
    Measure.objects.update(timeline=[{"status": "in_force", "from": "2026-01-10", "until": "2027-12-31"}])


def an_official_text(flag: Flag) -> None:
    PolicyChange.objects.update(formality="official")


def another_line(flag: Flag) -> None:
    line = Line.objects.get()
    line.pk, line.number = None, 20
    line.save()


@pytest.mark.parametrize(
    ("change", "changed", "event"),
    [
        (no_longer_civil, "contract/end_use", "reopened"),
        (other_goods, "contract/lines/10/hs_code", "reopened"),
        (another_owner_of_the_seller, "organizations/GANJ/owners", "reopened"),
        (a_longer_measure, "measure/timeline", "reopened"),
        (an_official_text, "measure/formality", "worsened"),  # and its basis is stronger
        (another_line, "flag/lines", "worsened"),  # and the exposure doubles
    ],
)
def test_a_dismissal_ends_when_a_fact_it_was_made_on_changes(
    flag: Flag, buyer: User, change, changed: str, event: str
) -> None:
    dismissed(flag, buyer)
    change(flag)
    run = runs.screen_pending(at=LATER)
    assert standing(flag) == "open"
    reopened = FlagAction.objects.get(act="reopened")
    assert (reopened.by, reopened.because) == (None, Because.FACTS)
    assert changed in reopened.changed
    assert FlagEvent.objects.get(run=run).kind == event
    messages.compose(at=LATER)
    assert Message.objects.count() == 2  # people hear of it
    assert list(Flag.objects.to_do()) == [flag]


def a_new_title(flag: Flag) -> None:
    Contract.objects.update(title="Renamed", deputy="someone@example.com")


def a_delivery(flag: Flag) -> None:
    Line.objects.update(delivered=Decimal(50))


def somebody_elses_stake(flag: Flag) -> None:
    Organization.objects.filter(reference="JADE").update(country="SG")


@pytest.mark.parametrize("change", [a_new_title, a_delivery, somebody_elses_stake])
def test_what_does_not_concern_it_leaves_it_dismissed(flag: Flag, buyer: User, change) -> None:
    dismissed(flag, buyer)
    change(flag)
    runs.screen_pending(at=LATER)
    messages.compose(at=LATER)
    assert standing(flag) == "dismissed"
    assert Message.objects.count() == 1


def test_a_fifth_more_money_is_another_matter(flag: Flag, buyer: User) -> None:
    dismissed(flag, buyer)
    Line.objects.update(quantity=Decimal(120))
    runs.screen_pending(at=LATER)
    assert standing(flag) == "open"
    assert FlagAction.objects.get(act="reopened").changed == ["flag/exposure"]


def test_it_holds_to_the_end_of_its_last_day_in_the_business_time_zone(flag: Flag, buyer: User) -> None:
    dismissed(flag, buyer, expires_on=date(2026, 1, 20))
    runs.sweep(at=AT.replace(day=20, hour=14, minute=59))  # 23:59 in Tokyo
    assert standing(flag) == "dismissed"
    run = runs.sweep(at=AT.replace(day=20, hour=15))
    assert standing(flag) == "open"
    assert FlagAction.objects.get(act="reopened").because == "expired"
    assert FlagEvent.objects.get(run=run).kind == "reopened"
    runs._run(Cause.CALENDAR, AT.replace(day=21))
    assert acts(flag) == ["dismissed", "reopened"]


def test_nobody_is_told_of_what_happens_to_a_dismissed_flag(flag: Flag, buyer: User) -> None:
    dismissed(flag, buyer)
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=LATER)
    messages.compose(at=LATER)
    flag.refresh_from_db()
    assert flag.closed_at == LATER
    assert Message.objects.count() == 1
    assert not FlagEvent.objects.untold().exists()


def test_withdrawing_tells_those_who_were_told(flag: Flag) -> None:
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=LATER)
    messages.compose(at=LATER)
    assert list(Message.objects.order_by("id").values_list("recipient", flat=True)) == ["aoi@example.com"] * 2


def test_a_closed_flag_takes_comments_and_nothing_else(flag: Flag, buyer: User) -> None:
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=LATER)
    dispositions.comment(flag, text="For the file", by=buyer, at=LATER)
    with pytest.raises(dispositions.NotPossible, match="closed"):
        dispositions.acknowledge(flag, by=buyer, at=LATER)
    with pytest.raises(dispositions.NotPossible, match="closed"):
        dismissed(flag, buyer)


def test_whoever_may_not_see_it_cannot_be_given_it(world: World, flag: Flag, buyer: User) -> None:
    other = world.user("other@example.com", roles=["buyer"])
    with pytest.raises(dispositions.Unsuitable, match="may not see"):
        dispositions.assign(flag, to=other, by=buyer, at=AT)


@pytest.mark.parametrize("day", [date(2026, 1, 12), date(2027, 1, 15), date(2100, 1, 1)])
def test_a_dismissal_ends_within_a_year(flag: Flag, buyer: User, day: date) -> None:
    with pytest.raises(dispositions.Unsuitable, match="has to be a day"):
        dismissed(flag, buyer, expires_on=day)


def test_a_dismissal_of_what_was_not_seen_is_refused(flag: Flag, buyer: User) -> None:
    with pytest.raises(dispositions.NotPossible, match="have changed"):
        dismissed(flag, buyer, seen="0" * 16)
    assert not FlagAction.objects.exists()


def test_a_person_takes_a_dismissal_back(flag: Flag, buyer: User) -> None:
    dismissed(flag, buyer)
    with pytest.raises(dispositions.NotPossible, match="re-open it first"):
        dispositions.acknowledge(flag, by=buyer, at=AT)
    for _ in range(2):
        dispositions.reopen(flag, text="A mistake", by=buyer, at=AT)
    dispositions.acknowledge(flag, by=buyer, at=AT)
    assert acts(flag) == ["dismissed", "reopened", "acknowledged"]


@pytest.mark.django_db(transaction=True)
def test_a_dismissal_and_a_run_never_overlap_and_nothing_else_waits(
    live_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_world.contract("C-1")
    live_world.change()
    runs.screen_pending(at=AT)
    flag, by = Flag.objects.get(), live_world.user("buyer@example.com", roles=["administrator"])
    monkeypatch.setattr(dispositions, "PATIENCE", "100ms")
    screening, ended = Event(), Event()

    def screen() -> None:
        with one_at_a_time():
            Flag.objects.select_for_update().get()
            screening.set()
            ended.wait(30)
        connections.close_all()

    run = Thread(target=screen)
    run.start()
    try:
        assert screening.wait(30)
        with pytest.raises(dispositions.NotPossible, match="being screened"):
            dismissed(flag, by)
        dispositions.acknowledge(flag, by=by, at=AT)
        dispositions.comment(flag, text="Asked", by=by, at=AT)
    finally:
        ended.set()
        run.join()
    dismissed(flag, by)
    assert acts(flag) == ["acknowledged", "commented", "dismissed"]
