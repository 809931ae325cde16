"""What one mail says: the news about one policy change for one recipient, cleaned and put into words.

Made under the recipient's language; the templates only lay it out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mail import words
from alerts.mail.plain import one_line, web_address
from alerts.models import Act, EventKind, Flag, FlagEvent
from alerts.models.flags import ClosedBecause
from contracts.models import Contract
from contracts.stage import notice_deadline
from policies.models import Evidence, PolicyChange

ROWS = 500
"""Flags listed in one mail; more are counted, and found behind the link."""
DETAILED = 60
"""Flags whose reasons one mail gives in full."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a flag is open and what would clear it, in sentences."""

    why: Sequence[str] = ()
    clears: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A flag in the table and, where there is room, in detail."""

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
class ClosedRow:
    reference: str
    title: str
    kind: str
    because: str
    url: str


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of evidence."""

    publisher: str
    day: str
    stance: str
    grade: str
    summary: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    headline: str
    received_because: Sequence[str]
    rows: Sequence[Row]
    more_rows: int
    closed: Sequence[ClosedRow]
    more_closed: int
    change: str
    change_title: str
    change_summary: str
    announced: str
    formality: str
    sources: Sequence[Source]
    link: str


@dataclass(frozen=True, slots=True)
class News:
    """What happened to one flag, and the contract it happened to (None: deleted)."""

    event: FlagEvent
    contract: Contract | None

    @property
    def reference(self) -> str:
        return self.contract.reference if self.contract else _("deleted contract %d") % self.event.flag.contract_id


def letter(
    change: PolicyChange,
    news: Sequence[News],
    *,
    today: date,
    grounds: Mapping[int, Grounds],
    received_because: Sequence[str],
) -> Letter:
    """Put the news into words; `today` is the business day, `grounds` are by flag."""
    told = [item for item in news if item.event.kind != EventKind.CLOSED]
    told.sort(key=lambda item: (item.event.act_by, item.reference, item.event.flag_id))
    closed = sorted((item for item in news if item.event.kind == EventKind.CLOSED), key=lambda item: item.reference)
    name = one_line(change.number or change.title or change.reference, 120)
    authority = one_line(change.authority, 120)
    return Letter(
        subject=_subject(name, told, closed, today),
        headline=_headline(name, authority, change, told, closed, today),
        received_because=received_because,
        rows=[_row(item, today, grounds.get(item.event.flag_id)) for item in told[:ROWS]],
        more_rows=max(len(told) - ROWS, 0),
        closed=[_closed_row(item) for item in closed[:ROWS]],
        more_closed=max(len(closed) - ROWS, 0),
        change=", ".join(filter(None, (authority, one_line(change.number, 120)))) or change.reference,
        change_title=one_line(change.title, 300),
        change_summary=one_line(change.summary, 1500),
        announced=words.day(change.announced_on) if change.announced_on else "",
        formality=str(words.FORMALITY[change.formality]),
        sources=[_source(evidence) for evidence in change.evidence.all()],
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
    )


def _contracts(news: Sequence[News]) -> int:
    return len({item.event.flag.contract_id for item in news})


def _subject(name: str, told: Sequence[News], closed: Sequence[News], today: date) -> str:
    """The deadline, the contracts and what is up with them; last by which measure, for it may be long."""
    if not told:
        subject = _("No longer flagged: %(contracts)s (%(name)s)") % {"contracts": _named(closed), "name": name}
    else:
        basis = _strongest(told)
        subject = _("%(deadline)s: %(what)s (%(name)s)") % {
            "deadline": _act(min(item.event.act_by for item in told), today, doubtful=_doubtful(told)),
            "what": _what(told),
            "name": name if basis == "in_force" else f"{words.BASIS[basis]}: {name}",
        }
    return one_line(subject, 200)


def _act(first: date, today: date, *, doubtful: bool = False) -> str:
    act = _("Review and act %(deadline)s") if doubtful else _("Act %(deadline)s")
    return act % {"deadline": words.deadline(first, today)}


def _doubtful(told: Sequence[News]) -> bool:
    return all(item.event.certainty == "needs_review" for item in told)


def _named(news: Sequence[News]) -> str:
    """One contract by its reference, several by their number."""
    if _contracts(news) == 1:
        return _("contract %(reference)s") % {"reference": news[0].reference}
    return words.contracts(_contracts(news))


def _what(told: Sequence[News]) -> str:
    """`contract C-1 may be terminated`; `3 contracts affected: 2 may be terminated, 1 needs an export licence`."""
    kinds = Counter(item.event.flag.kind for item in told)
    if _contracts(told) == 1:
        said = f" {_('and')} ".join(str(words.KINDS[kind]) for kind in sorted(kinds))
        return f"{_named(told)} {said}"
    if len(kinds) == 1:
        return words.of_kind(min(kinds), words.contracts(_contracts(told)), _contracts(told))
    parts = [words.of_kind(kind, str(number), number) for kind, number in sorted(kinds.items())]
    return _("%(contracts)s affected: %(kinds)s") % {"contracts": _named(told), "kinds": ", ".join(parts)}


def _headline(
    name: str, authority: str, change: PolicyChange, told: Sequence[News], closed: Sequence[News], today: date
) -> str:
    """The first line, which says it all."""
    who = f"{name} ({authority})" if authority else name
    if not told:
        return _("%(contracts)s: no longer flagged under %(who)s. Nothing needs to be done.") % {
            "contracts": _capital(_named(closed)),
            "who": who,
        }
    sentences = [
        _("%(what)s under %(who)s: %(basis)s.")
        % {"what": _capital(_what(told)), "who": who, "basis": words.BASIS[_strongest(told)]},
        _act(min(item.event.act_by for item in told), today) + ".",
        _doubts(told),
    ]
    return " ".join(filter(None, sentences))


def _doubts(told: Sequence[News]) -> str:
    review = len({item.event.flag.contract_id for item in told if item.event.certainty == "needs_review"})
    if not review:
        return ""
    if _doubtful(told):
        return _("This is not certain: please review it.")
    return ngettext(
        "%(number)d contract is not certain: please review it.",
        "%(number)d contracts are not certain: please review them.",
        review,
    ) % {"number": review}


def _strongest(told: Sequence[News]) -> str:
    order = list(words.BASIS)
    return min((item.event.basis for item in told), key=order.index)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _row(item: News, today: date, grounds: Grounds | None) -> Row:
    event, flag = item.event, item.event.flag
    deadline = words.deadline(event.act_by, today)
    return Row(
        reference=item.reference,
        title=one_line(item.contract and item.contract.title, 200),
        supplier=one_line(item.contract and str(item.contract.supplier), 120),
        news=_news(event, today),
        kind=str(words.KINDS[flag.kind]),
        certainty=str(words.CERTAINTY[event.certainty]),
        basis=str(words.BASIS[event.basis]),
        exposure=words.money(event.exposure_amount, event.exposure_currency),
        act_by=deadline,
        next_step=_next_step(item, deadline, today),
        measure=one_line(flag.measure.title or flag.measure.key, 200),
        url=_url(flag),
        grounds=grounds,
    )


def _next_step(item: News, deadline: str, today: date) -> str:
    event, contract = item.event, item.contract
    step = words.next_step(event.flag.kind, event.certainty, event.basis, deadline)
    if event.flag.kind != "no_new_contracts" or contract is None or contract.terminated_on:
        return step
    if contract.concluded_at is None and contract.concluded_on is None:
        return step
    return f"{step} {words.renewal_step(contract.renewal, notice_deadline(contract), today)}".rstrip()


def _news(event: FlagEvent, today: date) -> str:
    """Why this is told now."""
    if event.kind == EventKind.OPENED:
        return _("new")
    if event.kind == EventKind.BECAME_CERTAIN:
        return _("now certain; it needed review before")
    if event.kind == EventKind.REOPENED:
        reopened = event.flag.actions.filter(act=Act.REOPENED).last()
        because = reopened.get_because_display() if reopened else ""
        return _("open again after it was put aside: %(because)s") % {"because": because}
    parts: list[str] = []
    if event.basis_before and event.basis != event.basis_before:
        change = {"before": words.BASIS[event.basis_before], "now": words.BASIS[event.basis]}
        parts.append(_("now %(now)s; before: %(before)s") % change)
    if event.act_by_before and event.act_by < event.act_by_before:
        parts.append(_("act earlier than the %(day)s told before") % {"day": words.day(event.act_by_before)})
    if event.exposure_amount_before != event.exposure_amount and event.exposure_amount is not None:
        parts.append(_("exposure has grown"))
    return "; ".join(parts) or _("more serious than before")


def _closed_row(item: News) -> ClosedRow:
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
    return Source(
        publisher=one_line(evidence.publisher, 120) or _("publisher not established"),
        day=words.day(evidence.published_on) if evidence.published_on else "",
        stance=str(words.STANCE[evidence.stance]),
        grade=words.grade(evidence.reliability, evidence.credibility),
        summary=one_line(evidence.summary, 500),
        url=web_address(evidence.url),
    )
