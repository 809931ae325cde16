"""The words for critical dates: what each is, and what there is to do about it."""

from collections.abc import Mapping
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alerts.mail.words import day
from alerts.models.reminders import Meaning
from contracts.stage import RENEWS_BY_ITSELF

WHAT: Mapping[str, Promise | str] = {
    Meaning.NOTICE_DEADLINE: gettext_lazy("last day for notice"),
    Meaning.EXPIRY: gettext_lazy("the term ends"),
    Meaning.LAST_DELIVERY: gettext_lazy("last delivery"),
    Meaning.SUSPENSION_END: gettext_lazy("last day of the suspension"),
    Meaning.TAKES_EFFECT: gettext_lazy("the measure takes effect"),
    Meaning.LICENCE_END: gettext_lazy("last day of the licence"),
    Meaning.DISMISSAL_END: gettext_lazy("last day of the dismissal"),
    "effective": gettext_lazy("the contract takes effect"),
    "termination": gettext_lazy("the termination takes effect"),
}
STEP: Mapping[str, Promise | str] = {
    Meaning.LAST_DELIVERY: gettext_lazy("See that what is still open arrives by then, or agree on another day."),
    Meaning.SUSPENSION_END: gettext_lazy(
        "The measure may bite again from the next day on. Plan as if it did, unless a prolongation is published."
    ),
    Meaning.TAKES_EFFECT: gettext_lazy("What has to be signed or delivered without it must be so before that day."),
    Meaning.LICENCE_END: gettext_lazy("Ask the supplier in time for a licence that covers later deliveries."),
    Meaning.DISMISSAL_END: gettext_lazy("After that day the flag opens again. Look whether its reason still holds."),
    "effective": "",
    "termination": gettext_lazy("Nothing is delivered from that day on."),
}
PRESUMED = gettext_lazy(
    "It has renewed by itself, and how long its terms are is not recorded: this day is reckoned with terms of a year"
    " at most. Check it against the contract."
)


def step(meaning: str, renewal: str | None, on: date) -> str:
    """What to do, by the contract's renewal where that matters."""
    if meaning == Meaning.NOTICE_DEADLINE:
        return _notice(renewal, on)
    if meaning == Meaning.EXPIRY:
        return _expiry(renewal)
    return str(STEP[meaning])


def _notice(renewal: str | None, on: date) -> str:
    if renewal in RENEWS_BY_ITSELF:
        said = _("It renews by itself: to prevent that, give notice by %(day)s.")
    elif renewal == "option":
        said = _("To renew it, say so by %(day)s.")
    else:
        said = _(
            "Whether it renews by itself is not recorded: find out, and if it does, give notice by %(day)s or not."
        )
    return said % {"day": day(on)}


def _expiry(renewal: str | None) -> str:
    if renewal == "none":
        return _("It ends then. Conclude another one in time if the goods are still needed.")
    if renewal in RENEWS_BY_ITSELF:
        return _("It renews by itself unless notice was given.")
    if renewal == "option":
        return _("It ends then unless it is renewed.")
    return _("It ends then, as far as is recorded; whether it renews is not.")


def left(days: int) -> str:
    """How far a day is ahead."""
    if days == 0:
        return _("today")
    return ngettext("in %(number)d day", "in %(number)d days", days) % {"number": days}


def dates(number: int) -> str:
    return ngettext("%(number)d date", "%(number)d dates", number) % {"number": number}
