"""A person logs in, sees the day's work, opens a flag, and reads why: on a desk and on a telephone."""

import pytest

from tests.browser.conftest import log_in


@pytest.mark.slow
def test_from_log_in_to_the_reasons_of_a_flag(page, server):
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    log_in(page, server)
    page.goto(f"{server}/admin/alerts/flag/?q=MAG-2024-NDPR-01")
    page.click("text=MAG-2024-NDPR-01")
    page.wait_for_selector("h2:has-text('Why')")
    assert page.locator("text=state control of the supplier").count() == 1
    assert page.locator("text=352,800,000 JPY").count() >= 1
    page.click("a:text-is('message')")
    mail = page.frame_locator("iframe.tocsin-mail")
    mail.locator("text=MAG-2024-NDPR-01").first.wait_for()
    page.set_viewport_size({"width": 420, "height": 900})
    for address in ("/admin/", "/admin/alerts/flag/", "/admin/contracts/contract/", "/admin/policies/policychange/"):
        page.goto(server + address)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, address
    assert wrong == []
