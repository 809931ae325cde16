"""A person's calendar: what is in it, for whom, and that other programs can read it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import time_machine
import vobject
from django.test import Client

from alerts import dispositions, runs
from alerts.models import CalendarKey, Flag
from alerts.reminders import feed, keys
from contracts.models import Contract, ContractQuerySet
from people.models import ChangeEntry, Role, User
from tests.reminders.conftest import AUTO, World, tokyo
from tests.reminders.test_rounds import SUSPENDED, licence

AT = tokyo("2026-01-13")


@pytest.fixture
def aoi(world: World) -> User:
    user = world.user("aoi@example.com", roles=["buyer"])
    user.departments.add(world.magnets)
    return user


def events(user: User, at: datetime = AT) -> dict[str, Any]:
    """By UID, as a library reads them that did not write them; the whole calendar is valid."""
    read = vobject.readOne(feed.ics(user, at=at).decode())
    read.validate(raiseException=True)
    return {event.uid.value: event for event in getattr(read, "vevent_list", [])}


def shown(user: User, at: datetime = AT) -> list[tuple[date, str]]:
    return sorted((event.dtstart.value, event.summary.value) for event in events(user, at).values())


def test_the_dates_of_the_contracts_one_may_see(world: World, aoi: User) -> None:
    world.contract("C-1", **AUTO)
    world.contract("C-2", owner="ken@example.com", expires_on=date(2026, 6, 30), line={"ship_until": date(2026, 5, 1)})
    world.contract("C-3", department=None, **AUTO)
    world.contract("C-4", closed_as="completed", expires_on=date(2026, 6, 30))
    assert shown(aoi) == [
        (date(2026, 1, 30), "C-1: last day for notice"),
        (date(2026, 3, 31), "C-1: the term ends"),
        (date(2026, 5, 1), "C-2: last delivery"),
        (date(2026, 6, 30), "C-2: the term ends"),
    ]
    aoi.departments.clear()
    assert shown(aoi) == []
    assert [summary for _, summary in shown(world.user("chief@example.com", roles=[Role.ADMINISTRATOR]))] == [
        "C-1: last day for notice",
        "C-3: last day for notice",
        "C-1: the term ends",
        "C-3: the term ends",
        "C-2: last delivery",
        "C-2: the term ends",
    ]


def test_measures_licences_and_dismissals_are_in_it(world: World, aoi: User) -> None:
    world.contract("C-1", expires_on=None)
    world.contract("C-2", expires_on=None)
    world.contract("C-3", expires_on=None, department=None)
    world.change(measure={"timeline": SUSPENDED}, number="Notice 7")
    runs.screen_pending(at=AT)
    licence(world)
    flag = Flag.objects.get(contract__reference="C-1")
    dispositions.dismiss(flag, reason="accepted_risk", text="Known.", expires_on=date(2026, 2, 20), by=aoi, at=AT)
    assert shown(aoi) == [
        (date(2026, 2, 1), "licence LIC-1: last day of the licence"),
        (date(2026, 2, 20), "C-1: last day of the dismissal"),
        (date(2026, 3, 10), "Notice 7: last day of the suspension"),
    ]
    described = {event.summary.value: event.description.value for event in events(aoi).values()}
    assert "Contracts: C-1, C-2\n" in described["licence LIC-1: last day of the licence"]
    assert "Contracts: C-2\n" in described["Notice 7: last day of the suspension"]  # C-1 was put aside


def test_an_event_keeps_its_uid_and_counts_its_revisions(world: World, aoi: User) -> None:
    contract = world.contract("C-1", **AUTO)
    uid = f"expiry.contract-{contract.pk}.0@tocsin.example.com"
    before = events(aoi)[uid]
    assert (before.dtstart.value, before.dtend.value) == (date(2026, 3, 31), date(2026, 4, 1))
    Contract.objects.filter(pk=contract.pk).update(expires_on=date(2026, 4, 30))
    after = events(aoi)[uid]
    assert after.dtstart.value == date(2026, 4, 30)
    assert (before.sequence.value, after.sequence.value) == ("0", "1")
    latest = ChangeEntry.objects.filter(kind="contract").latest("id").at.replace(microsecond=0)
    assert after.dtstamp.value == after.last_modified.value == latest
    assert latest.tzinfo == UTC


def test_the_next_term_is_another_event(world: World, aoi: User) -> None:
    contract = world.contract("C-1", **AUTO)
    assert set(events(aoi, tokyo("2026-02-01"))) == {
        f"{kind}.contract-{contract.pk}.{term}@tocsin.example.com"
        for kind, term in [("expiry", 0), ("notice_deadline", 1)]
    }


def test_it_is_written_as_the_standard_and_the_big_three_want_it(world: World, aoi: User) -> None:
    title = "磁石、希土類; 契約\\" * 12
    world.contract("C-1", **{**AUTO, "title": title})
    text = feed.ics(aoi, at=AT)
    lines = text.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in b"".join(lines)
    assert text.startswith(b"BEGIN:VCALENDAR\r\n")
    assert text.endswith(b"END:VCALENDAR\r\n")
    for wanted in (
        b"METHOD:PUBLISH",
        b"VERSION:2.0",
        b"X-WR-CALNAME:Tocsin: critical dates",
        b"REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        b"X-PUBLISHED-TTL:PT6H",
        b"DTSTART;VALUE=DATE:20260130",
        b"DTEND;VALUE=DATE:20260131",
        b"TRANSP:TRANSPARENT",
    ):
        assert wanted in lines, wanted
    assert title in events(aoi)[f"expiry.contract-{Contract.objects.get().pk}.0@tocsin.example.com"].description.value


def test_the_same_facts_give_the_same_bytes(world: World, aoi: User) -> None:
    world.contract("C-1", **AUTO)
    assert feed.ics(aoi, at=AT) == feed.ics(aoi, at=tokyo("2026-01-13", hour=18))


def test_whoever_may_see_very_many_has_their_own(world: World, aoi: User, monkeypatch) -> None:
    monkeypatch.setattr(feed, "MANY", 2)
    for number in range(3):
        world.contract(
            f"C-{number}", owner=f"{number}@example.com", deputy="aoi@example.com" if number else None, **AUTO
        )
    assert {summary[:3] for _, summary in shown(aoi)} == {"C-1", "C-2"}


@pytest.fixture
def browser(world: World, aoi: User) -> tuple[Client, str]:
    """Not signed in; with the path of the calendar."""
    return Client(), keys.make(aoi).removeprefix("https://tocsin.example.com")


@time_machine.travel(AT, tick=False)
def test_the_address_opens_it_without_a_log_in(world: World, browser) -> None:
    client, path = browser
    world.contract("C-1", **AUTO)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-cache"
    assert b"SUMMARY:C-1: last day for notice" in answer.content
    assert not answer.cookies
    assert client.head(path).status_code == 200
    assert client.post(path).status_code == 405
    again = client.get(path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Contract.objects.update(closed_as="completed")
    assert client.get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 200


def test_a_revoked_key_is_none(aoi: User, browser) -> None:
    client, path = browser
    etag = client.get(path)["ETag"]
    keys.revoke(aoi)
    keys.revoke(aoi)
    assert client.get(path).status_code == 404
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 404
    assert client.get("/calendar/x.ics").status_code == 404


def test_a_new_key_voids_the_one_before(aoi: User, browser) -> None:
    client, path = browser
    newer = keys.make(aoi).removeprefix("https://tocsin.example.com")
    assert [client.get(one).status_code for one in (path, newer)] == [404, 200]
    assert CalendarKey.objects.filter(revoked_at=None).count() == 1


def test_the_key_of_a_user_who_is_no_longer_active_is_none(aoi: User, browser) -> None:
    client, path = browser
    User.objects.filter(pk=aoi.pk).update(is_active=False)
    assert client.get(path).status_code == 404


def test_the_key_is_nowhere_to_be_read(aoi: User, browser) -> None:
    _, path = browser
    key = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(key) >= 43
    assert key not in str(CalendarKey.objects.values().get())


def test_the_database_alone_keeps_the_contracts_of_others_out(
    world: World, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = browser
    world.contract("C-1", **AUTO)
    world.contract("C-3", department=None, **AUTO)
    monkeypatch.setattr(ContractQuerySet, "visible_to", lambda self, principal: self)
    text = client.get(path).content
    assert (b"C-1" in text, b"C-3" in text) == (True, False)
