"""Messages over REST: what became of every attempt, and one that was given up sent again."""

import pytest
from django.utils import timezone

from alerts.models import Message, MessageAttempt
from people.models import User
from people.row_security import seen_by


@pytest.fixture
def dead(january) -> Message:
    """The first message, given up at its only attempt."""
    message = Message.objects.order_by("id").first()
    assert message is not None
    moment = timezone.now()
    MessageAttempt.objects.create(
        message=message,
        number=1,
        token="6f1c1d0e-0000-4000-8000-000000000001",
        ended_at=moment,
        stage="rcpt",
        fate="refused",
        answer="550 5.1.1 no such user",
    )
    Message.objects.filter(pk=message.pk).update(
        state="dead", attempts=1, stage="rcpt", unanswered=1, deferred_since=moment
    )
    return message


def test_a_message_tells_of_every_attempt(administrator, dead):
    shown = administrator.get(f"/api/v1/messages/{dead.pk}").json()
    (attempt,) = shown["log"]
    assert {name: attempt[name] for name in ("number", "stage", "fate", "answer")} == {
        "number": 1,
        "stage": "rcpt",
        "fate": "refused",
        "answer": "550 5.1.1 no such user",
    }
    assert shown["in_place_of"] is None


def test_one_that_was_given_up_is_sent_again(administrator, dead):
    answer = administrator.post(f"/api/v1/messages/{dead.pk}/again")
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["attempts"]) == ("pending", 0)
    dead.refresh_from_db()
    assert (dead.unanswered, dead.deferred_since) == (0, None)
    assert dead.again_by is not None
    assert dead.again_by.email == "administrator@example.com"
    assert dead.again_at is not None
    assert Message.objects.due().filter(pk=dead.pk).exists()
    assert administrator.post(f"/api/v1/messages/{dead.pk}/again").status_code == 409


@pytest.mark.parametrize("state", ["pending", "withheld", "sent"])
def test_nothing_else_is(administrator, dead, state):
    moment = timezone.now()
    Message.objects.filter(pk=dead.pk).update(state=state, sent_at=moment, rendered_at=moment)
    assert administrator.post(f"/api/v1/messages/{dead.pk}/again").status_code == 409
    dead.refresh_from_db()
    assert dead.state == state


def test_only_what_one_sees_and_only_with_a_role(caller, dead):
    buyer = caller("buyer", departments=("SEMICON",))
    Message.objects.filter(pk=dead.pk).update(recipient="somebody@example.com")
    assert buyer.post(f"/api/v1/messages/{dead.pk}/again").status_code == 404
    Message.objects.filter(pk=dead.pk).update(recipient="buyer@example.com")
    assert buyer.post(f"/api/v1/messages/{dead.pk}/again", {"x": 1}, format="json").status_code == 400
    assert buyer.post(f"/api/v1/messages/{dead.pk}/again").status_code == 202
    viewer = caller("viewer")
    Message.objects.filter(pk=dead.pk).update(recipient="viewer@example.com", state="dead")
    assert viewer.post(f"/api/v1/messages/{dead.pk}/again").status_code == 403
    assert viewer.get(f"/api/v1/messages/{dead.pk}").status_code == 200


def test_what_was_withheld_is_not_there_for_its_recipient(caller, administrator, dead):
    reader = caller("viewer")
    Message.objects.filter(pk=dead.pk).update(recipient="viewer@example.com", text="C-1 of another department")
    assert b"C-1 of another department" in reader.get(f"/api/v1/messages/{dead.pk}").content
    Message.objects.filter(pk=dead.pk).update(state="withheld")
    assert reader.get(f"/api/v1/messages/{dead.pk}").status_code == 404
    assert reader.get("/api/v1/messages").json()["results"] == []
    assert administrator.get(f"/api/v1/messages/{dead.pk}").status_code == 200


def test_nor_does_the_database_show_it(caller, dead):
    caller("viewer")
    Message.objects.filter(pk=dead.pk).update(recipient="viewer@example.com")
    reader = User.objects.get(email="viewer@example.com")
    with seen_by(reader):
        assert Message.objects.filter(pk=dead.pk).exists()
    Message.objects.filter(pk=dead.pk).update(state="withheld")
    with seen_by(reader):
        assert not Message.objects.filter(pk=dead.pk).exists()
