"""A person's calendar: the critical dates of the contracts they may see now, as iCalendar (RFC 5545).

An event keeps its UID when its date moves, and its SEQUENCE and LAST-MODIFIED are those of what it is derived from, so
that the same facts always give the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Max, Q
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vDuration

from alerts.mail.language import language_of
from alerts.mail.plain import one_line
from alerts.models import Flag, FlagAction
from alerts.models.reminders import Meaning
from alerts.portfolio import calendar
from alerts.reminders import ahead, words
from alerts.reminders.ahead import Ahead
from contracts.models import Contract, ContractQuerySet
from people.models import ChangeEntry, User
from policies.models import Licence, Measure

WITHIN = 400
"""Days ahead."""
MOST = 2_000
"""Events, the nearest."""
MANY = 10_000
"""Whoever may see more contracts has those in the calendar that they own or stand in for."""
NAMED = 20
"""Contracts named in an event of a measure or a licence; more are counted."""
REFRESH = timedelta(hours=6)
OWN = (Meaning.NOTICE_DEADLINE, Meaning.EXPIRY, Meaning.LAST_DELIVERY, "effective", "termination")
KIND = ChangeEntry.Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """A date as the calendar shows it; `of` names what it is derived from."""

    uid: str
    on: date
    summary: str
    description: str
    url: str
    of: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Revision:
    """How often what an event is derived from has changed, and when it last did."""

    number: int
    at: datetime


def ics(user: User, *, at: datetime) -> bytes:
    """The calendar's text in the reader's language."""
    with translation.override(language_of(user)):
        entries = sorted(_entries(user, at), key=lambda entry: (entry.on, entry.uid))[:MOST]
        revisions = _revisions(entry.of for entry in entries)
        found = _calendar()
        for entry in entries:
            if revision := revisions.get(entry.of):
                found.add_component(_event(entry, revision))
    return bytes(found.to_ical())


def _calendar() -> Calendar:
    found = Calendar()
    found.add("prodid", "-//Tocsin//Critical dates//EN")
    found.add("version", "2.0")
    found.add("calscale", "GREGORIAN")
    found.add("method", "PUBLISH")
    found.add("x-wr-calname", _("Tocsin: critical dates"))
    found.add("x-wr-timezone", settings.TIME_ZONE)
    found.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    found.add("x-published-ttl", vDuration(REFRESH), encode=False)
    return found


def _event(entry: Entry, revision: Revision) -> Event:
    """A whole day, which keeps nobody from being free."""
    event = Event()
    event.add("uid", f"{entry.uid}@{urlsplit(settings.BASE_URL).hostname or 'tocsin.invalid'}")
    event.add("dtstamp", revision.at)
    event.add("last-modified", revision.at)
    event.add("sequence", revision.number)
    event.add("dtstart", entry.on)
    if entry.on < date.max:
        event.add("dtend", entry.on + timedelta(days=1))
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("url", entry.url)
    event.add("transp", "TRANSPARENT")
    event.add("x-microsoft-cdo-busystatus", "FREE")
    return event


def _entries(user: User, at: datetime) -> Iterator[Entry]:
    now = calendar(at)
    contracts = _contracts(user)
    ids = contracts.order_by().values("id")
    visible = sorted(contracts.order_by().values_list("id", flat=True))
    dates = [
        *chain.from_iterable(
            ahead.one_by_one(rows, found, now) for rows, found in ahead.of_contracts(visible, now, WITHIN, OWN)
        ),
        *ahead.of_measures(ids, now, WITHIN),
        *ahead.of_licences(contracts, now, WITHIN),
        *ahead.of_dismissals(ids, now, WITHIN),
    ]
    known = Contract.objects.in_bulk({one.contract for one in dates})
    own = [one for one in dates if one.source == 0]
    dismissals = [one for one in dates if one.meaning == Meaning.DISMISSAL_END]
    shared: defaultdict[tuple[str, int, int, date], list[Contract]] = defaultdict(list)
    for one in dates:
        if one.source and one.meaning != Meaning.DISMISSAL_END and one.contract in known:
            shared[one.meaning, one.source, one.number, one.on].append(known[one.contract])
    return chain(_of_contracts(own, known), _of_flags(dismissals, known), _of_policies(shared))


def _contracts(user: User) -> ContractQuerySet:
    visible = Contract.objects.visible_to(user)
    if visible.order_by()[: MANY + 1].count() > MANY:
        return visible.filter(Q(owner=user.email) | Q(deputy=user.email))
    return visible


def _of_contracts(dates: Iterable[Ahead], known: Mapping[int, Contract]) -> Iterator[Entry]:
    for one in dates:
        contract = known.get(one.contract)
        if contract is None:
            continue
        said = [one_line(contract.title), words.step(one.meaning, contract.renewal, one.on)]
        if one.number:
            said.append(str(words.PRESUMED))
        yield Entry(
            uid=f"{one.meaning}.contract-{contract.pk}.{one.number}",
            on=one.on,
            summary=f"{contract.reference}: {words.WHAT[one.meaning]}",
            description="\n".join(filter(None, said)),
            url=_page("contracts/contract", contract.pk),
            of=(KIND.CONTRACT, contract.pk),
        )


def _of_flags(dates: Sequence[Ahead], known: Mapping[int, Contract]) -> Iterator[Entry]:
    flags = Flag.objects.select_related("measure__change").in_bulk([one.source for one in dates])
    for one in dates:
        flag, contract = flags[one.source], known.get(one.contract)
        if contract is not None:
            yield Entry(
                uid=f"{one.meaning}.flag-{flag.pk}.0",
                on=one.on,
                summary=f"{contract.reference}: {words.WHAT[one.meaning]}",
                description=f"{one_line(flag.measure.change)}\n{words.step(one.meaning, None, one.on)}",
                url=_page("alerts/flag", flag.pk),
                of=("flag", flag.pk),
            )


def _of_policies(shared: Mapping[tuple[str, int, int, date], Sequence[Contract]]) -> Iterator[Entry]:
    ended = {source for meaning, source, *_rest in shared if meaning == Meaning.LICENCE_END}
    licences = Licence.objects.in_bulk(ended)
    measures = Measure.objects.select_related("change").in_bulk(
        {source for meaning, source, *_rest in shared if meaning != Meaning.LICENCE_END}
    )
    for (meaning, source, number, on), contracts in shared.items():
        references = sorted(contract.reference for contract in contracts)
        named = ", ".join(references[:NAMED]) + (" …" if len(references) > NAMED else "")
        if meaning == Meaning.LICENCE_END:
            name, title = _("licence %(reference)s") % {"reference": licences[source].reference}, ""
            kind, of, url = "licence", (str(KIND.LICENCE), source), _page("policies/licence", source)
        else:
            change = measures[source].change
            name, title = one_line(change.number or change.reference, 120), one_line(measures[source], 200)
            kind, of = "measure", (str(KIND.POLICY_CHANGE), change.pk)
            url = _page("policies/policychange", change.pk)
        contracts_named = _("Contracts: %(named)s") % {"named": named}
        said = [title, contracts_named, words.step(meaning, None, on)]
        yield Entry(
            uid=f"{meaning}.{kind}-{source}.{number}",
            on=on,
            summary=f"{name}: {words.WHAT[meaning]}",
            description="\n".join(filter(None, said)),
            url=url,
            of=of,
        )


def _revisions(of: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], Revision]:
    """By the change log, which has an entry of every version; of a flag, by what people did about it."""
    ids: defaultdict[str, set[int]] = defaultdict(set)
    for kind, id in of:
        ids[kind].add(id)
    found: dict[tuple[str, int], Revision] = {}
    for kind, some in ids.items():
        found |= {(kind, id): revision for id, revision in _revisions_of(kind, some)}
    return found


def _revisions_of(kind: str, ids: set[int]) -> Iterator[tuple[int, Revision]]:
    rows: Iterable[tuple[Any, ...]]
    if kind == "flag":
        done = FlagAction.objects.filter(flag__in=ids).order_by().values("flag_id")
        rows = done.annotate(number=Count("id"), latest=Max("at")).values_list("flag_id", "number", "latest")
    else:
        log = ChangeEntry.objects.filter(kind=kind, object_id__in=ids).order_by().values("object_id")
        rows = log.annotate(number=Max("version"), latest=Max("at")).values_list("object_id", "number", "latest")
    for id, number, at in rows:
        yield id, Revision(number - 1, at.replace(microsecond=0))


def _page(model: str, pk: int) -> str:
    return f"{settings.BASE_URL}/admin/{model}/{pk}/change/"
