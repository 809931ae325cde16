"""The language a mail is written in, and phrases remembered in each."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as looked_up

from people.models import User

WRITTEN = ("en", "ja", "zh-hans")
"""Languages in which every phrase of a mail exists; half a translation is worse than none."""
REMEMBERED = 10_000
"""Phrases of a kind."""
Arguments = ParamSpec("Arguments")


def language_of(user: User | None) -> str:
    """The reader's own; MAIL_LANGUAGE for who has none, and for mailboxes, whose readers nobody knows."""
    return user.language if user and user.language in WRITTEN else str(settings.MAIL_LANGUAGE)


def remembered(phrase: Callable[Arguments, str]) -> Callable[Arguments, str]:
    """The phrase, made once per language for the same hashable arguments: rows of a mail repeat each other."""

    @lru_cache(REMEMBERED)
    def in_language(language: str | None, *args: Any, **kwargs: Any) -> str:
        return phrase(*args, **kwargs)

    @wraps(phrase)
    def said(*args: Arguments.args, **kwargs: Arguments.kwargs) -> str:
        return in_language(get_language(), *args, **kwargs)  # type: ignore[arg-type]  # hashable, as said

    return said


gettext = remembered(looked_up)
"""Django's own looks through all its catalogues every time, and a mail has hundreds of phrases."""
