"""The January 2026 scenario, loaded, screened and put into messages once for a package of tests.

It lives in a transaction that is never committed; each test works in a savepoint of it.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings

from alerts import messages
from people import clock

SCENARIO = Path(__file__).parents[1] / "scenarios" / "january-2026.json"
MORNING = datetime.fromisoformat("2026-01-13T09:00:00+09:00")


@pytest.fixture(scope="package")
def january_loaded(django_db_setup, django_db_blocker) -> Iterator[None]:
    with (
        django_db_blocker.unblock(),
        override_settings(CLOCK_START=MORNING, CLOCK_STARTED_REAL=time.time()),
        transaction.atomic(),
    ):
        call_command("load", str(SCENARIO), stdout=StringIO())
        messages.compose(at=clock.now())
        yield
        transaction.set_rollback(True)


@pytest.fixture
def january(january_loaded, db) -> None:
    """The morning of 13 January 2026 in Tokyo."""
