"""The mail of an escalation: what nobody has acknowledged, who was told of it, and why it comes to the reader now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alerts.acknowledging import link
from alerts.mail import words
from alerts.mail.listing import ListedFlag, columns, listed_flag
from alerts.mail.plain import one_line
from alerts.mail.render import Rendered, page, plain
from alerts.mail.tidings import Figures
from alerts.models import Message, Step
from alerts.portfolio import calendar
from alerts.recipients import Capacity
from contracts.models import Contract

ROWS = 200
"""Flags listed in one mail, the most urgent first; more are counted."""
REASONS = 10
"""People named who did not acknowledge; more are counted."""

BECAUSE = {
    Step.OWNER: gettext_lazy("You receive this as the owner: %(told)s was told and has not acknowledged it in time."),
    Step.DEPUTY: gettext_lazy("You receive this as the deputy: %(told)s was told and has not acknowledged it in time."),
    Step.HEAD: gettext_lazy(
        "You receive this as the head of the department: %(told)s was told and has not acknowledged it in time."
    ),
    Step.COMPLIANCE: gettext_lazy(
        "Compliance receives this because %(told)s was told and has not acknowledged it in time."
    ),
}


@dataclass(frozen=True, slots=True)
class EscalationLetter:
    subject: str
    headline: str
    request: str
    because: Sequence[str]
    rows: Sequence[ListedFlag]
    more: int
    acknowledge: str
    link: str


def write(message: Message) -> Rendered:
    """The mail in the message's language. Nothing of it that comes from outside could defeat it."""
    if message.at is None:
        raise ValueError("the message speaks of no instant")
    with translation.override(message.language):
        letter = _letter(message, calendar(message.at).today)
        return Rendered(
            letter.subject, plain("escalation", letter=letter), page("escalation", letter=letter, columns=columns())
        )


def _letter(message: Message, today: date) -> EscalationLetter:
    figures = Figures.of(message)
    if figures.first is None:
        raise ValueError("an escalation tells of flags that are open")
    told = _told(message)
    rows = _rows(message, today)
    said = {
        "contracts": _contracts(figures.contracts) if figures.contracts > 1 else rows[0].reference,
        "told": told[0] if len(told) == 1 else _people(len(told)),
        "due": words.due(figures.first, today),
    }
    return EscalationLetter(
        subject=one_line(_("Not acknowledged by %(told)s: %(contracts)s. Act: %(due)s") % said, 200),
        headline=_("Nobody has taken this up: %(contracts)s. Told without an answer: %(told)s. Act: %(due)s.") % said,
        request=_("Please acknowledge that you have seen it and take care of it, or see to it that somebody does."),
        because=_because(message),
        rows=rows,
        more=figures.told - len(rows),
        acknowledge=link(message),
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
    )


def _contracts(number: int) -> str:
    return ngettext("%(number)d contract", "%(number)d contracts", number) % {"number": number}


def _people(number: int) -> str:
    return ngettext("%(number)d person", "%(number)d people", number) % {"number": number}


def _told(message: Message) -> list[str]:
    """Who had been told and did not acknowledge, also where the message stands in for another."""
    while message.in_place_of is not None:
        message = message.in_place_of
    people = message.escalations.order_by("unacknowledged_by").values_list("unacknowledged_by", flat=True).distinct()
    return [one_line(address, 100) for address in people]


def _because(message: Message) -> list[str]:
    said = [because for step, told in message.capacities if (because := _one_because(step, told))]
    more = len(said) - REASONS
    if more <= 0:
        return said
    rest = ngettext("The same holds of %(number)d more person.", "The same holds of %(number)d more people.", more)
    return [*said[:REASONS], rest % {"number": more}]


def _one_because(step: str, told: str | None) -> str | None:
    if told and step in BECAUSE:
        return str(BECAUSE[Step(step)]) % {"told": one_line(told, 100)}
    return words.received_because(cast(Capacity, step), told)


def _rows(message: Message, today: date) -> list[ListedFlag]:
    reference = Contract.objects.filter(pk=OuterRef("flag__contract_id")).values("reference")
    events = message.told().annotate(reference=Subquery(reference)).order_by("act_by", "reference", "flag_id")
    told = list(events.select_related("flag").prefetch_related("flag__measure__change")[:ROWS])
    contracts = Contract.objects.prefetch_related("supplier").in_bulk({event.flag.contract_id for event in told})
    return [listed_flag(event.flag, event, contracts.get(event.flag.contract_id), today) for event in told]
