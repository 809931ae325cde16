"""What one mail says: the news about one policy change for one recipient, cleaned and put into words.

Made under the recipient's language; the templates only lay it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alerts.mail import headline, words
from alerts.mail.marks import clauses, labelled, sentences
from alerts.mail.plain import one_line, web_address
from alerts.mail.tidings import News, Tidings
from alerts.models import Act, EventKind, Flag, FlagEvent
from alerts.models.flags import ClosedBecause
from contracts.stage import notice_deadline
from policies.models import Evidence, PolicyChange

SOURCES = 10
"""Pieces of evidence that one mail gives."""
NAMED = 20
"""Contracts named beside what is to be done about them."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a flag is open and what would clear it, in sentences."""

    why: Sequence[str] = ()
    clears: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A flag in the table and, where there is room, its grounds."""

    reference: str
    title: str
    supplier: str
    news: str
    kind: str
    certainty: str
    basis: str
    exposure: str
    act_by: str
    next_step: str
    measure: str
    url: str
    grounds: Grounds | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do about the contracts for which it is the same; `more` are counted only."""

    kind: str
    what: str
    references: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True)
class ClosedRow:
    reference: str
    title: str
    kind: str
    because: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of evidence."""

    said: str
    grade: str
    summary: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """`more_...` are counted only, and found behind the link."""

    subject: str
    headline: str
    received_because: Sequence[str]
    rows: Sequence[Row]
    more_rows: int
    closed: Sequence[ClosedRow]
    more_closed: int
    change: str
    announced: str
    formality: str
    change_summary: str
    sources: Sequence[Source]
    more_sources: int
    acknowledge: str
    link: str


def letter(
    change: PolicyChange,
    tidings: Tidings,
    *,
    today: date,
    grounds: Mapping[int, Grounds],
    received_because: Sequence[str],
    acknowledge: str,
) -> Letter:
    """Put the tidings into words; `today` is the business day, `grounds` are by flag, `acknowledge` the reader's link.

    A mail of nothing but what is no longer flagged has none.
    """
    name = one_line(change.number or change.title or change.reference, 120)
    authority = one_line(change.authority, 120)
    figures = tidings.figures
    evidence = change.evidence.all()
    return Letter(
        subject=headline.subject(name, tidings, today),
        headline=headline.first_line(name, authority, tidings, today),
        received_because=received_because,
        rows=[_row(item, today, grounds.get(item.event.flag_id)) for item in tidings.told],
        more_rows=figures.told - len(tidings.told),
        closed=[closed_row(item) for item in tidings.closed],
        more_closed=figures.closed - len(tidings.closed),
        change=_named(change, authority),
        announced=labelled(_("Announced"), words.day(change.announced_on)) if change.announced_on else "",
        formality=str(words.FORMALITY[change.formality]),
        change_summary=one_line(change.summary, 1500),
        sources=[_source(piece) for piece in evidence[:SOURCES]],
        more_sources=max(0, len(evidence) - SOURCES),
        acknowledge=acknowledge if tidings.told else "",
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
    )


def steps(rows: Sequence[Row]) -> list[Step]:
    """What to do, each thing once, in the order of the rows."""
    concerned: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        concerned.setdefault((row.kind, row.next_step), {})[row.reference] = None
    return [
        Step(kind, what, list(references)[:NAMED], max(0, len(references) - NAMED))
        for (kind, what), references in concerned.items()
    ]


def _named(change: PolicyChange, authority: str) -> str:
    named, number = authority or change.reference, one_line(change.number, 120)
    if number:
        named = _("%(authority)s, %(number)s") % {"authority": authority, "number": number} if authority else number
    title = one_line(change.title, 300)
    return labelled(named, title) if title else named


def _row(item: News, today: date, grounds: Grounds | None) -> Row:
    event, flag = item.event, item.event.flag
    return Row(
        reference=item.reference,
        title=one_line(item.contract and item.contract.title, 200),
        supplier=one_line(item.contract and str(item.contract.supplier), 120),
        news=news(event, today),
        kind=str(words.KINDS[flag.kind]),
        certainty=str(words.CERTAINTY[event.certainty]),
        basis=str(words.BASIS[event.basis]),
        exposure=words.money(event.exposure_amount, event.exposure_currency),
        act_by=words.due(event.act_by, today),
        next_step=_next_step(item, today),
        measure=one_line(flag.measure.title or flag.measure.key, 200),
        url=_url(flag),
        grounds=grounds,
    )


def _next_step(item: News, today: date) -> str:
    event, contract = item.event, item.contract
    step = words.next_step(event.flag.kind, event.certainty, event.basis, words.deadline(event.act_by, today))
    if event.flag.kind != "no_new_contracts" or contract is None or contract.terminated_on:
        return step
    if contract.concluded_at is None and contract.concluded_on is None:
        return step
    return sentences([step, words.renewal_step(contract.renewal, notice_deadline(contract), today)])


def news(event: FlagEvent, today: date) -> str:
    """Why this is told now."""
    if event.kind == EventKind.OPENED:
        return pgettext("a flag", "new")
    if event.kind == EventKind.BECAME_CERTAIN:
        return _("now certain; it needed review before")
    if event.kind == EventKind.REOPENED:
        reopened = [action for action in event.flag.actions.all() if action.act == Act.REOPENED]
        because = reopened[-1].get_because_display() if reopened else ""
        return _("open again after it was put aside: %(because)s") % {"because": because}
    if event.kind == EventKind.DEADLINE_NEAR:
        return _("the day to act is near")
    parts: list[str] = []
    if event.basis_before and event.basis != event.basis_before:
        change = {"before": words.BASIS[event.basis_before], "now": words.BASIS[event.basis]}
        parts.append(_("now %(now)s; before: %(before)s") % change)
    if event.act_by_before and event.act_by < event.act_by_before:
        parts.append(_("act earlier than the %(day)s told before") % {"day": words.day(event.act_by_before)})
    if event.exposure_amount_before != event.exposure_amount and event.exposure_amount is not None:
        parts.append(_("exposure has grown"))
    return clauses(parts) or _("more serious than before")


def closed_row(item: News) -> ClosedRow:
    flag = item.event.flag
    because = ClosedBecause(flag.closed_because).label if flag.closed_because else ""
    return ClosedRow(
        reference=item.reference,
        title=one_line(item.contract and item.contract.title, 200),
        kind=str(words.KINDS[flag.kind]),
        because=str(because),
        url=_url(flag),
    )


def _url(flag: Flag) -> str:
    return f"{settings.BASE_URL}/admin/alerts/flag/{flag.pk}/change/"


def _source(evidence: Evidence) -> Source:
    publisher = one_line(evidence.publisher, 120) or _("publisher not established")
    said = _("%(publisher)s, %(day)s: %(stance)s.") if evidence.published_on else _("%(publisher)s: %(stance)s.")
    day, stance = words.day(evidence.published_on), words.STANCE[evidence.stance]
    return Source(
        said=said % {"publisher": publisher, "day": day, "stance": stance},
        grade=_("Grade %(grade)s.") % {"grade": words.grade(evidence.reliability, evidence.credibility)},
        summary=one_line(evidence.summary, 500),
        url=web_address(evidence.url),
    )
