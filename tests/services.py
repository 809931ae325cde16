"""pytest plugin: starts the embedded services before anything needs them and lets them go when the session ends.

It is named in pyproject's `addopts`, for pytest-django reads the settings before any conftest.py is loaded. Tests have
a state directory of their own below the checkout's, so that they neither see nor ring a running `make run`. With xdist
the controller holds the lease; its workers find the same places through the environment. With DATABASE_URL and
REDIS_URL in the environment nothing is started.
"""

import os

import pytest
from django.conf import settings

from config.embedded.lease import Lease, take
from config.embedded.places import CHECKOUT, EmbeddedError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault(
    "DATABASE_IDLE_SECONDS", "0"
)  # fixtures of a package keep a transaction open for as long as it takes
for _quota in (
    "REQUESTS_PER_MINUTE",
    "REQUESTS_PER_MINUTE_PER_ADDRESS",
    "LOGIN_ATTEMPTS",
    "LOGIN_ATTEMPTS_PER_ADDRESS",
):
    os.environ.setdefault(_quota, "0")  # what tests them sets them
if "TOCSIN_TEST_RUN" not in os.environ:  # the controller, or a run without xdist
    os.environ["TOCSIN_TEST_RUN"] = str(os.getpid())
    os.environ["TOCSIN_STATE"] = os.path.join(os.environ.get("TOCSIN_STATE") or CHECKOUT / ".tocsin", "tests")
    os.environ.setdefault("TOCSIN_EMBEDDED", "1")
    os.environ.setdefault("LOG_LEVEL", "WARNING")

_lease = pytest.StashKey[Lease]()


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly or not settings.EMBEDDED_SERVICES:
        return
    try:
        config.stash[_lease] = take(settings.EMBEDDED_PLACES)
    except EmbeddedError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    if lease := config.stash.get(_lease, None):
        lease.give_up()
