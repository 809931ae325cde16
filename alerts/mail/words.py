"""The words of a mail: kinds, certainty, basis, grades and next steps, said so that nobody needs a glossary."""

from datetime import date
from decimal import Decimal

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from alerts.recipients import Recipient

KINDS = {
    "no_new_contracts": gettext_lazy("must not be signed or renewed"),
    "possible_termination": gettext_lazy("may be terminated"),
    "licence_required": gettext_lazy("needs an export licence"),
}
CERTAINTY = {
    "matched": gettext_lazy("certain"),
    "needs_review": gettext_lazy("needs review: a fact is missing"),
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


def grade(reliability: str | None, credibility: str | None) -> str:
    """The Admiralty grade in words: `B3: source usually reliable, possibly true`."""
    if reliability is None and credibility is None:
        return _("not graded")
    source = RELIABILITY.get(reliability or "", _("reliability not graded"))
    content = CREDIBILITY.get(credibility or "", _("credibility not graded"))
    return f"{reliability or '?'}{credibility or '?'}: {source}, {content}"


def next_step(kind: str, certainty: str, deadline: str) -> str:
    """What the reader must do, and by when (`deadline` in words)."""
    steps = {
        "no_new_contracts": _(
            "Do not sign, renew or call off before compliance has cleared it; decide on another source %(deadline)s."
        ),
        "possible_termination": _(
            "Reckon with the end of deliveries: secure what is still open, read the clauses on termination and force"
            " majeure, prepare another source %(deadline)s."
        ),
        "licence_required": _(
            "Plan no shipment without an export licence that covers it; ask the supplier for one that covers every"
            " delivery %(deadline)s."
        ),
    }
    step = steps[kind] % {"deadline": deadline}
    if certainty == "needs_review":
        return _("First establish the missing fact, which may clear the contract. Until then: %(step)s") % {
            "step": step
        }
    return step


def day(when: date | None) -> str:
    """A day as the reader's language writes it: `13 January 2026`."""
    if when is None:
        return _("date not established")
    return formats.date_format(when, pgettext("date format", "j F Y"))


def deadline(act_by: date, today: date) -> str:
    """By when to act; a day that has begun or passed is at once."""
    if act_by <= today:
        return _("at once")
    return _("by %(day)s") % {"day": day(act_by)}


def money(amount: Decimal | None, currency: str | None) -> str:
    """An exact amount with its currency, grouped as the reader's language does; whole amounts without decimals."""
    if amount is None or currency is None:
        return _("not established")
    places = 0 if amount == amount.to_integral_value() else max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{currency} {formats.number_format(amount, decimal_pos=places, use_l10n=True, force_grouping=True)}"


def contracts(number: int) -> str:
    return ngettext("%(number)d contract", "%(number)d contracts", number) % {"number": number}


def received_because(to: Recipient) -> str | None:
    """Why somebody who does not own the contracts hears of them; None for the owner."""
    if to.capacity == "owner":
        return None
    if to.capacity == "deputy":
        return _("You receive this as the deputy of %(owner)s, who is away.") % {"owner": to.owner}
    if to.capacity == "department":
        if to.owner:
            return _("The department receives this because %(owner)s is away.") % {"owner": to.owner}
        return _("The department receives this because nobody is recorded as owner of the contract.")
    if to.owner:
        return _("Compliance receives this because %(owner)s cannot be told, and no department.") % {"owner": to.owner}
    return _("Compliance receives this because neither an owner nor a department is recorded.")
