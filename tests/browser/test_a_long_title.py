"""Somebody pastes what no title should be into a contract's form: it is kept as it is, and harms no page."""

import os

import pytest

from alerts.models import Flag
from contracts.models import Contract
from tests.browser.conftest import log_in

TITLE = "<script>alert(1)</script><img src=x onerror=alert(1)> \u202eetelbissop\u202c {{ 7 }} 🧲 " + "長" * 5000


@pytest.fixture
def places(server):
    """Of the contract and its flag; asked before the browser is there, whose thread has an event loop."""
    contract = Contract.objects.get(reference="MAG-2024-NDPR-01")
    flag = Flag.objects.filter(contract=contract).earliest("pk")
    return f"contracts/contract/{contract.pk}/change/", f"alerts/flag/{flag.pk}/change/"


@pytest.mark.slow
def test_a_hostile_title_of_5000_characters(places, page, server):
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    log_in(page, server)
    page.goto(f"{server}/admin/{places[0]}")
    page.fill("[name=title]", TITLE)
    page.click("[name=_continue]")
    page.wait_for_selector("text=was changed successfully")
    page.goto(f"{server}/admin/{places[0]}")
    assert page.input_value("[name=title]") == TITLE
    for width in (1440, 420):
        page.set_viewport_size({"width": width, "height": 900})
        for address in (
            "contracts/contract/?q=MAG-2024-NDPR-01",
            *places,
            "alerts/flag/?q=MAG-2024-NDPR-01",
            "",
        ):
            page.goto(f"{server}/admin/{address}")
            assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, address
            assert page.locator("img[src=x]").count() == 0
            if place := os.environ.get("SHOTS"):
                page.screenshot(path=f"{place}/{width}-{address.replace('/', '_').replace('?', '_')}.png")
    assert wrong == []
