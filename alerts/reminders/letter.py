"""What one mail of reminders says: the dates ahead, the nearest first, and what to do about each.

It is put into words when it is about to leave, and speaks of the day for which it was queued.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.html import escape
from django.utils.translation import gettext as _

from alerts.leases import DATABASE_FAULTS
from alerts.mail.marks import labelled, listed, sentences
from alerts.mail.plain import one_line
from alerts.mail.render import Rendered, page, plain
from alerts.mail.words import day, received_because
from alerts.models import Flag, Message
from alerts.models.reminders import Meaning, Reminder
from alerts.portfolio import calendar
from alerts.reminders import words
from contracts.models import Contract
from contracts.stage import notice_deadline
from policies.models import Licence, Measure

ROWS = 100
"""Dates listed in one mail; more are counted."""
NAMED = 12
"""Contracts named under one date of a measure or a licence; more are counted."""
REASONS = 10
OF_MEASURES = (Meaning.SUSPENSION_END, Meaning.TAKES_EFFECT)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """A date, whose it is, and the contracts it concerns."""

    on: str
    left: str
    what: str
    name: str
    title: str
    contracts: str
    step: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    headline: str
    received_because: Sequence[str]
    rows: Sequence[Row]
    more: int
    link: str


def write(message: Message) -> Rendered:
    """The full mail, or a bare list of the dates where something in them defeats it: it is sent anyway."""
    reminders = list(Reminder.objects.told_by(message).order_by("on", "meaning", "id"))
    with translation.override(message.language):
        try:
            with transaction.atomic():
                letter = _letter(message, reminders)
                return Rendered(letter.subject, plain("reminder", letter=letter), page("reminder", letter=letter))
        except DATABASE_FAULTS:
            raise  # nobody's fault but the database's
        except Exception:
            log.exception("mail reduced to its list of dates", message=message.pk)
            return _bare(reminders)


def _letter(message: Message, reminders: Sequence[Reminder]) -> Letter:
    if message.at is None:
        raise ValueError("the message speaks of no instant")
    today = calendar(message.at).today
    groups = _grouped(reminders)
    rows = _rows(groups[:ROWS], today)
    first, more = rows[0], len(groups) - 1
    said = {"what": first.what, "name": first.name, "day": first.on, "left": first.left}
    subject = _("%(day)s (%(left)s): %(what)s, %(name)s") % said
    if more:
        subject = _("%(subject)s and %(dates)s more") % {"subject": subject, "dates": words.dates(more)}
    headline = _("%(name)s: %(what)s on %(day)s, %(left)s.") % said
    follow = _("%(dates)s more follow below.") % {"dates": words.dates(more)} if more else ""
    because = [why for capacity, owner in message.capacities if (why := received_because(capacity, owner))]
    return Letter(
        subject=one_line(subject, 200),
        headline=one_line(sentences([headline, follow, first.step]), 1000),
        received_because=because[:REASONS],
        rows=rows,
        more=len(groups) - len(rows),
        link=f"{settings.BASE_URL}/admin/",
    )


def _grouped(reminders: Iterable[Reminder]) -> list[list[Reminder]]:
    """A contract's own date by itself; a date of a measure or a licence with all contracts it concerns."""
    groups: defaultdict[tuple[date, str, int, int], list[Reminder]] = defaultdict(list)
    for one in reminders:
        shared = one.meaning in (*OF_MEASURES, Meaning.LICENCE_END)
        groups[one.on, one.meaning, one.source, 0 if shared else one.contract_id].append(one)
    return [groups[key] for key in sorted(groups)]


def _rows(groups: Sequence[Sequence[Reminder]], today: date) -> list[Row]:
    every = [one for group in groups for one in group]
    contracts = Contract.objects.in_bulk({one.contract_id for one in every})
    sources: defaultdict[str, set[int]] = defaultdict(set)
    for one in every:
        sources[one.meaning].add(one.source)
    measured = {source for meaning in OF_MEASURES for source in sources[meaning]}
    measures = Measure.objects.select_related("change").in_bulk(measured)
    licences = Licence.objects.in_bulk(sources[Meaning.LICENCE_END])
    flags = Flag.objects.select_related("measure__change").in_bulk(sources[Meaning.DISMISSAL_END])

    def row(group: Sequence[Reminder]) -> Row:
        one = group[0]
        concerned = [contracts[other.contract_id] for other in group if other.contract_id in contracts]
        contract = concerned[0] if concerned else None
        title, url = one_line(contract and contract.title, 120), _page("contracts/contract", one.contract_id)
        name = contract.reference if contract else _("deleted contract %d") % one.contract_id
        named = ""
        if one.meaning in OF_MEASURES:
            measure = measures[one.source]
            name, title = one_line(measure.change.number or measure.change.reference, 120), one_line(measure, 120)
            url, named = _page("policies/policychange", measure.change_id), _named(concerned)
        elif one.meaning == Meaning.LICENCE_END:
            licence = licences.get(one.source)
            name, title = _("licence %(reference)s") % {"reference": licence.reference if licence else "?"}, ""
            url, named = _page("policies/licence", one.source), _named(concerned)
        elif one.meaning == Meaning.DISMISSAL_END:
            change = flags[one.source].measure.change
            title = one_line(change.number or change.title or change.reference, 120)
            url = _page("alerts/flag", one.source)
        step = words.step(one.meaning, contract.renewal if contract else None, one.on)
        if contract and _presumed(one, contract):
            step = sentences([step, str(words.PRESUMED)])
        left = words.left(max((one.on - today).days, 0))
        return Row(day(one.on), left, str(words.WHAT[one.meaning]), name, title, named, step, url)

    return [row(group) for group in groups]


def _presumed(one: Reminder, contract: Contract) -> bool:
    recorded = {Meaning.EXPIRY: contract.expires_on, Meaning.NOTICE_DEADLINE: notice_deadline(contract)}
    last = recorded.get(Meaning(one.meaning))
    return last is not None and one.on > last


def _named(contracts: Sequence[Contract]) -> str:
    references = sorted(contract.reference for contract in contracts)
    named = listed(references[:NAMED])
    more = len(references) - NAMED
    if more > 0:
        named = _("%(named)s and %(number)d more") % {"named": named, "number": more}
    return labelled(_("Contracts"), named)


def _page(model: str, pk: int) -> str:
    return f"{settings.BASE_URL}/admin/{model}/{pk}/change/"


def _bare(reminders: Sequence[Reminder]) -> Rendered:
    """It reads nothing that could defeat it."""
    subject = _("Critical dates ahead")
    lines = [
        sentences(
            [
                _("%(sentence)s.") % {"sentence": subject},
                _("The details could not be put into this mail; they are here:"),
            ]
        ),
        *(f"{one.on:%Y-%m-%d} {_page('contracts/contract', one.contract_id)}" for one in reminders[:ROWS]),
    ]
    html = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return Rendered(subject, "\n".join(lines) + "\n", f"<!DOCTYPE html><html><body>{html}</body></html>")
