"""Who calls the REST interface in the tests, and the scenario they find."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from people.models import Department, User
from tests.january import january, january_loaded

__all__ = ["january", "january_loaded"]

Caller = Callable[..., APIClient]


@pytest.fixture
def caller(january) -> Caller:
    """A client signed in as a new user with the roles, who belongs to the departments."""

    def signed_in(*roles: str, departments: tuple[str, ...] = ()) -> APIClient:
        user = User.objects.create_user(f"{'-'.join(roles) or 'nobody'}@example.com", roles=list(roles))
        user.departments.set(Department.objects.filter(reference__in=departments))
        client = APIClient()
        client.force_authenticate(user)
        return client

    return signed_in


@pytest.fixture
def administrator(caller) -> APIClient:
    return caller("administrator")
