"""Database constraints that several models share."""

from collections.abc import Sequence
from typing import Any

from django.db.models import CheckConstraint, F, Q

REFERENCE = r"^[A-Za-z0-9._:-]{1,64}$"
COUNTRY = r"^[A-Z]{2}$"


def well_formed(field: str, pattern: str, name: str) -> CheckConstraint:
    """The text matches the pattern, or is null."""
    return CheckConstraint(name=name, condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__regex": pattern}))


def countries(*fields: str, name: str) -> CheckConstraint:
    """Each is two capital letters, or null."""
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__regex": COUNTRY})
    return CheckConstraint(name=name, condition=condition)


def one_of(field: str, values: Sequence[str], name: str) -> CheckConstraint:
    """The text is one of the values, or null."""
    return CheckConstraint(name=name, condition=Q(**{f"{field}__isnull": True}) | Q(**{f"{field}__in": list(values)}))


def between(low: int, high: int | None, *fields: str, name: str) -> CheckConstraint:
    """Each number lies between the two, inclusive, or is null; `high` None is no upper bound."""
    condition = Q()
    for field in fields:
        inside: dict[str, Any] = {f"{field}__gte": low}
        if high is not None:
            inside[f"{field}__lte"] = high
        condition &= Q(**{f"{field}__isnull": True}) | Q(**inside)
    return CheckConstraint(name=name, condition=condition)


def in_order(first: str, last: str, name: str) -> CheckConstraint:
    """The last day is not before the first where both are given; one day alone is a period."""
    return CheckConstraint(
        name=name,
        condition=Q(**{f"{first}__isnull": True}) | Q(**{f"{last}__isnull": True}) | Q(**{f"{last}__gte": F(first)}),
    )
