"""What people are told: who gets a mail, how many, and what it says."""

from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from threading import Barrier, Thread

import pytest
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.db.models.functions import Now
from pytest_django import Settings

from alerts import messages, runs, writing
from alerts.models import FlagEvent, Message, ScreeningRun
from alerts.models.flags import Flag
from contracts.models import Contract, Line
from people.models import Absence
from policies.models import Measure, PolicyChange
from tests.alerts.conftest import AT, World

COMPLIANCE = "compliance@example.com"


@pytest.fixture(autouse=True)
def mailboxes(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = COMPLIANCE
    settings.BASE_URL = "https://tocsin.example.com"


def told() -> list[str]:
    """Screen what changed, queue the messages and put them into words; who gets one, in order."""
    before = set(Message.objects.values_list("pk", flat=True))
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    written()
    return sorted(Message.objects.exclude(pk__in=before).values_list("recipient", flat=True))


def events_told() -> list[int]:
    """The events of all messages, each as often as it is told."""
    return sorted(event for events in Message.objects.values_list("events", flat=True) for event in events)


def written() -> None:
    """Put queued messages into words, as delivery does before it sends."""
    writer = writing.Writer()
    for message in Message.objects.filter(rendered_at=None).order_by("pk"):
        found = writer.write(message)
        content = {"subject": found.subject, "text": found.text, "html": found.html}
        Message.objects.filter(pk=message.pk).update(**content, rendered_at=Now())


def test_an_owner_gets_one_mail_per_run_and_change_however_many_contracts(world: World) -> None:
    for number in range(5):
        world.contract(f"C-{number}")
    world.contract("C-9", owner="ken@example.com")
    world.change("CN-ONE")
    world.change("CN-TWO")

    assert told() == ["aoi@example.com", "aoi@example.com", "ken@example.com", "ken@example.com"]

    message = Message.objects.filter(recipient="aoi@example.com", policy_change__reference="CN-ONE").get()
    own = FlagEvent.objects.filter(flag__contract__owner="aoi@example.com", flag__measure__change__reference="CN-ONE")
    assert sorted(message.events) == sorted(own.values_list("pk", flat=True))
    assert len(message.events) == 5
    assert message.state == "pending"
    assert FlagEvent.objects.untold().count() == 0
    assert events_told() == sorted(FlagEvent.objects.values_list("pk", flat=True))
    assert FlagEvent.objects.count() == 12


def test_nothing_changed_nothing_told(world: World) -> None:
    world.contract("C-1")
    world.change()
    assert told() == ["aoi@example.com"]
    assert told() == []
    runs.sweep(at=AT + timedelta(days=2))  # the day to act by has moved with today
    assert messages.compose(at=AT + timedelta(days=2)) == 0


def test_composing_twice_writes_no_second_message(world: World) -> None:
    world.contract("C-1")
    world.change()
    told()
    ScreeningRun.objects.update(composed_at=None)  # as if the first had been forgotten
    assert messages.compose(at=AT) == 0
    assert Message.objects.count() == 1
    assert not ScreeningRun.objects.uncomposed().exists()


def test_composing_queues_a_message_without_its_words(world: World) -> None:
    world.contract("C-1")
    world.change()
    run = runs.screen_pending(at=AT)
    assert messages.compose(at=AT) == 1
    message = Message.objects.get()
    assert (message.subject, message.text, message.html, message.rendered_at) == ("", "", "", None)
    assert run is not None
    assert (message.run_id, message.at, message.capacities) == (run.pk, AT, [["owner", None]])
    assert message.dedup_key == f"email:run-{run.pk}:CN-REPORT:aoi@example.com"
    assert message.message_id == messages.message_id(message.dedup_key)


def test_a_run_that_cannot_be_told_keeps_no_other_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.contract("C-1")
    world.change()
    first = runs.screen_pending(at=AT)
    world.contract("C-2", owner="ken@example.com")
    second = runs.screen_pending(at=AT)
    assert first is not None
    assert second is not None
    drafts = messages._drafts
    with monkeypatch.context() as broken:
        broken.setattr(messages, "_drafts", lambda run, at: 1 / 0 if run == first.pk else drafts(run, at))
        assert messages.compose(at=AT) == 1
    assert Message.objects.get().recipient == "ken@example.com"
    assert {event.run_id for event in FlagEvent.objects.untold()} == {first.pk}

    assert messages.compose(at=AT) == 1
    assert sorted(Message.objects.values_list("recipient", "run")) == [
        ("aoi@example.com", first.pk),
        ("ken@example.com", second.pk),
    ]


def test_one_message_holds_what_one_address_gets_in_several_capacities(world: World) -> None:
    absent = world.user("away@example.com", deputy="aoi@example.com")
    Absence.objects.create(user=absent, from_on=None, until_on=None)
    world.contract("C-1")
    world.contract("C-2", owner="away@example.com")
    world.contract("C-3", owner="AOI@example.com")
    world.change()
    assert told() == ["aoi@example.com"]
    message = Message.objects.get()
    assert sorted(message.capacities) == [["deputy", "away@example.com"], ["owner", None]]
    assert "3 contracts may be terminated" in message.subject
    assert message.text.count("You receive this as the deputy of away@example.com, who is away.") == 1


def test_of_a_deleted_contract_compliance_hears(world: World) -> None:
    contract = world.contract("C-1")
    world.change()
    told()
    Line.objects.all().delete()
    Contract.objects.filter(pk=contract.pk)._raw_delete("default")
    assert told() == [COMPLIANCE]
    message = Message.objects.get(recipient=COMPLIANCE)
    assert f"* deleted contract {contract.pk}" in message.text
    assert "Closed because: the contract was deleted" in message.text


def test_a_mail_about_thousands_of_contracts_stays_short_and_counts_them_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROWS", 3)
    monkeypatch.setattr(writing, "DETAILED", 2)
    for number in range(5):
        end_use = None if number == 4 else "military"
        world.contract(f"C-{number}", end_use=end_use, line={"ship_from": date(2026, 2, number + 1)})
    world.change(number="No. 7", formality="official", measure={"scope": {"end_uses": ["military"]}})
    told()
    message = Message.objects.get()
    assert message.subject == "Act by 1 February 2026: 5 contracts may be terminated (No. 7)"
    assert "1 contract is not certain: please review it." in message.text.splitlines()[0]
    assert [line[2:5] for line in message.text.splitlines() if line.startswith("* ")] == ["C-0", "C-1", "C-2"]
    assert message.text.count("  Why:\n") == 2
    assert "... and 2 more: https://tocsin.example.com/admin/alerts/flag/" in message.text
    assert_same_words(message)


def test_a_mailbox_is_not_told_of_every_owner_who_is_away(world: World) -> None:
    for number in range(12):
        owner = world.user(f"away{number}@example.com")
        Absence.objects.create(user=owner, from_on=None, until_on=None)
        world.contract(f"C-{number}", owner=owner.email)
    world.change()
    assert told() == ["magnets@example.com"]
    text = Message.objects.get().text
    assert text.count("The department receives this because away") == 10
    assert "The same holds of 2 more owners." in text


def test_composing_at_the_same_time_writes_every_message_once(live_world: World) -> None:
    for number in range(20):
        live_world.contract(f"C-{number}", owner=f"owner{number}@example.com")
    live_world.change()
    runs.screen_pending(at=AT)
    start = Barrier(3)
    written: list[int] = []

    def compose() -> None:
        start.wait()
        written.append(messages.compose(at=AT))
        connection.close()

    threads = [Thread(target=compose) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(written) == [0, 0, 20]
    assert Message.objects.count() == 20
    assert events_told() == sorted(FlagEvent.objects.values_list("pk", flat=True))
    assert not FlagEvent.objects.untold().exists()


def test_the_message_id_follows_from_the_deduplication_key() -> None:
    assert messages.message_id("a") == messages.message_id("a") != messages.message_id("b")
    assert messages.message_id("a").endswith("@tocsin.example.com>")


@pytest.mark.parametrize(
    ("fields", "recipient"),
    [
        ({"owner": "aoi@example.com"}, "aoi@example.com"),
        # however the address is written
        ({"owner": "Aoi@Example.com"}, "aoi@example.com"),
        # an owner whom no user is
        ({"owner": "stranger@example.com"}, "stranger@example.com"),
        ({"owner": None}, "magnets@example.com"),
        ({"owner": None, "department": None}, COMPLIANCE),
        # away: the contract's deputy goes before the owner's own
        ({"owner": "away@example.com", "deputy": "deputy@example.com"}, "deputy@example.com"),
        ({"owner": "away@example.com"}, "ken@example.com"),
        # the deputy is away too
        ({"owner": "away@example.com", "deputy": "away2@example.com", "department": None}, "ken@example.com"),
        ({"owner": "away2@example.com"}, "magnets@example.com"),
        # away, and nobody else there: better late than never
        ({"owner": "away2@example.com", "department": None}, "away2@example.com"),
        # an owner who has left
        ({"owner": "left@example.com", "deputy": "deputy@example.com"}, "deputy@example.com"),
        ({"owner": "left@example.com"}, "magnets@example.com"),
        ({"owner": "left@example.com", "department": None}, COMPLIANCE),
        # back already
        ({"owner": "back@example.com"}, "back@example.com"),
    ],
)
def test_no_flag_is_without_a_recipient(world: World, fields: dict[str, str | None], recipient: str) -> None:
    world.user("aoi@example.com")
    world.user("left@example.com", is_active=False)
    away = world.user("away@example.com", deputy="ken@example.com")
    Absence.objects.create(user=away, from_on=date(2026, 1, 13), until_on=date(2026, 1, 13))
    Absence.objects.create(user=world.user("away2@example.com"), from_on=None, until_on=None)
    Absence.objects.create(user=world.user("back@example.com"), from_on=None, until_on=date(2026, 1, 12))
    world.contract("C-1", **fields)
    world.change()
    assert told() == [recipient]


def test_an_absence_is_in_days_of_the_users_own_zone(world: World) -> None:
    user = world.user("aoi@example.com", timezone="America/New_York", deputy="ken@example.com")
    Absence.objects.create(user=user, from_on=date(2026, 1, 12), until_on=date(2026, 1, 12))  # still the 12th there
    world.contract("C-1")
    world.change()
    assert told() == ["ken@example.com"]
    assert "You receive this as the deputy of aoi@example.com, who is away." in Message.objects.get().text


def test_a_mail_says_what_happened_to_which_contract_why_and_what_to_do(world: World) -> None:
    world.contract("C-1", title="NdPr oxide for EV motors")
    world.change(number="No. 7", summary="Unnamed sources say so.")
    told()

    message = Message.objects.get()

    assert message.subject == "Act at once: contract C-1 may be terminated (reported, not confirmed: No. 7)"
    first, *_ = message.text.splitlines()
    assert first == (
        "Contract C-1 may be terminated under No. 7 (State sellers, as reported): reported, not confirmed. Act at once."
    )
    flag = Flag.objects.get()
    for part in (
        "* C-1 - NdPr oxide for EV motors",
        "Supplier: Ganjiang Rare Earth",
        "What: may be terminated / Existing contracts may be terminated [new]",
        "How certain: certain",
        "On what basis: reported, not confirmed",
        "Exposure: JPY 1,200,000",
        "Secure what is still open",
        "- line 10, goods: met. The contract says: HS code 284690. The measure asks for: HS code 280530, 2846.",
        "This is reported, not confirmed: no authority has published it.",
        "- A news agency, 10 January 2026: supports it.",
        "- line 10, state control of the supplier: met. The contract says: supplier GANJ; kind company;"
        " owners SAC 100 % (controls it); all owners are named: yes. The measure asks for: control by the state CN.",
        "Grade B3: source usually reliable, possibly true.",
        "https://news.example/1",
        f"https://tocsin.example.com/admin/alerts/flag/{flag.pk}/change/",
    ):
        assert part in message.text, part
    assert_same_words(message)


def test_a_mail_says_what_would_clear_a_flag_that_needs_review(world: World) -> None:
    world.contract("C-1", end_use=None)
    world.change(formality="official", measure={"scope": {"end_uses": ["military"]}})
    told()
    text = Message.objects.get().text
    assert "How certain: not certain, please review" in text
    assert "First settle what is not established (below): it may clear the contract." in text
    assert (
        "- line 10, end use: not established. The contract says: not established. The measure asks for: military."
        in text
    )
    assert "Would clear it if it turned out so:\n  - end use: civil\n" in text
    assert "This is not certain: please review it." in text
    assert "On what basis: in force" in text


def test_of_a_fact_with_many_values_one_that_clears_is_an_example(world: World) -> None:
    world.contract("C-1", line={"hs_code": None, "elements": None})
    world.change(measure={"scope": {"commodities": [{"hs": ["2846"], "elements": ["Nd"]}]}})
    told()
    text = Message.objects.get().text
    assert "  - line 10, HS code: for example 01\n  - line 10, elements: none\n" in text


def test_what_is_not_known_of_an_announcement_is_left_out(world: World) -> None:
    world.contract("C-1")
    change = world.change(announced_on=None)
    change.evidence.update(published_on=None)
    told()
    text = Message.objects.get().text
    assert "Announced" not in text
    assert "- A news agency: supports it." in text


def test_several_contracts_with_one_thing_to_do_are_counted_once(world: World) -> None:
    world.contract("C-1")
    world.contract("C-2")
    world.change(formality="official", number="No. 7", measure={"effect": "licence_required"})
    told()
    message = Message.objects.get()
    assert message.subject == "Act at once: 2 contracts need an export licence (No. 7)"
    assert message.text.startswith("2 contracts need an export licence under No. 7 (State sellers, as reported): in")


def test_a_contract_that_would_renew_by_itself_says_until_when_notice_prevents_it(world: World) -> None:
    world.contract("C-1", renewal="auto", expires_on=date(2026, 4, 30), notice_days=60)
    world.change(measure={"effect": "new_contracts_refused"})
    told()
    assert "It renews by itself: to prevent that, give notice by 1 March 2026." in Message.objects.get().text


def test_a_suspension_that_may_lapse_is_told_as_such(world: World) -> None:
    world.contract("C-1", line={"ship_from": date(2026, 12, 1), "ship_until": date(2026, 12, 31)})
    timeline = [
        {"status": "in_force", "from": "2025-10-09"},
        {"status": "suspended", "from": "2025-11-07", "until": "2026-11-10"},
    ]
    world.change(formality="official", number="No. 7", measure={"timeline": timeline})
    told()
    message = Message.objects.get()
    assert message.subject == (
        "Review and act by 1 December 2026: contract C-1 may be terminated"
        " (suspension runs out, resumption not confirmed: No. 7)"
    )
    assert (
        "line 10, return after the suspension: not confirmed. The suspension ends on 10 November 2026;"
        " nothing says whether the measure comes back then." in message.text
    )
    assert "Nothing says whether the measure comes back after its suspension. Plan as if it did:" in message.text


def test_a_day_ahead_is_named(world: World) -> None:
    world.contract("C-1")
    world.change(formality="official", measure={"timeline": [{"status": "in_force", "from": "2026-02-01"}]})
    told()
    message = Message.objects.get()
    assert message.subject.startswith("Act by 1 February 2026: ")
    assert "On what basis: announced, not yet in force" in message.text


def test_what_became_certain_and_what_worsened_are_told_as_such(world: World) -> None:
    world.contract("C-1", end_use=None)
    world.change(
        formality="official",
        measure={"scope": {"end_uses": ["military"]}, "timeline": [{"status": "in_force", "from": "2026-03-01"}]},
    )
    told()
    Contract.objects.update(end_use="military")
    assert told() == ["aoi@example.com"]
    assert "[now certain; it needed review before]" in Message.objects.order_by("-pk")[0].text
    Measure.objects.update(timeline=[{"status": "in_force", "from": "2026-01-10"}])
    assert told() == ["aoi@example.com"]
    assert (
        "[now in force; before: announced, not yet in force; act earlier than the 1 March 2026 told before]"
        in Message.objects.order_by("-pk")[0].text
    )


def test_closed_flags_are_told_once(world: World) -> None:
    world.contract("C-1")
    change = world.change()
    told()
    PolicyChange.objects.filter(pk=change.pk).update(status="withdrawn")
    assert told() == ["aoi@example.com"]
    message = Message.objects.order_by("-pk")[0]
    assert message.subject == "No longer flagged: contract C-1 (State sellers consider ending contracts)"
    assert "Nothing needs to be done." in message.text.splitlines()[0]
    assert "NO LONGER FLAGGED" in message.text
    assert "Closed because: the policy change was withdrawn" in message.text
    assert_same_words(message)
    assert told() == []


HOSTILE = [
    "two\r\nBcc: evil@example.com",
    "\u202ereversed\u202c \u2066isolated",
    "bell\x07 and escape\x1b[31m",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{ letter.subject }}{% load x %}",
    "emoji 👩‍🔬🧲 " + "長" * 5000,
    "",
    "   ",
    "%(name)s %s {0}",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_are_harmless_and_still_told(world: World, title: str) -> None:
    world.contract("C-1", title=title, line={"description": title})
    world.change(title=title[:500], number=title[:200], authority=title[:500], summary=title)
    assert told() == ["aoi@example.com"]
    message = Message.objects.get()
    assert "\n" not in message.subject
    assert "Bcc:" not in [line[:4] for line in message.text.splitlines()]
    for forbidden in ("\u202e", "\u2066", "\x07", "\x1b", "<script", "<img"):
        assert forbidden not in message.html
        assert forbidden not in message.subject + message.text or forbidden.startswith("<")
    assert "C-1" in message.text
    assert "could not be put into this mail" not in message.text
    assert len(message.text) < 6000


def test_a_mail_that_cannot_be_rendered_is_still_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.contract("C-1")
    world.change()
    monkeypatch.setattr(writing, "render", lambda _: 1 / 0)
    assert told() == ["aoi@example.com"]
    message = Message.objects.get()
    assert message.subject == "Contracts affected by CN-REPORT"
    assert f"C-1 https://tocsin.example.com/admin/alerts/flag/{Flag.objects.get().pk}/change/" in message.text


def test_the_html_loads_and_runs_nothing(world: World) -> None:
    world.contract("C-1")
    world.change()
    told()
    html = Message.objects.get().html
    for forbidden in ("<script", "<img", "<link", "url(", "@import", "javascript:"):
        assert forbidden not in html
    assert 'style="' in html
    style = html[html.index("<style") : html.index("</style>")]
    assert html.count("<style") == 1
    assert style.partition(">")[2].lstrip().startswith("@media (max-width: 640px) {")  # nothing that a wide page needs


class Words(HTMLParser):
    """The text of a page without its markup."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.shown = True

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.shown = tag != "style"

    def handle_data(self, data: str) -> None:
        if self.shown:
            self.words += data.split()


def assert_same_words(message: Message) -> None:
    """Every value that the HTML shows stands in the text too: nobody is told less for the client they use."""
    page = Words()
    page.feed(message.html)
    shown = {word.strip(".,:;()[]*-").casefold() for word in page.words}
    stated = {word.strip(".,:;()[]*-").casefold() for word in message.text.split()}
    assert shown - stated <= {"contract", "and", ""}


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError, InternalError])
def test_a_run_is_told_by_the_next_call_where_the_database_ended_the_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: type[Exception]
) -> None:
    """InternalError is what it says of one that was idle for too long."""
    world.contract("C-1")
    world.change()
    runs.screen_pending(at=AT)
    with monkeypatch.context() as patched:

        def ended(run: int, at: datetime) -> int:
            raise fault("terminating connection due to idle-in-transaction timeout")

        patched.setattr(messages, "_queue", ended)
        with pytest.raises(fault):
            messages.compose(at=AT)
    assert messages.compose(at=AT) == 1
