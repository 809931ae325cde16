"""What every test has: its own migrated database, used as the unprivileged role."""

import os
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

from alerts.pinning import pinning
from alerts.resident import resident
from tests import databases

# Of Hypothesis: the normal run is short; HYPOTHESIS_PROFILE=thorough searches for minutes. No test fails by the clock.
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]
settings.register_profile("normal", max_examples=300, deadline=None, suppress_health_check=QUIET)
settings.register_profile("thorough", max_examples=4_000, deadline=None, suppress_health_check=QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))


@pytest.fixture(scope="session")
def django_db_setup(request, django_test_environment, django_db_blocker) -> Iterator[None]:
    """In place of pytest-django's: see tests/databases.py."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "alone")
    with django_db_blocker.unblock():
        databases.create(worker)
    yield
    with django_db_blocker.unblock():
        databases.drop()


@pytest.fixture(autouse=True)
def _nothing_pinned() -> None:
    """A database that is emptied between tests is nothing that happens to a process."""
    pinning.forget()
    resident.forget()


@pytest.fixture
def database_url(transactional_db) -> str:
    """This process's test database as the unprivileged role, for tests that start processes of their own."""
    place = connection.settings_dict
    who = f"{quote(place['USER'])}:{quote(place['PASSWORD'], safe='')}"
    return f"postgresql://{who}@:{place['PORT']}/{place['NAME']}?host={place['HOST']}"
