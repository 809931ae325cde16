"""What a mail of reminders says."""

from datetime import date
from html.parser import HTMLParser

import pytest

from alerts import runs
from alerts.delivery import deliver
from alerts.models import Message
from alerts.reminders import letter
from alerts.writing import Writer
from contracts.models import Contract
from policies.models import PolicyChange
from tests.reminders.conftest import AUTO, World, reminded, tokyo
from tests.reminders.test_rounds import SUSPENDED, licence


class Text(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def written() -> tuple[str, str, str]:
    (message,) = Message.objects.filter(dedup_key__startswith="email:reminder:")
    found = Writer().write(message)
    return found.subject, found.text, found.html


def test_one_date_is_said_in_the_subject_and_the_first_line(world: World) -> None:
    contract = world.contract("C-1", **{**AUTO, "expires_on": date(2026, 4, 20)})
    reminded("2026-01-13")
    subject, text, html = written()
    assert subject == "19 February 2026 (in 37 days): last day for notice, C-1"
    first = (
        "C-1: last day for notice on 19 February 2026, in 37 days. It renews by itself: to prevent that, give notice"
    )
    assert text.splitlines()[0] == f"{first} by 19 February 2026."
    page = f"https://tocsin.example.com/admin/contracts/contract/{contract.pk}/change/"
    assert page in text
    assert f'href="{page}"' in html
    assert not Text(html).tags & {"script", "img", "link", "iframe"}
    assert html.count("<style") == html.count('<style data-css-inline="keep">\n@media (max-width: 640px) {') == 1


def test_the_nearest_comes_first_and_the_rest_is_counted(world: World) -> None:
    world.contract("C-1", **AUTO)
    world.contract("C-2", **{**AUTO, "renewal": "option"})
    reminded("2026-01-13")
    subject, text, _ = written()
    assert subject == "30 January 2026 (in 17 days): last day for notice, C-1 and 3 dates more"
    assert "To renew it, say so by 30 January 2026." in text
    assert "It renews by itself unless notice was given." in text
    assert "It ends then unless it is renewed." in text
    assert [line for line in text.splitlines() if line.startswith("*")] == [
        "* 30 January 2026 (in 17 days): last day for notice",
        "* 30 January 2026 (in 17 days): last day for notice",
        "* 31 March 2026 (in 77 days): the term ends",
        "* 31 March 2026 (in 77 days): the term ends",
    ]


@pytest.mark.parametrize(("day", "presumed"), [("2026-03-30", False), ("2027-03-30", True)])
def test_a_term_that_nobody_recorded_is_said_to_be_presumed(world: World, day, presumed) -> None:
    world.contract("C-1", **{**AUTO, "notice_days": None})
    reminded(day)
    assert ("this day is reckoned with terms of a year" in written()[1]) == presumed


def test_a_date_of_a_measure_is_one_row_with_its_contracts(world: World) -> None:
    for number in range(14):
        world.contract(f"C-{number:02}", expires_on=None)
    change = world.change(measure={"timeline": SUSPENDED}, number="Notice 7")
    runs.screen_pending(at=tokyo("2026-01-13"))
    reminded("2026-01-13")
    subject, text, _ = written()
    assert subject == "10 March 2026 (in 56 days): last day of the suspension, Notice 7"
    assert "C-00, C-01, C-02, C-03, C-04, C-05, C-06, C-07, C-08, C-09, C-10, C-11 and 2 more" in text
    assert f"/admin/policies/policychange/{change.pk}/change/" in text
    assert PolicyChange.objects.count() == 1


def test_a_licence_is_named(world: World) -> None:
    world.contract("C-1", expires_on=None)
    world.change(measure={"timeline": SUSPENDED[1:]})
    licence(world)
    reminded("2026-01-13")
    assert written()[0] == "1 February 2026 (in 19 days): last day of the licence, licence LIC-1"


@pytest.mark.parametrize("title", ["a\r\nBcc: x@example.com", "\u202etxt.exe", "<script>alert(1)</script>", "長" * 500])
def test_titles_do_no_harm(world: World, title) -> None:
    world.contract("C-1", **AUTO)
    Contract.objects.update(title=title)
    reminded("2026-01-13")
    subject, text, html = written()
    assert "\n" not in subject
    assert "\nBcc:" not in text
    assert "\u202e" not in text + html
    assert "script" not in Text(html).tags


def test_a_mail_that_cannot_be_put_into_words_is_sent_as_a_bare_list(world: World, monkeypatch) -> None:
    contract = world.contract("C-1", **AUTO)
    reminded("2026-01-13")
    monkeypatch.setattr(letter, "_letter", lambda *_: 1 / 0)
    subject, text, _ = written()
    assert subject == "Critical dates ahead"
    assert f"2026-01-30 https://tocsin.example.com/admin/contracts/contract/{contract.pk}/change/" in text


def test_a_mail_of_very_many_dates_counts_what_it_does_not_list(world: World) -> None:
    for number in range(60):
        world.contract(f"C-{number:02}", **AUTO)
    reminded("2026-01-13")
    subject, text, html = written()
    assert subject.endswith("C-00 and 119 dates more")
    assert "... and 20 more" in text
    assert len(html.encode()) < 100_000


def test_a_reminder_is_delivered_like_any_mail(world: World, mailoutbox, settings) -> None:
    world.contract("C-1", **AUTO)
    reminded("2026-01-13")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    deliver(at=tokyo("2026-01-13"))
    (mail,) = mailoutbox
    assert mail.to == ["aoi@example.com"]
    assert mail.subject == "30 January 2026 (in 17 days): last day for notice, C-1 and 1 date more"
    message = Message.objects.get()
    assert (message.state, message.dedup_key) == ("sent", "email:reminder:2026-01-13:aoi@example.com")
