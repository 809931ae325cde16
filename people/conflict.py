"""The answer to what cannot be done now: how things stand does not allow it."""

from rest_framework.exceptions import APIException


class Conflict(APIException):
    """409; `members` are added to the problem document."""

    status_code = 409
    default_code = "conflict"

    def __init__(self, detail: str, **members: int) -> None:
        super().__init__(detail)
        self.members = members
