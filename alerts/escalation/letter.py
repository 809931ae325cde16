"""The mail of an escalation: what nobody has acknowledged, who was told of it, and why it comes to the reader now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

import css_inline
from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alerts.acknowledging import link
from alerts.mail import words
from alerts.mail.marks import labelled
from alerts.mail.plain import one_line
from alerts.mail.render import Rendered
from alerts.mail.rows import labels
from alerts.mail.tidings import Figures, News
from alerts.models import Flag, FlagEvent, Message, Step
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
class Row:
    """A flag in the table."""

    reference: str
    title: str
    supplier: str
    change: str
    kind: str
    certainty: str
    basis: str
    exposure: str
    act_by: str
    url: str

    @property
    def said(self) -> list[str]:
        """The same as lines of text."""
        shown = labels()
        return [
            labelled(shown["supplier"], self.supplier),
            labelled(_("Policy change"), self.change),
            labelled(shown["what"], self.kind),
            labelled(shown["certainty"], self.certainty),
            labelled(shown["basis"], self.basis),
            labelled(shown["exposure"], self.exposure),
            labelled(shown["act_by"], self.act_by),
        ]


@dataclass(frozen=True, slots=True)
class EscalationLetter:
    subject: str
    headline: str
    request: str
    because: Sequence[str]
    rows: Sequence[Row]
    more: int
    acknowledge: str
    link: str


def write(message: Message) -> Rendered:
    """The mail in the message's language. Nothing of it that comes from outside could defeat it."""
    if message.at is None:
        raise ValueError("the message speaks of no instant")
    with translation.override(message.language):
        context = {"letter": _letter(message, calendar(message.at).today)}
        html = css_inline.inline(
            render_to_string("alerts/mail/escalation.html", context),
            load_remote_stylesheets=False,
            keep_style_tags=False,
        )
        lines = [line.rstrip() for line in render_to_string("alerts/mail/escalation.txt", context).splitlines()]
    text = "\n".join(line for number, line in enumerate(lines) if line or (number and lines[number - 1]))
    return Rendered(context["letter"].subject, text.strip() + "\n", html)


def _letter(message: Message, today: date) -> EscalationLetter:
    figures = Figures.of(message.told())
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


def _rows(message: Message, today: date) -> list[Row]:
    reference = Contract.objects.filter(pk=OuterRef("flag__contract_id")).values("reference")
    events = message.told().annotate(reference=Subquery(reference)).order_by("act_by", "reference", "flag_id")
    listed = list(events.select_related("flag").prefetch_related("flag__measure__change")[:ROWS])
    contracts = Contract.objects.prefetch_related("supplier").in_bulk({event.flag.contract_id for event in listed})
    return [_row(event, contracts, today) for event in listed]


def _row(event: FlagEvent, contracts: Mapping[int, Contract], today: date) -> Row:
    flag: Flag = event.flag
    contract, change = contracts.get(flag.contract_id), flag.measure.change
    return Row(
        reference=News(event, contract).reference,
        title=one_line(contract and contract.title, 200),
        supplier=one_line(contract and str(contract.supplier), 120),
        change=one_line(change.number or change.title or change.reference, 120),
        kind=str(words.KINDS[flag.kind]),
        certainty=str(words.CERTAINTY[event.certainty]),
        basis=str(words.BASIS[event.basis]),
        exposure=words.money(event.exposure_amount, event.exposure_currency),
        act_by=words.due(event.act_by, today),
        url=f"{settings.BASE_URL}/admin/alerts/flag/{flag.pk}/change/",
    )
