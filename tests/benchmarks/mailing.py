"""P10: a policy change is published, and two workers screen it, write the mails and hand them to a mail server."""

import json
import os
import smtplib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, Sum

from alerts import doorbell
from alerts.changelog import unscreened
from alerts.mail.transport import mail_of, wire_form
from alerts.models import Fate, Message, MessageAttempt, ScreeningRun
from alerts.models.messages import MessageQuerySet
from alerts.policy import publish
from alerts.reminders.rounds import remind
from contracts.models import Contract
from tests.benchmarks import limits, publishing
from tests.benchmarks.figures import Finding, Measured, seconds, shown
from tests.benchmarks.world import Size
from tests.faults import processes, sink
from tests.faults.stack import BEATS, WORKERS, Stack

AT = publishing.AT
BOUND = 60.0
"""Seconds within which the last mail is to be handed over."""
SESSIONS = 6
"""As many as may send at once: of each worker its sweeper and the two processes of its pool."""
PATIENCE = 1800
"""Seconds after which something must be wrong."""
LOOKS = 0.1

Found = TypeVar("Found")


class Mail(NamedTuple):
    recipient: str
    content: bytes


def measure(size: Size, first: bool) -> Measured:
    """From the publication to the last mail; then the same mails from the queue once more, and by bare smtplib."""
    _settle()
    with TemporaryDirectory(prefix="tocsin-mailing-") as directory, _at_work(Path(directory)) as stack:
        _warm_up()
        used = _used(stack)
        committed = _publish()
        run = _wait(_told, "the publication was not screened")
        messages = Message.objects.filter(run=run).order_by("id")
        took = _accepted(stack, messages) - committed
        used = _used(stack) - used
        phases = _phases(run, messages, committed)
        again = _queue_again(messages)
        queue = _accepted(stack, messages, times=2) - again
        for name in (*WORKERS, *BEATS[:1]):
            stack.kill(name)
        mails = [Mail(message.recipient, wire_form(mail_of(message))) for message in messages]
        bare = partial(_hand_over, port=stack.ports["sink"])
        limit, _ = seconds(lambda: _in_sessions(bare, mails))
    volume = sum(len(mail.content) for mail in mails)
    operation = f"publish to the last of {len(mails):,} mails"
    findings = [
        Finding("P10", f"{operation}, two workers", took, "bound", BOUND, at_most=1),
        Finding(
            "P10",
            f"{len(mails):,} mails that are written, from the queue to the mail server, two workers",
            queue,
            f"bare smtplib, {SESSIONS} sessions, the same mails",
            limit,
            at_most=2,
        ),
    ]
    notes = [
        f"P10: {len(mails):,} mails, {volume / 2**20:,.1f} MiB; bare smtplib takes {shown(limit, 's')} for them,"
        f" {100 * limit / took:,.0f} % of the time from publication to the last mail. {phases}"
        f" The workers used {shown(used, 's')} of processor time for it, {1000 * used / len(mails):,.0f} ms a mail."
        " Mails to one domain are not paced here; as they are by default, 1,200 a minute, that is the bound."
    ]
    return Measured(findings, notes)


def _settle() -> None:
    """Leave nothing to be told but what is published: all that was queued before counts as sent and as timed."""
    remind(at=AT)
    with limits.as_owner() as owner:
        owner.execute(
            f"UPDATE {Message._meta.db_table} SET state = 'sent', rendered_at = clock_timestamp(),"
            " sent_at = clock_timestamp(), timed = true WHERE state = 'pending'"
        )
        owner.execute(f"VACUUM (ANALYZE) {Message._meta.db_table}")


@contextmanager
def _at_work(directory: Path) -> Iterator[Stack]:
    """A mail server, two workers with their sweepers and beat, as production runs them, in this process's database."""
    stack = Stack(directory)
    database = str(connection.settings_dict["NAME"])
    urls = ("DATABASE_URL", "DATABASE_OWNER_URL")
    stack.environment = {
        **os.environ,
        **{name: urlsplit(os.environ[name])._replace(path=f"/{database}").geturl() for name in urls},
        "TOCSIN_CLOCK_STARTED_REAL": str(time.time() - 120),  # later than anything that was done before
        "EMAIL_URL": stack.environment["EMAIL_URL"],
        "EMAIL_PER_DOMAIN_PER_MINUTE": "0",
    }
    try:
        for name in ("sink", *WORKERS, *BEATS[:1]):
            stack.start(name)
        workers = [stack.running[name].running.pid for name in WORKERS]
        _wait(lambda: all(processes.sweepers(pid) for pid in workers), "the workers did not start")
        yield stack
    finally:
        stack.stop()


def _warm_up() -> None:
    """The workers have been at work before: they screen a contract that was saved."""
    contract = Contract.objects.order_by("id")[0]
    with transaction.atomic():
        Contract.objects.filter(pk=contract.pk).update(title=f"{contract.title} ")
        doorbell.ring()
    _wait(lambda: not unscreened().entries and not Message.objects.unsent().exists(), "nothing was screened")


def _publish() -> float:
    """Publish the draft; the moment at which that was committed."""
    committed: list[float] = []
    owners = publishing.owners_to_confirm()
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.time()))
        publish(publishing.draft(), by=publishing.publisher(), at=AT, confirm_owners=owners)
    return committed[0]


def _told() -> ScreeningRun | None:
    """The run that screened the publication, once it has been put into messages."""
    runs = ScreeningRun.objects.filter(changes__contains=[publishing.draft().pk], composed_at__isnull=False)
    return runs.first()


def _accepted(stack: Stack, messages: MessageQuerySet, times: int = 1) -> float:
    """The moment at which the mail server took the last of the messages, each this many times and none more often."""
    log = stack.directory / "sink.jsonl"
    _wait(lambda: not messages.unsent().exists(), "some mails were not sent")
    found = [json.loads(line)["id"] for line in log.read_text().splitlines()]
    if sorted(found) != sorted([*messages.values_list("message_id", flat=True)] * times):
        raise RuntimeError(f"{messages.count()} messages, {len(found)} mails accepted: not each {times} times")
    return log.stat().st_mtime


def _phases(run: ScreeningRun, messages: MessageQuerySet, committed: float) -> str:
    """What of the time went where, by the database's clock."""
    attempts = MessageAttempt.objects.filter(message__in=messages, fate=Fate.SENT)
    written, sent = F("message__rendered_at") - F("started_at"), F("ended_at") - F("message__rendered_at")
    spent = attempts.aggregate(written=Sum(written), sent=Sum(sent))
    last = messages.aggregate(written=Max("rendered_at"), sent=Max("sent_at"))
    moments: list[datetime] = [moment for moment in (run.finished_at, run.composed_at, *last.values()) if moment]
    screened, composed, last_written, last_sent = (shown(moment.timestamp() - committed, "s") for moment in moments)
    share = 100 * spent["written"] / (spent["written"] + spent["sent"])
    return (
        f"After the commit it was screened by {screened}, in messages by {composed}, the last mail written by"
        f" {last_written} and sent by {last_sent}; of the senders' time with a mail {share:.0f} % went into writing it."
    )


def _used(stack: Stack) -> float:
    """Seconds of processor time that the workers have used so far, with all they started."""
    workers = [stack.running[name].running.pid for name in WORKERS]
    return sum(processes.processor_seconds(pid) for worker in workers for pid in processes.family(worker))


def _queue_again(messages: MessageQuerySet) -> float:
    """Put messages that were sent back into the queue, as they are written; the moment at which that was done."""
    with limits.as_owner() as owner:
        owner.execute(
            f"UPDATE {Message._meta.db_table} SET state = 'pending', attempts = 0, next_attempt_at = clock_timestamp()"
            " WHERE id = ANY(%s)",
            [list(messages.values_list("pk", flat=True))],
        )
    return time.time()


def _in_sessions(hand_over: Callable[[Sequence[Mail]], None], mails: Sequence[Mail]) -> None:
    with ThreadPoolExecutor(SESSIONS) as pool:
        list(pool.map(hand_over, (mails[number::SESSIONS] for number in range(SESSIONS))))


def _hand_over(mails: Sequence[Mail], *, port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as session:
        session.login(sink.USER, sink.PASSWORD)
        for mail in mails:
            session.sendmail(settings.DEFAULT_FROM_EMAIL, mail.recipient, mail.content)


def _wait(found: Callable[[], Found | None], otherwise: str) -> Found:
    """What is found once there is something."""
    ends = time.monotonic() + PATIENCE
    while not (one := found()):
        if time.monotonic() > ends:
            raise RuntimeError(otherwise)
        time.sleep(LOOKS)
    return one
