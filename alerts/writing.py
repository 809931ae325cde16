"""What a message says: put into words when it is about to leave, from what its events recorded.

It speaks of the instant the message was queued for, so that it says the same whenever that is.
"""

from collections.abc import Sequence

import structlog
from django.db import transaction
from django.db.models import OuterRef, Subquery, prefetch_related_objects
from django.utils import translation
from django.utils.translation import ngettext

from alerts.acknowledging import link
from alerts.digests import letter as digests
from alerts.escalation import letter as escalation
from alerts.grounds import GroundsBook
from alerts.leases import DATABASE_FAULTS
from alerts.mail.fallback import fallback
from alerts.mail.letter import letter
from alerts.mail.render import Rendered, render
from alerts.mail.tidings import Figures, News, Tidings
from alerts.mail.words import received_because
from alerts.models import EventKind, Message, Purpose
from alerts.models.flags import FlagEventQuerySet
from alerts.portfolio import calendar
from alerts.reminders import letter as reminders
from contracts.models import Contract
from policies.models import PolicyChange

ROWS = 100
"""Flags listed in one mail, and as many closed ones; more are counted, and found behind the link."""
DETAILED = 20
"""Flags whose reasons one mail gives."""
REASONS_FOR_RECEIVING = 10
"""Owners named in whose place somebody is told; more are counted."""

log = structlog.get_logger(__name__)


class Writer:
    """Writes messages one after the other; what many of them share is read once."""

    def __init__(self) -> None:
        self._book = GroundsBook()
        self._changes: dict[int, PolicyChange] = {}

    def write(self, message: Message) -> Rendered:
        """The full mail, or a bare list of the contracts where something in them defeats it: it is sent anyway."""
        if message.purpose == Purpose.ESCALATION:
            return escalation.write(message)
        if message.purpose == Purpose.REMINDER:
            return reminders.write(message)
        if message.purpose == Purpose.DIGEST:
            return digests.write(message)
        change, tidings = self._change(message), tidings_of(message)
        with translation.override(message.language):
            try:
                with transaction.atomic():
                    return self._full(message, change, tidings)
            except DATABASE_FAULTS:
                raise
            except Exception:
                log.exception("mail reduced to its list of contracts", message=message.pk, change=change.reference)
                listed = [*tidings.concluded, *tidings.told, *tidings.closed]
                return fallback(change, listed, len(message.events) - len(listed))

    def _full(self, message: Message, change: PolicyChange, tidings: Tidings) -> Rendered:
        if message.at is None:
            raise ValueError("the message speaks of no instant")
        now = calendar(message.at)
        grounds = self._book.of(tidings.told[:DETAILED], change, now)
        because = _received_because(message)
        return render(
            letter(
                change,
                tidings,
                today=now.today,
                grounds=grounds,
                received_because=because,
                acknowledge=link(message),
            )
        )

    def _change(self, message: Message) -> PolicyChange:
        """Read once: all that are told of it at a time are told the same."""
        if message.policy_change_id is None:
            raise ValueError("the message tells of no policy change")
        if message.policy_change_id not in self._changes:
            found = PolicyChange.objects.prefetch_related("evidence").get(pk=message.policy_change_id)
            self._changes[message.policy_change_id] = found
        return self._changes[message.policy_change_id]


def tidings_of(message: Message) -> Tidings:
    """The news of the message's events, as many as a mail lists, the most urgent first."""
    events = message.told().annotate(
        reference=Subquery(Contract.objects.filter(pk=OuterRef("flag__contract_id")).values("reference"))
    )
    concluded = events.filter(kind=EventKind.CONCLUDED).order_by("reference", "flag_id")
    told = events.exclude(kind__in=[EventKind.CLOSED, EventKind.CONCLUDED]).order_by("act_by", "reference", "flag_id")
    closed = events.filter(kind=EventKind.CLOSED).order_by("reference", "flag_id")
    figures = Figures.of(message)
    return Tidings(
        figures,
        _news(told) if figures.told else (),
        _news(closed) if figures.closed else (),
        _news(concluded) if figures.concluded else (),
    )


def _news(events: FlagEventQuerySet) -> Sequence[News]:
    # Many flags share a measure, and many contracts a supplier: fetched once each rather than once a row.
    listed = list(events.select_related("flag").prefetch_related("flag__measure")[:ROWS])
    prefetch_related_objects([event for event in listed if event.kind == EventKind.REOPENED], "flag__actions")
    contracts = Contract.objects.prefetch_related("supplier").in_bulk({event.flag.contract_id for event in listed})
    return [News(event, contracts.get(event.flag.contract_id)) for event in listed]


def _received_because(message: Message) -> list[str]:
    said = [said for capacity, owner in message.capacities if (said := received_because(capacity, owner))]
    more = len(said) - REASONS_FOR_RECEIVING
    if more <= 0:
        return said
    rest = ngettext("The same holds of %(number)d more owner.", "The same holds of %(number)d more owners.", more)
    return [*said[:REASONS_FOR_RECEIVING], rest % {"number": more}]
