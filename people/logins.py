"""Log-in with a password, slowed down per account and per address at every door, whether or not the account exists.

Django hashes once for an account that is not there, that is inactive or that has no password: how long the answer takes
tells nothing either.
"""

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from people.models import User
from people.throttles import Quota, address, give_back, refuse, spend

WINDOW = 5 * 60


class ThrottledBackend(ModelBackend):
    """Raises Throttled (rest_framework) for too many attempts. One that succeeds gives the account its quota back."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is None or username is None:
            return super().authenticate(request, username, password, **kwargs)
        account = Quota("login", settings.LOGIN_ATTEMPTS, WINDOW)
        who = sha256(User.objects.normalize_email(username).encode("utf-8", "replace")).hexdigest()
        refuse(spend(Quota("login-address", settings.LOGIN_ATTEMPTS_PER_ADDRESS, WINDOW), address(request)))
        refuse(spend(account, who))
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            give_back(account, who)
        return user
