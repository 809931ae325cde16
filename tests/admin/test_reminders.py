"""One's own calendar and the stages of a contract's reminders in the admin."""

from django.urls import reverse

from alerts.models import CalendarKey, ReminderStages
from contracts.models import Contract
from people.models import User
from tests.admin.test_saving import form_of

PAGE = "admin:contracts_contract_calendar"
MAKE = "admin:contracts_contract_make"
REVOKE = "admin:contracts_contract_revoke"


def test_everybody_makes_and_revokes_their_own_address(opened, client):
    viewer, other = opened("viewer", departments=("MAGNET",)), opened("buyer")
    assert "has no address yet" in viewer.get(reverse(PAGE)).content.decode()
    page = viewer.post(reverse(MAKE))
    assert "no-store" in page["Cache-Control"]
    url = page.context["url"]
    assert url in page.content.decode()
    assert CalendarKey.objects.get().user == User.objects.get(email="viewer@example.com")
    assert client.get(url[url.index("/calendar/") :]).status_code == 200
    text = viewer.get(reverse(PAGE)).content.decode()
    assert "has had its address since" in text
    assert url not in text
    other.post(reverse(REVOKE))
    assert client.get(url[url.index("/calendar/") :]).status_code == 200
    assert viewer.post(reverse(REVOKE)).status_code == 302
    assert client.get(url[url.index("/calendar/") :]).status_code == 404
    assert viewer.get(reverse(MAKE)).status_code == 405


def test_the_stages_of_one_contract_are_set_on_its_page(opened):
    buyer = opened("buyer", departments=("MAGNET",))
    contract = Contract.objects.get(reference="MAG-2025-DY-27")
    address = reverse("admin:contracts_contract_change", args=[contract.pk])
    assert "where they differ from 90, 60, 30, 7 days ahead" in buyer.get(address).content.decode()
    row = {"reminder_stages-TOTAL_FORMS": 1, "reminder_stages-0-contract": contract.pk}

    def saved(**days: str) -> int:
        sent = {**form_of(buyer, address), **row}
        return buyer.post(
            address, sent | {f"reminder_stages-0-{name}": said for name, said in days.items()}
        ).status_code

    assert saved(days="1, 45, 1") == 302
    assert ReminderStages.objects.get().days == [45, 1]
    assert saved(days="731") == 200
    assert saved(days="soon") == 200
    assert saved(days="") == 302
    assert ReminderStages.objects.get().days == []
    assert saved(days="", DELETE="on") == 302
    assert not ReminderStages.objects.exists()
