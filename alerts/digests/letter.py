"""The mail of a digest: what waited for one person, as it stands when it is told.

A flag is listed once, however much happened to it. What has closed again, was put aside or is told to somebody else by
now is not listed among what is to be done, and the mail says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Count, Func, IntegerField, Min, OuterRef, Subquery, Sum
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.acknowledging import link
from alerts.mail import words
from alerts.mail.letter import ClosedRow, closed_row, news
from alerts.mail.listing import ListedFlag, columns, listed_flag
from alerts.mail.marks import sentences
from alerts.mail.plain import one_line
from alerts.mail.render import Rendered, page, plain
from alerts.mail.tidings import News
from alerts.mail.words import received_because
from alerts.models import EventKind, Flag, FlagEvent, HeldNews, Message
from alerts.models.flags import FlagQuerySet
from alerts.portfolio import calendar
from contracts.models import Contract

ROWS = 150
"""Flags listed in one mail, the most urgent first, and half as many closed ones; more are counted."""
REASONS = 10
"""Owners named in whose place the reader is told."""


@dataclass(frozen=True, slots=True)
class DigestLetter:
    subject: str
    headline: str
    received_because: Sequence[str]
    rows: Sequence[ListedFlag]
    more: int
    closed: Sequence[ClosedRow]
    more_closed: int
    notes: Sequence[str]
    acknowledge: str
    link: str
    choices: str


class _Contents:
    """What the digest's flags have come to."""

    def __init__(self, message: Message) -> None:
        self.events = message.told()
        flags = Flag.objects.filter(pk__in=self.events.order_by().values("flag"))
        opened = self.events.filter(kind=EventKind.OPENED).order_by().values("flag")
        closed = self.events.filter(kind=EventKind.CLOSED).order_by().values("flag")
        self.to_do = flags.to_do()
        self.closed = flags.filter(pk__in=closed).exclude(pk__in=opened)
        gone = flags.filter(closed_at__isnull=False).exclude(pk__in=self.closed.order_by().values("pk"))
        self.gone = gone.count()
        self.aside = flags.open().count() - self.to_do.count()


def write(message: Message) -> Rendered:
    """The mail in the message's language. Nothing of it that comes from outside could defeat it."""
    if message.at is None:
        raise ValueError("the message speaks of no instant")
    with translation.override(message.language):
        letter = _letter(message, calendar(message.at).today)
        html = page("digest", letter=letter, columns=columns())
        return Rendered(letter.subject, plain("digest", letter=letter), html)


def _letter(message: Message, today: date) -> DigestLetter:
    found = _Contents(message)
    number = found.to_do.aggregate(
        flags=Count("pk"), contracts=Count("contract_id", distinct=True), first=Min("act_by")
    )
    closed = found.closed.aggregate(flags=Count("pk"), contracts=Count("contract_id", distinct=True))
    said = {
        "flagged": _contracts(number["contracts"]),
        "closed": _contracts(closed["contracts"]),
        "due": words.due(number["first"], today) if number["first"] else "",
    }
    parts: list[str] = []
    if number["flags"]:
        parts.append(_("Digest: %(flagged)s flagged. Act: %(due)s.") % said)
    if closed["flags"]:
        ended = _("%(closed)s no longer flagged.") if parts else _("Digest: %(closed)s no longer flagged.")
        parts.append(ended % said)
    headline = sentences(parts) or _("Digest: nothing is left to do.")
    rows, closed_rows = _rows(found, today), _closed(found)
    because = [why for capacity, owner in message.capacities if (why := received_because(capacity, owner))]
    return DigestLetter(
        subject=one_line(headline, 200),
        headline=headline,
        received_because=because[:REASONS],
        rows=rows,
        more=number["flags"] - len(rows),
        closed=closed_rows,
        more_closed=closed["flags"] - len(closed_rows),
        notes=_notes(found, message),
        acknowledge=link(message),
        link=f"{settings.BASE_URL}/admin/alerts/flag/",
        choices=f"{settings.BASE_URL}/admin/alerts/message/digests",
    )


def _contracts(number: int) -> str:
    return ngettext("%(number)d contract", "%(number)d contracts", number) % {"number": number}


def _notes(found: _Contents, message: Message) -> list[str]:
    notes: list[str] = []
    if found.gone:
        notes.append(
            ngettext(
                "%(number)d flag has closed again in the meantime.",
                "%(number)d flags have closed again in the meantime.",
                found.gone,
            )
            % {"number": found.gone}
        )
    if found.aside:
        notes.append(
            ngettext(
                "%(number)d flag was put aside by somebody in the meantime.",
                "%(number)d flags were put aside by somebody in the meantime.",
                found.aside,
            )
            % {"number": found.aside}
        )
    if elsewhere := _told_elsewhere(message):
        notes.append(
            ngettext(
                "%(number)d item is told to somebody else, for you are no longer in charge of it.",
                "%(number)d items are told to somebody else, for you are no longer in charge of them.",
                elsewhere,
            )
            % {"number": elsewhere}
        )
    return notes


def _told_elsewhere(message: Message) -> int:
    """Events that waited for the reader and that the message does not tell any more."""
    each = Func("events", function="cardinality", output_field=IntegerField())
    held = HeldNews.objects.filter(message=message).aggregate(events=Sum(each))["events"]
    return max((held or 0) - len(message.events), 0)


def _rows(found: _Contents, today: date) -> list[ListedFlag]:
    flags = list(_in_order(found.to_do, "act_by").prefetch_related("measure__change")[:ROWS])
    latest: dict[int, FlagEvent] = {}
    told = found.events.filter(flag__in=[flag.pk for flag in flags]).select_related("flag")
    for event in told.prefetch_related("flag__actions").order_by("id"):
        latest[event.flag_id] = event
    contracts = Contract.objects.prefetch_related("supplier").in_bulk({flag.contract_id for flag in flags})
    return [
        listed_flag(flag, flag, contracts.get(flag.contract_id), today, news(latest[flag.pk], today)) for flag in flags
    ]


def _closed(found: _Contents) -> list[ClosedRow]:
    flags = list(_in_order(found.closed, "contract_id").prefetch_related("measure__change")[: ROWS // 2])
    contracts = Contract.objects.in_bulk({flag.contract_id for flag in flags})
    return [closed_row(News(FlagEvent(flag=flag), contracts.get(flag.contract_id))) for flag in flags]


def _in_order(flags: FlagQuerySet, first: str) -> FlagQuerySet:
    reference = Contract.objects.filter(pk=OuterRef("contract_id")).values("reference")
    return flags.annotate(reference=Subquery(reference)).order_by(first, "reference", "id")
