"""Messages in the admin: every attempt, who was told instead, and one that was given up sent again."""

import pytest
from django.urls import reverse
from django.utils import timezone

from alerts.models import Message, MessageAttempt


@pytest.fixture
def dead(january) -> Message:
    message = Message.objects.order_by("id").first()
    assert message is not None
    MessageAttempt.objects.create(
        message=message,
        number=1,
        token="6f1c1d0e-0000-4000-8000-000000000001",
        ended_at=timezone.now(),
        stage="rcpt",
        fate="refused",
        answer="550 <no such user>",
    )
    Message.objects.filter(pk=message.pk).update(state="dead", attempts=1, unanswered=1)
    Message.objects.create(
        recipient="instead@example.com", channel="email", dedup_key="k", message_id="<k@x>", language="en",
        in_place_of=message,
    )  # fmt: skip
    return message


def page(message: Message) -> str:
    return reverse("admin:alerts_message_change", args=[message.pk])


def again(message: Message) -> str:
    return reverse("admin:alerts_message_again", args=[message.pk])


def test_a_dead_letter_shows_why_and_who_was_told_instead(administrator, dead):
    text = administrator.get(page(dead)).content.decode()
    assert "550 &lt;no such user&gt;" in text
    assert "naming the recipient" in text
    assert "instead@example.com" in text
    assert again(dead) in text


def test_sending_again_asks_first(administrator, dead):
    asked = administrator.get(again(dead))
    assert "this may be a second copy" in asked.content.decode()
    dead.refresh_from_db()
    assert dead.state == "dead"
    done = administrator.post(again(dead), follow=True)
    assert "It is on its way." in done.content.decode()
    assert again(dead) not in done.content.decode()
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("pending", 0)
    assert "neither given up nor waiting" in administrator.post(again(dead), follow=True).content.decode()


def test_a_viewer_may_not(opened, dead):
    viewer = opened("viewer")
    Message.objects.filter(pk=dead.pk).update(recipient="viewer@example.com")
    assert again(dead) not in viewer.get(page(dead)).content.decode()
    assert viewer.post(again(dead)).status_code == 403


def test_nobody_sends_what_is_not_theirs_to_see(opened, dead):
    buyer = opened("buyer")
    buyer.post(again(dead))
    dead.refresh_from_db()
    assert dead.state == "dead"
