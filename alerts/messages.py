"""From events to messages: each event nobody was told of becomes one line of one message per recipient.

There is one message per recipient, run and policy change, however many contracts. It is rendered once and stored in
the transaction that marks its events as told.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import translation

from alerts.grounds import GroundsBook
from alerts.mail.fallback import fallback
from alerts.mail.language import language_of
from alerts.mail.letter import DETAILED, News, letter
from alerts.mail.render import Rendered, render
from alerts.mail.words import received_because
from alerts.models import Channel, FlagEvent, Message, MessageLine, ScreeningRun
from alerts.portfolio import calendar
from alerts.recipients import Directory, Recipient
from contracts.models import Contract
from people.models import WallClock
from policies.models import PolicyChange

log = structlog.get_logger(__name__)
CHANNEL = Channel.EMAIL


def compose(*, at: datetime) -> int:
    """Write a message for every event that has none yet; return how many were written. Safe to call twice at once."""
    runs = FlagEvent.objects.untold().order_by("run_id").values_list("run_id", flat=True).distinct()
    return sum(_compose_run(run, at) for run in list(runs))


@transaction.atomic
def _compose_run(run_id: int, at: datetime) -> int:
    # Whoever comes second waits, and finds no event untold.
    run = ScreeningRun.objects.select_for_update(no_key=True).get(pk=run_id)
    untold = FlagEvent.objects.untold().filter(run=run)
    untold.of_flags_put_aside().update(composed_at=WallClock())
    events = list(untold.select_related("flag__measure__change").order_by("id"))
    contracts = Contract.objects.select_related("supplier", "department").in_bulk({e.flag.contract_id for e in events})
    directory = Directory(contracts.values(), at)
    grounds = GroundsBook(at)
    written = 0
    for (recipients, change), news in _grouped(events, contracts, directory):
        try:
            with transaction.atomic():
                written += _write(run, change, recipients, news, grounds, at)
                FlagEvent.objects.filter(pk__in=[item.event.pk for item in news]).update(composed_at=WallClock())
        except Exception:  # one message that cannot be written must not keep the others; its events stay untold
            log.exception("message not written", run=run.pk, change=change.reference, recipient=recipients[0].address)
    return written


def _grouped(
    events: Iterable[FlagEvent], contracts: dict[int, Contract], directory: Directory
) -> Iterable[tuple[tuple[list[Recipient], PolicyChange], list[News]]]:
    """The news of each recipient and policy change; one address may be addressed in several capacities."""
    groups: defaultdict[tuple[str, int], list[tuple[Recipient, News]]] = defaultdict(list)
    for event in events:
        contract = contracts.get(event.flag.contract_id)
        recipient = directory.recipient(contract)
        groups[recipient.address, event.flag.measure.change_id].append((recipient, News(event, contract)))
    for members in groups.values():
        recipients = list(dict.fromkeys(recipient for recipient, _ in members))
        news = [item for _, item in members]
        yield (recipients, news[0].event.flag.measure.change), news


def _write(
    run: ScreeningRun,
    change: PolicyChange,
    recipients: Sequence[Recipient],
    news: Sequence[News],
    grounds: GroundsBook,
    at: datetime,
) -> int:
    to = recipients[0]
    key = f"{CHANNEL}:run-{run.pk}:{change.reference}:{to.address}"
    language = language_of(to.user)
    with translation.override(language):
        rendered = _rendered(change, recipients, news, grounds, at)
    message, created = Message.objects.get_or_create(
        dedup_key=key,
        defaults={
            "recipient": to.address,
            "channel": CHANNEL,
            "message_id": message_id(key),
            "run": run,
            "policy_change": change,
            "language": language,
            "subject": rendered.subject,
            "text": rendered.text,
            "html": rendered.html,
        },
    )
    if created:
        MessageLine.objects.bulk_create(
            MessageLine(message=message, event=item.event, recipient=to.address, channel=CHANNEL) for item in news
        )
    return int(created)


def _rendered(
    change: PolicyChange,
    recipients: Sequence[Recipient],
    news: Sequence[News],
    grounds: GroundsBook,
    at: datetime,
) -> Rendered:
    """The full mail, or a bare list of the contracts where something in them defeats it: the alert is sent anyway."""
    try:
        detailed = sorted(news, key=lambda item: (item.event.act_by, item.reference))[:DETAILED]
        return render(
            letter(
                change,
                news,
                today=calendar(at).today,
                grounds=grounds.of(detailed),
                received_because=[sentence for to in recipients if (sentence := received_because(to))],
            )
        )
    except Exception:
        log.exception("mail reduced to its list of contracts", change=change.reference)
        return fallback(change, news)


def message_id(dedup_key: str) -> str:
    """The same for the same key, so that a second copy of a mail is recognisable as one."""
    host = urlsplit(settings.BASE_URL).hostname or "tocsin.invalid"
    return f"<{sha256(dedup_key.encode()).hexdigest()[:40]}@{host}>"
