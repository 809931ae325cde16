"""The words of a mail: kinds, certainty, basis, grades and next steps, said so that nobody needs a glossary."""

from datetime import date, datetime
from decimal import Decimal

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from alerts.mail.language import remembered
from alerts.mail.marks import labelled
from alerts.recipients import Capacity

KINDS = {
    "no_new_contracts": gettext_lazy("must not be signed or renewed"),
    "possible_termination": gettext_lazy("may be terminated"),
    "licence_required": gettext_lazy("needs an export licence"),
}
CERTAINTY = {
    "matched": gettext_lazy("certain"),
    "needs_review": gettext_lazy("not certain, please review"),
}
NEXT_STEP = {
    "no_new_contracts": gettext_lazy(
        "Do not sign, renew or call off before compliance has cleared it. Decide on another source %(deadline)s."
    ),
    "possible_termination": gettext_lazy(
        "Prepare another source %(deadline)s, for deliveries may end. Secure what is still open and read the"
        " clauses on termination and force majeure."
    ),
    "licence_required": gettext_lazy(
        "Ask the supplier %(deadline)s for an export licence that covers every delivery; plan no shipment without one."
    ),
}
BASIS = {
    "in_force": gettext_lazy("in force"),
    "reported": gettext_lazy("reported, not confirmed"),
    "announced": gettext_lazy("announced, not yet in force"),
    "resumption_unconfirmed": gettext_lazy("suspension runs out, resumption not confirmed"),
}
FORMALITY = {
    "official": gettext_lazy("This is a published instrument."),
    "oral": gettext_lazy("This was said by a spokesperson and is not published: it is reported, not confirmed."),
    "reported": gettext_lazy("This is reported, not confirmed: no authority has published it."),
    None: gettext_lazy("Whether this is a published instrument has not been established."),
}
STANCE = {
    "supports": gettext_lazy("supports it"),
    "contradicts": gettext_lazy("contradicts it"),
    "interprets": gettext_lazy("interprets it"),
    None: gettext_lazy("stance not established"),
}
RELIABILITY = {
    "A": gettext_lazy("source completely reliable"),
    "B": gettext_lazy("source usually reliable"),
    "C": gettext_lazy("source fairly reliable"),
    "D": gettext_lazy("source not usually reliable"),
    "E": gettext_lazy("source unreliable"),
    "F": gettext_lazy("reliability of the source cannot be judged"),
}
CREDIBILITY = {
    "1": gettext_lazy("confirmed by other sources"),
    "2": gettext_lazy("probably true"),
    "3": gettext_lazy("possibly true"),
    "4": gettext_lazy("doubtful"),
    "5": gettext_lazy("improbable"),
    "6": gettext_lazy("truth cannot be judged"),
}
AMOUNTS = {
    "CNY": gettext_lazy("CNY %(amount)s"),
    "EUR": gettext_lazy("EUR %(amount)s"),
    "JPY": gettext_lazy("JPY %(amount)s"),
    "USD": gettext_lazy("USD %(amount)s"),
}
"""Currencies that have a name of their own in every language; the others go by their code."""


def grade(reliability: str | None, credibility: str | None) -> str:
    """The Admiralty grade in words: `B3: source usually reliable, possibly true`."""
    if reliability is None and credibility is None:
        return _("not graded")
    source = RELIABILITY.get(reliability or "", _("reliability not graded"))
    content = CREDIBILITY.get(credibility or "", _("credibility not graded"))
    return labelled(
        f"{reliability or '?'}{credibility or '?'}",
        _("%(source)s, %(content)s") % {"source": source, "content": content},
    )


def of_kind(kind: str, contracts: int) -> str:
    """`2 contracts need an export licence`."""
    said = {
        "no_new_contracts": ngettext(
            "%(number)d contract must not be signed or renewed",
            "%(number)d contracts must not be signed or renewed",
            contracts,
        ),
        "possible_termination": ngettext(
            "%(number)d contract may be terminated", "%(number)d contracts may be terminated", contracts
        ),
        "licence_required": ngettext(
            "%(number)d contract needs an export licence", "%(number)d contracts need an export licence", contracts
        ),
    }
    return said[kind] % {"number": contracts}


def among(kind: str, number: int) -> str:
    """The same where the contracts have been counted: `2 need an export licence`."""
    said = {
        "no_new_contracts": ngettext(
            "%(number)d must not be signed or renewed", "%(number)d must not be signed or renewed", number
        ),
        "possible_termination": ngettext("%(number)d may be terminated", "%(number)d may be terminated", number),
        "licence_required": ngettext("%(number)d needs an export licence", "%(number)d need an export licence", number),
    }
    return said[kind] % {"number": number}


@remembered
def next_step(kind: str, certainty: str, basis: str, deadline: str) -> str:
    """What the reader must do, and by when (`deadline` in words)."""
    step = str(NEXT_STEP[kind]) % {"deadline": deadline}
    if certainty != "needs_review":
        return step
    if basis == "resumption_unconfirmed":
        return _("Nothing says whether the measure comes back after its suspension. Plan as if it did: %(step)s") % {
            "step": step
        }
    return _("First settle what is not established (below): it may clear the contract. Until then: %(step)s") % {
        "step": step
    }


@remembered
def renewal_step(renewal: str | None, deadline: date | None, today: date) -> str:
    """What else to do about a contract that may not be renewed, and does so by itself otherwise."""
    if renewal not in ("auto", "evergreen"):
        return ""
    if deadline is None or deadline < today:
        return _("It runs on by itself unless notice is given.")
    return _("It renews by itself: to prevent that, give notice by %(day)s.") % {"day": day(deadline)}


@remembered
def commitment(act: str, reference: str, on: date | None) -> str:
    """What was committed to under a flag, as it is reported; acts are those of alerts/concluding.py."""
    said = {"reference": reference, "day": day(on)}
    if act == "conclusion":
        return _("Reported as concluded on %(day)s.") % said
    if act == "call_off":
        return _("Call-off %(reference)s is reported as concluded on %(day)s.") % said
    if act == "amendment":
        return _("An amendment that increases quantity or term is reported; made on: %(day)s.") % said
    return _("It is reported to run on until %(day)s.") % said if on else _("It is reported to run on without end.")


@remembered
def day(when: date | None) -> str:
    """A day as the reader's language writes it: `13 January 2026`."""
    if when is None:
        return _("date not established")
    return formats.date_format(when, pgettext("date format", "j F Y"))


@remembered
def instant(when: datetime) -> str:
    """A moment in the zone it was stated in: `1 April 2024, 09:00 (UTC+09:00)`."""
    return _("%(day)s, %(time)s (UTC%(offset)s)") % {
        "day": day(when.date()),
        "time": f"{when:%H:%M}",
        "offset": when.isoformat()[-6:],
    }


@remembered
def deadline(act_by: date, today: date) -> str:
    """By when to act, as part of a sentence; a day that has begun or passed is at once."""
    if act_by <= today:
        return _("at once")
    return _("by %(day)s") % {"day": day(act_by)}


@remembered
def due(act_by: date, today: date) -> str:
    """The same standing alone, as in a column."""
    if act_by <= today:
        return pgettext("standing alone", "at once")
    return pgettext("standing alone", "by %(day)s") % {"day": day(act_by)}


@remembered
def number(amount: Decimal) -> str:
    """All digits, grouped as the reader's language does; a fraction without the zeros that end it."""
    places = max(0, -int(amount.normalize().as_tuple().exponent))
    return formats.number_format(amount, decimal_pos=places, use_l10n=True, force_grouping=True)


@remembered
def money(amount: Decimal | None, currency: str | None) -> str:
    """An exact amount with its currency as the reader's language puts it; whole amounts without decimals."""
    if amount is None or currency is None:
        return _("not established")
    places = 0 if amount == amount.to_integral_value() else max(2, -int(amount.normalize().as_tuple().exponent))
    digits = formats.number_format(amount, decimal_pos=places, use_l10n=True, force_grouping=True)
    return str(AMOUNTS.get(currency, _("%(currency)s %(amount)s"))) % {"currency": currency, "amount": digits}


def received_because(capacity: Capacity, owner: str | None) -> str | None:
    """Why somebody who does not own the contracts hears of them, in the owner's place; None for the owner."""
    if capacity == "owner":
        return None
    if capacity == "undelivered":
        return _("You receive this because the mail to %(owner)s could not be delivered.") % {"owner": owner}
    if capacity == "no_access":
        return _("You receive this because %(owner)s is no longer in charge of it.") % {"owner": owner}
    if capacity == "oversight":
        return _("Compliance receives this whenever something is concluded in spite of an open flag.")
    if capacity == "deputy":
        return _("You receive this as the deputy of %(owner)s, who is away.") % {"owner": owner}
    if capacity == "department":
        if owner:
            return _("The department receives this because %(owner)s is away.") % {"owner": owner}
        return _("The department receives this because nobody is recorded as owner of the contract.")
    if owner:
        return _("Compliance receives this because %(owner)s cannot be told, and no department.") % {"owner": owner}
    return _("Compliance receives this because neither an owner nor a department is recorded.")
