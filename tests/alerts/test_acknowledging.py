"""Acknowledging from a mail: the link is the recipient's, GET changes nothing, and everything of the mail is taken."""

from datetime import date, timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from alerts import dispositions, messages, runs, writing
from alerts.acknowledging import link
from alerts.models import Disposition, Flag, FlagAction, Message, State
from contracts.models import Contract
from people.models import User
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World

OWNER = "aoi@example.com"


@pytest.fixture(autouse=True)
def here(settings: Settings) -> None:
    settings.BASE_URL = "https://tocsin.example.com"
    settings.CLOCK_START = AT


@pytest.fixture
def mail(world: World) -> Message:
    """A mail of two contracts that has just left."""
    world.contract("C-1")
    world.contract("C-2")
    world.contract("C-9", owner="ken@example.com")
    world.change()
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    Message.objects.update(state=State.SENT, sent_at=Now(), rendered_at=Now())
    return Message.objects.get(recipient=OWNER)


def address(message: Message) -> str:
    return link(message).removeprefix("https://tocsin.example.com")


def standing() -> dict[str, str]:
    rows = Disposition.objects.order_by("flag__contract__reference")
    return dict(rows.values_list("flag__contract__reference", "standing"))


def test_following_the_link_changes_nothing_and_says_what_would_be_acknowledged(mail: Message, client: Client) -> None:
    for _ in range(2):
        answer = client.get(address(mail))
        assert client.head(address(mail)).status_code == 200
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "Acknowledge 2 flags?" in page
        assert "You act as aoi@example.com" in page
        assert "C-1" in page
        assert "C-2" in page
        assert "C-9" not in page
        assert answer["Cache-Control"].startswith("max-age=0")
        assert answer["Referrer-Policy"] == "no-referrer"
    assert not FlagAction.objects.exists()


def test_the_button_acknowledges_every_flag_of_the_mail_and_no_other(mail: Message, client: Client) -> None:
    page = client.post(address(mail)).content.decode()
    assert "Acknowledged: 2 flags" in page
    assert "This is recorded for aoi@example.com." in page
    assert standing() == {"C-1": "acknowledged", "C-2": "acknowledged"}
    actions = FlagAction.objects.order_by("id")
    assert [(one.act, one.by, one.address, one.done_by) for one in actions] == [
        ("acknowledged", None, OWNER, OWNER),
        ("acknowledged", None, OWNER, OWNER),
    ]
    assert AT <= actions[0].at < AT + timedelta(minutes=5)

    page = client.post(address(mail)).content.decode()
    assert "There is nothing left to acknowledge" in page
    assert "2 flags of this mail had been acknowledged before." in page
    assert FlagAction.objects.count() == 2


def test_a_user_with_the_address_is_recorded_too(mail: Message, client: Client, world: World) -> None:
    owner = world.user(OWNER)
    client.post(address(mail))
    assert {(one.by, one.address) for one in FlagAction.objects.all()} == {(owner, OWNER)}


def test_only_what_still_waits_is_acknowledged(mail: Message, client: Client, world: World) -> None:
    by = world.user("buyer@example.com", roles=["administrator"])
    first, second = Flag.objects.filter(contract__reference__in=["C-1", "C-2"]).order_by("contract__reference")
    dispositions.dismiss(first, reason="other", text="x", expires_on=date(2026, 3, 1), by=by, at=AT)
    page = client.post(address(mail)).content.decode()
    assert "Acknowledged: 1 flag<" in page
    assert "1 flag was dismissed or marked mitigated and stays so." in page
    assert standing() == {"C-1": "dismissed", "C-2": "acknowledged"}
    assert second.actions.get().address == OWNER


def test_what_is_closed_is_said_to_be(mail: Message, client: Client) -> None:
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=AT)
    page = client.post(address(mail)).content.decode()
    assert "There is nothing left to acknowledge" in page
    assert "2 flags are closed." in page
    assert not FlagAction.objects.exists()


@pytest.mark.parametrize("change", ["number", "signature", "cut", "words", "nothing"])
def test_a_link_that_was_altered_gets_a_plain_page(mail: Message, client: Client, change: str) -> None:
    token = address(mail).removeprefix("/acknowledge/")
    number, signature = token.split(".")
    other = Message.objects.exclude(pk=mail.pk).get().pk
    altered = {
        "number": f"{other}.{signature}",
        "signature": f"{number}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "cut": token[:-3],
        "words": "x",
        "nothing": f"{number}.",
    }[change]
    for answer in (client.get(f"/acknowledge/{altered}"), client.post(f"/acknowledge/{altered}")):
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()
    assert not FlagAction.objects.exists()


@pytest.mark.parametrize(("hours", "status"), [(119, 200), (121, 410)])
def test_a_link_works_for_the_hours_of_the_setting_from_when_the_mail_left(
    mail: Message, client: Client, hours: int, status: int
) -> None:
    Message.objects.update(sent_at=Now() - timedelta(hours=hours), rendered_at=Now() - timedelta(days=30))
    answer = client.get(address(mail))
    assert answer.status_code == client.post(address(mail)).status_code == status
    assert ("This link has expired" in answer.content.decode()) is (status == 410)
    assert FlagAction.objects.exists() is (status == 200)


def test_a_mail_that_has_arrived_unknown_to_us_has_a_link_that_works(mail: Message, client: Client) -> None:
    Message.objects.update(state=State.PENDING, sent_at=None)
    assert client.get(address(mail)).status_code == 200


def test_somebody_who_has_left_does_not_acknowledge(mail: Message, client: Client, world: World) -> None:
    world.user(OWNER, is_active=False)
    assert client.post(address(mail)).status_code == 404
    assert not FlagAction.objects.exists()


def test_a_link_of_another_use_of_the_key_is_none(mail: Message, client: Client, settings: Settings) -> None:
    before = address(mail)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert client.get(before).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(before).status_code == 404


def test_no_form_of_another_kind_is_taken(mail: Message, client: Client) -> None:
    assert client.put(address(mail)).status_code == 405
    assert client.delete(address(mail)).status_code == 405


def test_names_in_the_page_are_harmless(mail: Message, client: Client, world: World) -> None:
    world.seller.name = "<script>alert(1)</script>"
    world.seller.save()
    page = client.get(address(mail)).content.decode()
    assert "<script" not in page
    assert escape(world.seller.name) in page


def test_a_mail_of_many_flags_takes_few_statements(
    world: World, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        world.contract(f"C-{number}")
    world.change()
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    Message.objects.update(state=State.SENT, sent_at=Now(), rendered_at=Now())
    with django_assert_max_num_queries(25):
        client.post(address(Message.objects.get()))
    assert FlagAction.objects.count() == 30


def test_the_mail_bears_the_link_unless_there_is_nothing_to_acknowledge(mail: Message) -> None:
    written = writing.Writer().write(mail)
    assert f"\n{link(mail)}\n" in written.text
    assert f'href="{link(mail)}"' in written.html
    PolicyChange.objects.update(status="withdrawn")
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    closing = Message.objects.filter(recipient=OWNER).latest("id")
    assert "/acknowledge/" not in writing.Writer().write(closing).text


def test_whoever_acknowledged_at_the_same_time_is_kept_once(mail: Message, client: Client, world: World) -> None:
    by = User.objects.create_user("buyer@example.com", roles=["administrator"])
    for flag in Flag.objects.filter(contract__reference="C-1"):
        dispositions.acknowledge(flag, by=by, at=AT)
    client.post(address(mail))
    assert list(FlagAction.objects.order_by("id").values_list("by", "address")) == [(by.pk, ""), (None, OWNER)]
    assert Message.objects.filter(sent_at__gte=F("created_at")).count() == 2


def test_who_left_the_department_acknowledges_nothing(mail: Message, world: World, client: Client) -> None:
    Message.objects.filter(pk=mail.pk).update(departments=[world.magnets.pk])  # of which nobody is a member any more
    assert client.get(address(mail)).status_code == 404
    assert client.post(address(mail)).status_code == 404
    assert not FlagAction.objects.exists()


def test_what_somebody_else_has_charge_of_by_now_is_not_acknowledged(mail: Message, client: Client) -> None:
    Contract.objects.filter(reference="C-2").update(owner="ken@example.com")
    page = client.get(address(mail)).content.decode()
    assert ("Acknowledge 1 flag?" in page, "C-1" in page, "C-2" in page) == (True, True, False)
    client.post(address(mail))
    assert standing() == {"C-1": "acknowledged"}
    Contract.objects.filter(reference="C-1").update(owner="ken@example.com")
    assert client.get(address(mail)).status_code == 404
