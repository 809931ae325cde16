"""Delivery against a real mail server: every answer has its consequence, and no lease is held by two."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiosmtpd.smtp import AuthResult
from django.db import connection
from django.db.models import F, Model
from django.db.models.functions import Now
from pytest_django import Settings

from alerts import delivery, messages, runs, writing
from alerts.mail.transport import Outcome, Transport
from alerts.models import Fate, MailDomain, MailServer, Message, Stage
from alerts.outbox import keeper, queue
from alerts.outbox.keeper import Keeper, LeaseLost
from alerts.writing import Writer
from contracts.models import Contract, Line
from people.models import WallClock
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World
from tests.alerts.smtp import Sink, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    sink = Sink()
    with serving(sink) as port:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_TIMEOUT = 2
        settings.COMPLIANCE_MAILBOX = "compliance@example.com"
        settings.DEFAULT_FROM_EMAIL = "Tocsin <tocsin@example.com>"
        yield sink


def message(recipient: str = "aoi@example.com", **fields: object) -> Message:
    number = Message.objects.count()
    return Message.objects.create(
        **{
            "recipient": recipient,
            "channel": "email",
            "dedup_key": f"key-{number}",
            "message_id": f"<{number}@tocsin.example.com>",
            "language": "en",
            "subject": "契約 C-1 – act at once",
            "text": "Dysprosium 镝\n.a line that begins with a dot\n",
            "html": "<p>Dysprosium 镝</p>",
            "rendered_at": WallClock(),
            **fields,
        }
    )


def deliver(**limit: int) -> Counter[str]:
    return delivery.deliver(at=AT, **limit)


def attempt(claimed: Message) -> Outcome | None:
    with Transport() as transport, Keeper(transport.break_off, 10) as watching:
        watching.watch(claimed, time.monotonic())
        return delivery.attempt(claimed, Writer(), transport, watching, at=AT)


def pass_time(**waited: float) -> None:
    """As if so much time had passed on the database's clock."""
    ago = timedelta(**waited)
    Message.objects.update(
        next_attempt_at=F("next_attempt_at") - ago,
        lease_until=F("lease_until") - ago,
        deferred_since=F("deferred_since") - ago,
        sent_at=F("sent_at") - ago,
    )
    MailServer.objects.update(paused_until=F("paused_until") - ago)
    MailDomain.objects.update(booked_until=F("booked_until") - ago)


def test_an_accepted_mail_is_sent_and_says_the_same(sink: Sink) -> None:
    sent = message()
    assert deliver() == {"sent": 1}
    sent.refresh_from_db()
    assert (sent.state, sent.stage, sent.attempts, sent.last_answer) == ("sent", "accepted", 1, "250 OK")
    assert (sent.lease_token, sent.lease_until) == (None, None)
    assert sent.sent_at is not None
    (mail,) = sink.accepted
    assert (mail["Message-ID"], mail["Subject"], mail["To"]) == (
        "<0@tocsin.example.com>",
        "契約 C-1 – act at once",
        "aoi@example.com",
    )
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == sent.text
    assert html.get_content().strip() == sent.html
    assert deliver() == {}


def test_many_mails_share_a_session(sink: Sink) -> None:
    for number in range(5):
        message(f"user{number}@example.com")
    assert deliver(limit=3) == {"sent": 3}
    assert deliver() == {"sent": 2}
    assert sink.sessions == 2
    assert sorted(sink.recipients) == [f"user{number}@example.com" for number in range(5)]


def test_a_recipient_refused_for_good_is_dead_at_once_and_keeps_nobody(sink: Sink) -> None:
    sink.rcpt_answers["gone@example.com"] = "550 5.1.1 no such user"
    dead, fine = message("gone@example.com"), message()
    assert deliver() == {"refused": 1, "sent": 2}  # the second to whoever is told instead
    dead.refresh_from_db()
    fine.refresh_from_db()
    assert (dead.state, dead.stage, dead.last_answer) == ("dead", "rcpt", "550 5.1.1 no such user")
    assert fine.state == "sent"
    pass_time(days=30)
    assert deliver() == {}


def test_a_temporary_refusal_backs_off_and_is_tried_again(sink: Sink) -> None:
    sink.rcpt_answers["busy@example.com"] = "451 4.7.1 greylisted"
    busy = message("busy@example.com")
    waits = []
    for _ in range(4):
        assert deliver() == {"deferred": 1}
        busy.refresh_from_db()
        waits.append(Message.objects.annotate(wait=F("next_attempt_at") - Now()).get().wait.total_seconds())
        pass_time(hours=1)
    assert (busy.state, busy.attempts, busy.stage) == ("failed", 4, "rcpt")
    longest = [5, 10, 20, 40]
    assert all(end / 2 - 1 <= wait <= end for wait, end in zip(waits, longest, strict=True)), waits

    sink.rcpt_answers.clear()
    assert deliver() == {"sent": 1}


def test_a_message_is_given_up_after_72_hours_of_temporary_refusals(sink: Sink) -> None:
    sink.rcpt_answers["busy@example.com"] = "451 4.7.1 greylisted"
    busy = message("busy@example.com")
    deliver()
    pass_time(hours=71)
    deliver()
    busy.refresh_from_db()
    assert busy.state == "failed"
    pass_time(hours=2)
    deliver()
    busy.refresh_from_db()
    assert (busy.state, busy.attempts) == ("dead", 3)


def test_a_refusal_after_the_final_dot_counts_as_an_answer(sink: Sink) -> None:
    sink.dot_answers = ["451 4.3.0 try later", "554 5.6.0 not like this"]
    later, never = message(), message("ken@example.com")
    assert deliver() == {"deferred": 1, "refused": 1, "sent": 1}  # to whoever is told instead
    later.refresh_from_db()
    never.refresh_from_db()
    assert (later.state, later.stage, later.unanswered) == ("failed", "after-dot", 0)
    assert (never.state, never.stage) == ("dead", "after-dot")


def test_no_answer_after_the_final_dot_is_repeated_once_with_the_same_message_id(sink: Sink) -> None:
    sink.dot_answers = ["drop"]
    unclear = message()
    assert deliver() == {"unclear": 1}
    unclear.refresh_from_db()
    assert (unclear.state, unclear.stage, unclear.unanswered, unclear.attempts) == ("failed", "after-dot", 1, 1)
    assert deliver() == {}  # not at once
    pass_time(minutes=6)
    assert deliver() == {"sent": 1}
    assert [mail["Message-ID"] for mail in sink.accepted] == ["<0@tocsin.example.com>"] * 2


def test_no_answer_twice_is_a_matter_for_people(sink: Sink) -> None:
    sink.dot_answers = ["drop", "drop"]
    unclear = message()
    deliver()
    pass_time(minutes=6)
    deliver()
    unclear.refresh_from_db()
    assert (unclear.state, unclear.unanswered) == ("dead", 2)
    assert sink.recipients == ["aoi@example.com", "aoi@example.com", "compliance@example.com"]


@pytest.mark.parametrize("answer", ["530 5.7.0 authentication required", "550 5.7.1 sender refused", "421 closing"])
def test_a_server_that_takes_no_mail_of_ours_at_all_kills_none(sink: Sink, answer: str) -> None:
    sink.mail_answer = answer
    for number in range(3):
        message(f"user{number}@example.com")
    assert deliver() == {"unreachable": 1}
    pass_time(days=10)
    assert deliver() == {"unreachable": 1}
    assert list(Message.objects.values_list("state", "attempts")) == [("pending", 0)] * 3

    sink.mail_answer = "250 OK"
    pass_time(minutes=1)
    assert deliver() == {"sent": 3}


def test_a_refused_connection_keeps_everything_pending(sink: Sink, settings: Settings) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        settings.EMAIL_PORT = nobody.getsockname()[1]
        waiting = message()
        assert deliver() == {"unreachable": 1}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.stage, waiting.attempts) == ("pending", "connect", 0)
    assert "ConnectionRefusedError" in waiting.last_answer


def test_a_wrong_password_keeps_everything_pending(settings: Settings, sink: Sink) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "tocsin", "expired"
    with serving(
        sink, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=False, handled=False)
    ) as port:
        settings.EMAIL_PORT = port
        waiting = message()
        assert deliver() == {"unreachable": 1}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.stage, waiting.attempts) == ("pending", "auth", 0)


def test_a_lost_lease_is_taken_over_and_the_stale_holder_writes_nothing(sink: Sink) -> None:
    message()
    stale = queue.claim()
    assert stale is not None
    assert queue.claim() is None  # nobody else while the lease lasts
    pass_time(hours=1)

    assert deliver() == {"sent": 1}  # somebody else takes it over

    assert attempt(stale) is None  # notices before its text leaves
    assert not queue.record(stale, Outcome(Fate.REFUSED, Stage.RCPT, "550 too late"), at=AT)
    stale.refresh_from_db()
    assert (stale.state, stale.attempts, stale.last_answer) == ("sent", 2, "250 OK")
    assert len(sink.accepted) == 1


def test_a_sender_killed_while_its_text_left_is_counted_as_unanswered(sink: Sink) -> None:
    message()
    killed = queue.claim()
    assert killed is not None
    keeper.renew(killed, stage=Stage.DATA)
    pass_time(hours=1)
    assert deliver() == {"sent": 1}
    assert Message.objects.get().unanswered == 1


def test_two_senders_never_claim_the_same_message(sink: Sink) -> None:
    first, second = message(), message("ken@example.com")
    claimed = [queue.claim(), queue.claim(), queue.claim()]
    assert [found and found.pk for found in claimed] == [first.pk, second.pk, None]


def test_no_transaction_is_open_while_a_mail_leaves(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    message()
    seen = []
    send = Transport.send

    def watched(self: Transport, *args: object) -> Outcome:
        seen.append(connection.in_atomic_block)
        return send(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Transport, "send", watched)
    deliver()
    assert seen == [False]


def test_an_address_that_cannot_be_written_is_dead_and_keeps_nobody(sink: Sink) -> None:
    broken, fine = message("not an address\r\nRCPT TO:<x@example.com>"), message()
    counts = deliver()
    assert counts == {"refused": 1, "sent": 2}
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, fine.state) == ("dead", "sent")
    assert sink.recipients == ["aoi@example.com", "compliance@example.com"]


@pytest.fixture
def queued(live_world: World) -> Message:
    """A message about contract C-1 as composing leaves it: without its words."""
    live_world.contract("C-1", title="NdPr oxide")
    live_world.change(number="No. 7")
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    return Message.objects.get()


def test_a_message_is_put_into_words_once_and_every_attempt_sends_those(sink: Sink, queued: Message) -> None:
    sink.rcpt_answers["aoi@example.com"] = "451 4.7.1 greylisted"
    assert deliver() == {"deferred": 1}
    queued.refresh_from_db()
    assert queued.rendered_at is not None
    assert queued.subject == "Act at once: contract C-1 may be terminated (reported, not confirmed: No. 7)"

    Contract.objects.update(title="Renamed")
    PolicyChange.objects.update(number="No. 8")
    sink.rcpt_answers.clear()
    pass_time(hours=1)
    assert deliver() == {"sent": 1}
    (mail,) = sink.accepted
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == queued.text
    assert (mail["Subject"], mail["Message-ID"]) == (queued.subject, queued.message_id)
    assert "NdPr oxide" in queued.text


def test_it_speaks_of_the_instant_it_was_queued_for(sink: Sink, queued: Message) -> None:
    Message.objects.update(at=AT.replace(year=2025))  # when the day to act by lay ahead
    deliver()
    queued.refresh_from_db()
    assert queued.subject.startswith("Act by 13 January 2026: contract C-1")


def test_whoever_lost_the_lease_while_writing_stores_nothing(sink: Sink, queued: Message) -> None:
    stale = queue.claim()
    assert stale is not None
    pass_time(hours=1)
    assert queue.take_over(at=AT) == 1
    assert queue.claim() is not None
    with pytest.raises(LeaseLost):
        delivery.write(stale, Writer())
    queued.refresh_from_db()
    assert (queued.rendered_at, queued.text) == (None, "")
    assert attempt(stale) is None
    assert sink.accepted == []


def test_a_message_that_cannot_be_written_is_tried_again_and_keeps_nobody(
    sink: Sink, queued: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = message("ken@example.com")
    with monkeypatch.context() as broken:
        broken.setattr(writing, "tidings_of", lambda _: 1 / 0)
        assert deliver() == {"deferred": 1, "sent": 1}
    queued.refresh_from_db()
    fine.refresh_from_db()
    assert (queued.state, queued.rendered_at, fine.state) == ("failed", None, "sent")
    assert "ZeroDivisionError" in queued.last_answer
    pass_time(hours=1)
    assert deliver() == {"sent": 1}


def test_a_statement_that_fails_while_writing_leaves_the_reduced_letter(
    sink: Sink, queued: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(writing, "letter", lambda *_, **__: failing())
    assert deliver() == {"sent": 1}
    assert sink.accepted[0]["Subject"] == "Contracts affected by CN-REPORT"


@pytest.mark.slow
def test_the_day_a_change_hits_4000_contracts_of_60_owners(sink: Sink, live_world: World) -> None:
    template = live_world.contract("C-0", owner="owner0@example.com")
    line = template.lines.get()
    contracts = [
        Contract(**{**fields_of(template), "reference": f"C-{number}", "owner": f"owner{number % 60}@example.com"})
        for number in range(1, 4000)
    ]
    Contract.objects.bulk_create(contracts)
    Line.objects.bulk_create(Line(**{**fields_of(line), "contract_id": contract.pk}) for contract in contracts)
    live_world.change(number="No. 7", formality="official")
    runs.screen_pending(at=AT)
    assert messages.compose(at=AT) == 60
    assert deliver() == {"sent": 60}
    assert sorted(sink.recipients) == sorted(f"owner{number}@example.com" for number in range(60))
    assert len({mail["Message-ID"] for mail in sink.accepted}) == 60
    subjects = Counter(mail["Subject"] for mail in sink.accepted)
    assert subjects == {
        "Act at once: 67 contracts may be terminated (No. 7)": 40,
        "Act at once: 66 contracts may be terminated (No. 7)": 20,
    }
    assert deliver() == {}
    assert messages.compose(at=AT) == 0


def fields_of(row: Model) -> dict[str, object]:
    """All its columns but its own number."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key}
