"""How one is told of what can wait, over REST."""

import pytest

from alerts.models import DigestChoice

DIGESTS = "/api/v1/digests"
AT_ONCE = {"urgent": "at_once", "normal": "at_once", "review": "at_once", "closing": "at_once"}


@pytest.fixture
def viewer(caller):
    return caller("viewer", departments=("MAGNET",))


def faults(answer):
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


def test_everything_is_told_at_once_until_somebody_chooses_otherwise(viewer, caller):
    assert viewer.get(DIGESTS).json() == AT_ONCE
    answer = viewer.put(DIGESTS, {"review": "weekly", "closing": "daily"}, format="json")
    assert (answer.status_code, answer.json()) == (200, {**AT_ONCE, "review": "weekly", "closing": "daily"})
    answer = viewer.put(DIGESTS, {"urgent": "at_once", "review": None}, format="json")
    assert answer.json() == {**AT_ONCE, "review": "weekly", "closing": "daily"}
    assert viewer.get(DIGESTS).json() == answer.json()
    assert caller("buyer").get(DIGESTS).json() == AT_ONCE


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        # floors that nobody lowers
        ({"urgent": "daily"}, ("#/urgent", "invalid_choice")),
        ({"normal": "weekly"}, ("#/normal", "invalid_choice")),
        # what is no choice
        ({"review": "never"}, ("#/review", "invalid_choice")),
        ({"closing": 1}, ("#/closing", "not_a_string")),
        ({"reviews": "daily"}, ("#/reviews", "unknown_key")),
    ],
)
def test_what_is_no_choice_is_refused_by_its_place(viewer, body, fault):
    answer = viewer.put(DIGESTS, body, format="json")
    assert (answer.status_code, faults(answer)) == (400, {fault})
    assert not DigestChoice.objects.exists()


def test_nobody_without_a_log_in(client, db):
    assert client.get(DIGESTS).status_code == 401
