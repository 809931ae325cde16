"""The page on which everybody chooses how they are told."""

from django.urls import reverse

from alerts.models import DigestChoice
from people.models import User

PAGE = "admin:alerts_message_digests"


def test_everybody_chooses_for_themselves(opened):
    viewer = opened("viewer", departments=("MAGNET",))
    page = viewer.get(reverse(PAGE))
    assert page.status_code == 200
    assert {name: page.context["form"].initial[name] for name in ("normal", "review", "closing")} == {
        "normal": "at_once",
        "review": "at_once",
        "closing": "at_once",
    }
    said = {"normal": "daily", "review": "weekly", "closing": "weekly"}
    assert viewer.post(reverse(PAGE), said).status_code == 302
    kept = DigestChoice.objects.get()
    assert (kept.user, kept.normal, kept.review, kept.closing) == (
        User.objects.get(email="viewer@example.com"),
        "daily",
        "weekly",
        "weekly",
    )


def test_the_floors_are_not_to_be_chosen(opened):
    viewer = opened("viewer", departments=("MAGNET",))
    text = viewer.get(reverse(PAGE)).content.decode()
    assert "What is urgent is told at once" in text
    answer = viewer.post(reverse(PAGE), {"normal": "weekly", "review": "weekly", "closing": "weekly"})
    assert answer.status_code == 200
    assert "normal" in answer.context["form"].errors
    assert not DigestChoice.objects.exists()
