"""Who asks: the signed-in user behind a request, for doors that only signed-in users pass."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from people.models import Role, User


def principal(request: HttpRequest) -> User:
    """The user who asks; PermissionDenied where nobody is signed in."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        raise PermissionDenied
    return user


def has_role(request: HttpRequest, *roles: Role) -> bool:
    """Whether whoever asks is signed in with one of the roles."""
    user = request.user
    return isinstance(user, User) and user.is_active and user.has_role(*roles)


def is_administrator(request: HttpRequest) -> bool:
    return has_role(request, Role.ADMINISTRATOR)
