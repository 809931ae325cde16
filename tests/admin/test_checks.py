"""Checks in the admin: listed for their owners and departments, shown whole, changed by nobody."""

import pytest
from django.urls import reverse

from alerts.checks import asking, releasing
from alerts.checks.rounds import look_again
from alerts.models import Check
from people import clock
from people.models import User
from tests.checks.conftest import document

LIST = "admin:alerts_check_changelist"


@pytest.fixture
def check(january):
    asker = User.objects.create_user("erp@example.com", roles=["administrator"])
    boss = User.objects.create_user("boss@example.com", roles=["policy_publisher"])
    sent = document(supplier="CHIXIA-RE", buyer="AOM-DENKI", department="MAGNET", title="<b>Magnets</b>")
    at = clock.now()
    asking.answer({"documents": [sent]}, by=asker, at=at)
    check = Check.objects.get()
    releasing.release(check, reason="accepted_risk", text="The board knows", expires_on=at.date(), by=boss, at=at)
    look_again(at=at)
    return check


def page(client, check):
    return client.get(reverse("admin:alerts_check_change", args=[check.pk]))


def test_its_page_has_the_document_the_receipt_the_turns_and_the_releases(administrator, check):
    text = page(administrator, check).content.decode()
    for words in (
        check.receipt,
        "cleared by a person",
        "The board knows",
        "&lt;b&gt;Magnets&lt;/b&gt;",
        "erp@example.com",
    ):
        assert words in text
    assert (
        administrator.post(reverse("admin:alerts_check_change", args=[check.pk]), {"stands": "clear"}).status_code
        == 403
    )


@pytest.mark.parametrize(("department", "seen"), [("MAGNET", True), ("SEMICON", False)])
def test_a_buyer_sees_those_of_the_own_departments(opened, check, department, seen):
    buyer = opened("buyer", departments=(department,))
    assert ("PO-1" in buyer.get(reverse(LIST)).content.decode()) is seen
    assert (page(buyer, check).status_code == 200) is seen
