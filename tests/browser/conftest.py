"""A real browser on a real server; left out only where no Chromium is installed."""

import shutil
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, sync_playwright

from alerts import delivery, messages
from people import clock
from people.models import User
from tests.january import MORNING, SCENARIO

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


PASSWORD = "correct horse battery staple"


@pytest.fixture
def server(live_server, settings) -> str:
    """The address of a server on the January scenario, with an administrator."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    settings.CLOCK_START, settings.CLOCK_STARTED_REAL = MORNING, time.time()
    call_command("load", str(SCENARIO), stdout=StringIO())
    messages.compose(at=clock.now())
    delivery.deliver(at=clock.now())
    User.objects.create_user("buyer@example.com", PASSWORD, roles=["administrator"])
    return str(live_server.url)


@pytest.fixture
def page(server) -> Iterator[Page]:
    """After the server: Playwright keeps an event loop in this thread, and Django would open a second connection."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
        browser.close()


def log_in(page: Page, server: str) -> None:
    """Up to the first page."""
    page.goto(f"{server}/admin/")
    page.fill("input[name=username]", "buyer@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("text=Open flags, the most urgent first")
