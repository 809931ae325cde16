"""Who opens the admin in the tests, and the scenario they find."""

import pytest
from django.test import Client

from people.models import Department, User
from tests.january import january, january_loaded

__all__ = ["january", "january_loaded"]


@pytest.fixture
def opened(january):
    """A browser signed in as a new user with the roles, who belongs to the departments."""

    def signed_in(*roles, departments=()):
        user = User.objects.create_user(f"{'-'.join(roles) or 'nobody'}@example.com", roles=list(roles))
        user.departments.set(Department.objects.filter(reference__in=departments))
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def administrator(opened):
    return opened("administrator")
