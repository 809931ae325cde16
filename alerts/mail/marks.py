"""How a language joins words: labels, lists, clauses and sentences."""

from collections.abc import Iterable
from functools import reduce

from django.utils.translation import pgettext

from alerts.mail.language import gettext as _


def capital(text: str) -> str:
    """As a line begins."""
    return text[:1].upper() + text[1:]


def labelled(label: object, said: object) -> str:
    """`Supplier: Ganjiang`."""
    return _("%(label)s: %(said)s") % {"label": label, "said": said}


def listed(parts: Iterable[str]) -> str:
    return pgettext("between things that are listed", ", ").join(parts)


def either(parts: Iterable[str]) -> str:
    return pgettext("between alternatives", " or ").join(parts)


def clauses(parts: Iterable[str]) -> str:
    return pgettext("between clauses", "; ").join(parts)


def sentences(parts: Iterable[str]) -> str:
    """One after the other; those that are empty are left out."""
    said = [part for part in parts if part]
    return reduce(lambda one, following: _("%(one)s %(next)s") % {"one": one, "next": following}, said) if said else ""
