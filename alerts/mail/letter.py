"""What one mail says: the news about one policy change for one recipient, cleaned and put into words.

Made under the recipient's language; the templates only lay it out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.mail import words
from alerts.mail.plain import one_line, web_address
from alerts.models import Act, EventKind, Flag, FlagEvent
from alerts.models.flags import ClosedBecause, FlagEventQuerySet, Kind
from contracts.models import Contract
from contracts.stage import notice_deadline
from policies.models import Evidence, PolicyChange


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


@dataclass(frozen=True, slots=True)
class Figures:
    """What all the news come to, however few of them the mail has room for.

    `told` counts flags and `contracts` their contracts; `in_review` the contracts of those that are not certain.
    `closed` and `closed_contracts` are the same of flags that are no longer open.
    """

    told: int
    contracts: int
    in_review: int
    certain: int
    kinds: Mapping[str, int]
    bases: Sequence[str]
    first: date | None
    closed: int
    closed_contracts: int

    @classmethod
    def of(cls, events: FlagEventQuerySet) -> "Figures":
        """Counted by the database in one statement."""
        closed, told = Q(kind=EventKind.CLOSED), ~Q(kind=EventKind.CLOSED)
        found = events.order_by().aggregate(
            told=Count("pk", filter=told),
            contracts=Count("flag__contract_id", filter=told, distinct=True),
            in_review=Count("flag__contract_id", filter=told & Q(certainty="needs_review"), distinct=True),
            certain=Count("pk", filter=told & Q(certainty="matched")),
            bases=ArrayAgg("basis", filter=told, distinct=True, default=[]),
            first=Min("act_by", filter=told),
            closed=Count("pk", filter=closed),
            closed_contracts=Count("flag__contract_id", filter=closed, distinct=True),
            **{f"of_{kind}": Count("pk", filter=told & Q(flag__kind=kind)) for kind in Kind.values},
        )
        kinds = {kind: number for kind in sorted(Kind.values) if (number := found.pop(f"of_{kind}"))}
        return cls(kinds=kinds, **found)

    @property
    def doubtful(self) -> bool:
        return not self.certain

    @property
    def basis(self) -> str:
        """The strongest."""
        return min(self.bases, key=list(words.BASIS).index)


@dataclass(frozen=True, slots=True)
class Tidings:
    """What a mail tells: the figures of all, and as much of the news as it lists, in the order in which it does."""

    figures: Figures
    told: Sequence[News]
    closed: Sequence[News]

    @property
    def first(self) -> News:
        return (self.told or self.closed)[0]


def letter(
    change: PolicyChange,
    tidings: Tidings,
    *,
    today: date,
    grounds: Mapping[int, Grounds],
    received_because: Sequence[str],
) -> Letter:
    """Put the tidings into words; `today` is the business day, `grounds` are by flag."""
    name = one_line(change.number or change.title or change.reference, 120)
    authority = one_line(change.authority, 120)
    figures = tidings.figures
    return Letter(
        subject=_subject(name, tidings, today),
        headline=_headline(name, authority, tidings, today),
        received_because=received_because,
        rows=[_row(item, today, grounds.get(item.event.flag_id)) for item in tidings.told],
        more_rows=figures.told - len(tidings.told),
        closed=[_closed_row(item) for item in tidings.closed],
        more_closed=figures.closed - len(tidings.closed),
        change=", ".join(filter(None, (authority, one_line(change.number, 120)))) or change.reference,
        change_title=one_line(change.title, 300),
        change_summary=one_line(change.summary, 1500),
        announced=words.day(change.announced_on) if change.announced_on else "",
        formality=str(words.FORMALITY[change.formality]),
        sources=[_source(evidence) for evidence in change.evidence.all()],
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
    )


def _subject(name: str, tidings: Tidings, today: date) -> str:
    """The deadline, the contracts and what is up with them; last by which measure, for it may be long."""
    figures = tidings.figures
    if figures.first is None:
        named = _named(tidings.first, figures.closed_contracts)
        subject = _("No longer flagged: %(contracts)s (%(name)s)") % {"contracts": named, "name": name}
    else:
        subject = _("%(deadline)s: %(what)s (%(name)s)") % {
            "deadline": _act(figures.first, today, doubtful=figures.doubtful),
            "what": _what(tidings),
            "name": name if figures.basis == "in_force" else f"{words.BASIS[figures.basis]}: {name}",
        }
    return one_line(subject, 200)


def _act(first: date, today: date, *, doubtful: bool = False) -> str:
    act = _("Review and act %(deadline)s") if doubtful else _("Act %(deadline)s")
    return act % {"deadline": words.deadline(first, today)}


def _named(first: News, contracts: int) -> str:
    """One contract by its reference, several by their number."""
    return (
        _("contract %(reference)s") % {"reference": first.reference} if contracts == 1 else words.contracts(contracts)
    )


def _what(tidings: Tidings) -> str:
    """`contract C-1 may be terminated`; `3 contracts affected: 2 may be terminated, 1 needs an export licence`."""
    contracts, kinds = tidings.figures.contracts, tidings.figures.kinds
    named = _named(tidings.first, contracts)
    if contracts == 1:
        said = f" {_('and')} ".join(str(words.KINDS[kind]) for kind in kinds)
        return f"{named} {said}"
    if len(kinds) == 1:
        return words.of_kind(min(kinds), words.contracts(contracts), contracts)
    parts = [words.of_kind(kind, str(number), number) for kind, number in kinds.items()]
    return _("%(contracts)s affected: %(kinds)s") % {"contracts": named, "kinds": ", ".join(parts)}


def _headline(name: str, authority: str, tidings: Tidings, today: date) -> str:
    """The first line, which says it all."""
    figures = tidings.figures
    who = f"{name} ({authority})" if authority else name
    if figures.first is None:
        return _("%(contracts)s: no longer flagged under %(who)s. Nothing needs to be done.") % {
            "contracts": _capital(_named(tidings.first, figures.closed_contracts)),
            "who": who,
        }
    sentences = [
        _("%(what)s under %(who)s: %(basis)s.")
        % {"what": _capital(_what(tidings)), "who": who, "basis": words.BASIS[figures.basis]},
        _act(figures.first, today) + ".",
        _doubts(figures),
    ]
    return " ".join(filter(None, sentences))


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
        reopened = [action for action in event.flag.actions.all() if action.act == Act.REOPENED]
        because = reopened[-1].get_because_display() if reopened else ""
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
