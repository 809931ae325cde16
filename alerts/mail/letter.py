"""What one mail says: the news about one policy change for one recipient, cleaned and put into words.

Made under the recipient's language; the templates only lay it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import pgettext

from alerts.concluding import Commitment
from alerts.mail import headline, words
from alerts.mail.language import gettext as _
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
class ConcludedRow:
    """What was concluded under a flag, in sentences."""

    reference: str
    title: str
    said: Sequence[str]
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
    concluded: Sequence[ConcludedRow]
    more_concluded: int
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

    A mail of nothing but flags that are no longer open has none.
    """
    name = one_line(change.number or change.title or change.reference, 120)
    authority = one_line(change.authority, 120)
    figures = tidings.figures
    evidence = change.evidence.all()
    return Letter(
        subject=headline.subject(name, tidings, today),
        headline=headline.first_line(name, authority, tidings, today),
        received_because=received_because,
        concluded=[concluded_row(item) for item in tidings.concluded],
        more_concluded=figures.concluded - len(tidings.concluded),
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
        acknowledge=acknowledge if _waits(tidings) else "",
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
    )


def _waits(tidings: Tidings) -> bool:
    return bool(tidings.told) or any(item.event.flag.closed_at is None for item in tidings.concluded)


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
    because = str(ClosedBecause(flag.closed_because).label) if flag.closed_because else ""
    if item.contract is not None and flag.closed_because == ClosedBecause.CONCLUDED_BEFORE:
        on = item.contract.concluded_on or item.contract.concluded_at
        said = {"day": words.day(on and _day(on)), "opened": words.day(_day(flag.opened_at))}
        because = clauses([because, _("reported as concluded on %(day)s; the flag opened on %(opened)s") % said])
    return ClosedRow(
        reference=item.reference,
        title=one_line(item.contract and item.contract.title, 200),
        kind=str(words.KINDS[flag.kind]),
        because=because,
        url=_url(flag),
    )


def concluded_row(item: News) -> ConcludedRow:
    event = item.event
    made = [Commitment.read(one) for one in event.concluded or ()]
    opened = _("The flag opened on %(day)s.") % {"day": words.day(_day(event.flag.opened_at))}
    early = _("The measure stood against it before the flag opened.")
    said = [words.commitment(one.act, one.contract, one.on) for one in made[:NAMED]]
    if (more := len(made) - NAMED) > 0:
        said.append(_("... and %(number)s more") % {"number": more})
    return ConcludedRow(
        reference=item.reference,
        title=one_line(item.contract and item.contract.title, 200),
        said=[*said, opened, *([early] if any(one.in_force for one in made) else [])],
        url=_url(event.flag),
    )


def _day(when: date) -> date:
    """Of a moment the day in the business time zone."""
    return when.astimezone(ZoneInfo(settings.TIME_ZONE)).date() if isinstance(when, datetime) else when


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
