"""Kleene's three-valued logic: True, False, and None where a fact is not established."""

from collections.abc import Iterable

Truth = bool | None


def any_of(truths: Iterable[Truth]) -> Truth:
    """OR: true if any is true, otherwise unknown if any is unknown."""
    unknown = False
    for truth in truths:
        if truth:
            return True
        unknown = unknown or truth is None
    return None if unknown else False
