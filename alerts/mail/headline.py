"""The subject of a mail and its first line, which say it all: what happened to which contracts, and by when to act."""

from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alerts.mail import words
from alerts.mail.marks import capital, labelled, listed, sentences
from alerts.mail.plain import one_line
from alerts.mail.tidings import Figures, News, Tidings


def subject(name: str, tidings: Tidings, today: date) -> str:
    """The deadline, the contracts and what is up with them; last by which measure, for it may be long."""
    figures = tidings.figures
    if tidings.concluded:
        named = _named(tidings.concluded[0], figures.concluded_contracts)
        concluded = _("Concluded in spite of an open flag: %(contracts)s (%(name)s)")
        return one_line(concluded % {"contracts": named, "name": name}, 200)
    if figures.first is None:
        named = _named(tidings.closed[0], figures.closed_contracts)
        return one_line(_("No longer flagged: %(contracts)s (%(name)s)") % {"contracts": named, "name": name}, 200)
    act = _("Review and act %(deadline)s") if figures.doubtful else _("Act %(deadline)s")
    said = {
        "act": act % {"deadline": words.deadline(figures.first, today)},
        "what": _what(tidings),
        "name": name if figures.basis == "in_force" else labelled(words.BASIS[figures.basis], name),
    }
    return one_line(_("%(act)s: %(what)s (%(name)s)") % said, 200)


def first_line(name: str, authority: str, tidings: Tidings, today: date) -> str:
    """The same in sentences, with who says so and whether it is certain."""
    figures = tidings.figures
    who = _("%(what)s (%(more)s)") % {"what": name, "more": authority} if authority else name
    if tidings.concluded:
        named = _named(tidings.concluded[0], figures.concluded_contracts)
        concluded = _("%(contracts)s: concluded in spite of an open flag under %(who)s.")
        return sentences(
            [
                capital(concluded % {"contracts": named, "who": who}),
                _("Settle with compliance at once whether that can stand."),
                _flagged(who, tidings, today) if tidings.told else "",
            ]
        )
    if figures.first is None:
        named = _named(tidings.closed[0], figures.closed_contracts)
        said = {"contracts": named, "who": who}
        return capital(_("%(contracts)s: no longer flagged under %(who)s. Nothing needs to be done.") % said)
    return _flagged(who, tidings, today)


def _flagged(who: str, tidings: Tidings, today: date) -> str:
    figures = tidings.figures
    what = {"what": _what(tidings), "who": who, "basis": words.BASIS[figures.basis]}
    deadline = words.deadline(figures.first or today, today)
    return sentences(
        [
            capital(_("%(what)s under %(who)s: %(basis)s.") % what),
            _("Act %(deadline)s.") % {"deadline": deadline},
            _doubts(figures),
        ]
    )


def _named(first: News, contracts: int) -> str:
    """One contract by its reference, several by their number."""
    if contracts == 1:
        return _("contract %(reference)s") % {"reference": first.reference}
    return ngettext("%(number)d contract", "%(number)d contracts", contracts) % {"number": contracts}


def _what(tidings: Tidings) -> str:
    """`contract C-1 may be terminated`; `3 contracts affected: 2 may be terminated, 1 needs an export licence`."""
    contracts, kinds = tidings.figures.contracts, tidings.figures.kinds
    if contracts == 1:
        said = pgettext("between what holds of a contract", " and ").join(str(words.KINDS[kind]) for kind in kinds)
        return _("%(contract)s %(kinds)s") % {"contract": _named(tidings.told[0], 1), "kinds": said}
    if len(kinds) == 1:
        return words.of_kind(min(kinds), contracts)
    parts = listed(words.among(kind, number) for kind, number in kinds.items())
    return _("%(contracts)s affected: %(kinds)s") % {"contracts": _named(tidings.told[0], contracts), "kinds": parts}


def _doubts(figures: Figures) -> str:
    if not figures.in_review:
        return ""
    if figures.doubtful:
        return _("This is not certain: please review it.")
    return ngettext(
        "%(number)d contract is not certain: please review it.",
        "%(number)d contracts are not certain: please review them.",
        figures.in_review,
    ) % {"number": figures.in_review}
