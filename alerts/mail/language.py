"""The language a mail is written in."""

from people.models import User

WRITTEN = ("en",)
"""Languages in which every phrase of a mail exists; half a translation is worse than none."""


def language_of(user: User | None) -> str:
    return user.language if user and user.language in WRITTEN else WRITTEN[0]
