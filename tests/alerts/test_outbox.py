"""The queue of messages: waits to the second, every attempt kept, a circuit for the mail server, a pace for domains."""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Thread

import pytest
from aiosmtpd.smtp import AuthResult
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from pytest_django import Settings

from alerts import delivery
from alerts.models import MailServer, Message, MessageAttempt, Stage
from alerts.outbox import keeper, queue
from tests.alerts.conftest import AT
from tests.alerts.smtp import Sink, serving
from tests.alerts.test_delivery import attempt, deliver, message, pass_time, sink

__all__ = ["sink"]

pytestmark = pytest.mark.django_db(transaction=True)


def log(of: Message) -> list[tuple[int, str, str | None]]:
    return list(of.log.values_list("number", "stage", "fate"))


def waits() -> float:
    """Seconds until the only message is due."""
    found = Message.objects.annotate(wait=F("next_attempt_at") - Now()).get()
    return float(found.wait.total_seconds())


def test_waits_double_from_five_seconds_to_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    assert [queue.wait(attempts) for attempts in range(1, 13)] == [
        5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600,
    ]  # fmt: skip
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    assert [queue.wait(attempts) for attempts in range(1, 13)] == [
        5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800,
    ]  # fmt: skip
    assert queue.wait(10_000) == 1800


def test_the_wait_is_kept_on_the_databases_clock(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    sink.rcpt_answers["aoi@example.com"] = "451 4.2.1 later"
    message(attempts=3)
    assert deliver() == {"deferred": 1}
    assert 38 < waits() <= 40


def test_every_attempt_is_kept_with_the_stage_it_reached(sink: Sink) -> None:
    sink.rcpt_answers["aoi@example.com"] = "451 4.2.1 later"
    sent = message()
    deliver()
    sink.rcpt_answers.clear()
    sink.dot_answers = ["drop"]
    pass_time(hours=1)
    deliver()
    pass_time(hours=1)
    deliver()
    assert log(sent) == [(1, "rcpt", "deferred"), (2, "after-dot", "unclear"), (3, "accepted", "sent")]
    first, second, third = sent.log.all()
    assert first.answer == "451 4.2.1 later"
    assert second.answer == "SMTPServerDisconnected: Connection unexpectedly closed"
    assert third.answer == "250 OK"
    assert first.ended_at is not None
    assert first.started_at <= first.ended_at <= second.started_at


@contextmanager
def saying(*lines: bytes, every: float = 0) -> Iterator[int]:
    """A server that says these lines to whoever connects, whatever it is asked, and then nothing: a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            try:
                while True:
                    peer, _ = listening.accept()
                    Thread(target=talk, args=(peer,), daemon=True).start()
            except OSError:
                return

        def talk(peer: socket.socket) -> None:
            try:
                for line in lines:
                    for byte in line if every else [line]:
                        peer.sendall(bytes([byte]) if every else line)
                        time.sleep(every)
                    peer.recv(4096)
                peer.close()
            except OSError:
                return

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        ((b"421 4.3.2 closing\r\n",), "connect"),
        ((b"554 no service\r\n",), "connect"),
        ((b"220 hello\r\n", b"421 4.3.2 closing\r\n", b"421 4.3.2 closing\r\n"), "ehlo"),
        ((b"220 hello\r\n", b"250 hello\r\n", b"421 4.3.2 closing\r\n"), "mail"),
        ((b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"421 4.3.2 closing\r\n"), "rcpt"),
        ((b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"421 closing\r\n"), "data"),
    ],
)
def test_a_server_that_says_it_is_closing_burns_no_attempt(
    sink: Sink, settings: Settings, said: tuple[bytes, ...], stage: str
) -> None:
    waiting = message()
    with saying(*said) as port:
        settings.EMAIL_PORT = port
        assert deliver() == {"unreachable": 1}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts, waiting.stage) == ("pending", 0, stage)
    assert log(waiting) == [(1, stage, "unreachable")]
    assert MailServer.objects.get().failures == 1


def test_a_missing_starttls_is_the_servers(sink: Sink, settings: Settings) -> None:
    settings.EMAIL_USE_TLS = True
    waiting = message()
    assert deliver() == {"unreachable": 1}
    assert log(waiting) == [(1, "tls", "unreachable")]


def test_a_connection_lost_before_the_text_is_the_messages(sink: Sink, settings: Settings) -> None:
    waiting = message()
    with saying(b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n") as port:
        settings.EMAIL_PORT = port
        assert deliver() == {"deferred": 1}
    assert log(waiting) == [(1, "data", "deferred")]
    assert not MailServer.objects.exists()


def test_while_the_server_fails_one_message_at_a_time_tries_it(sink: Sink) -> None:
    sink.mail_answer = "421 4.3.2 closing"
    for number in range(3):
        message(f"user{number}@example.com")
    pauses = []
    for _ in range(5):
        assert deliver() == {"unreachable": 1}
        assert deliver() == {}  # left alone meanwhile
        server = MailServer.objects.annotate(pause=F("paused_until") - Now()).get()
        pauses.append(round(server.pause.total_seconds()))
        pass_time(seconds=31)
    assert pauses == [5, 10, 20, 30, 30]
    assert sink.sessions == 5

    first = queue.claim()  # it alone tries
    assert first is not None
    assert queue.claim() is None

    sink.mail_answer = "250 OK"
    outcome = attempt(first)
    assert outcome is not None
    queue.record(first, outcome, at=AT)
    server.refresh_from_db()
    assert (server.failures, server.failing_since, server.paused_until) == (0, None, None)
    assert deliver() == {"sent": 2}


def test_an_expired_password_makes_no_dead_letters(sink: Sink, settings: Settings) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "tocsin", "expired"
    for number in range(3):
        message(f"user{number}@example.com")
    refusing = {"auth_require_tls": False, "authenticator": lambda *_: AuthResult(success=False, handled=False)}
    with serving(sink, **refusing) as port:
        settings.EMAIL_PORT = port
        for _ in range(6):
            assert deliver() == {"unreachable": 1}
            pass_time(days=1)
    assert list(Message.objects.values_list("state", "attempts")) == [("pending", 0)] * 3
    assert set(MessageAttempt.objects.values_list("stage", "fate")) == {("auth", "unreachable")}


def test_a_refusal_by_policy_of_all_mail_kills_none(sink: Sink) -> None:
    for number in range(3):
        sink.rcpt_answers[f"user{number}@example.com"] = "550 5.7.1 relaying denied"
        message(f"user{number}@example.com")
    for _ in range(5):
        assert deliver() == {"policy": 1}
        pass_time(days=1)
    assert list(Message.objects.values_list("state", "attempts")) == [("pending", 0)] * 3
    sink.rcpt_answers.clear()
    assert deliver() == {"sent": 3}


def test_a_refusal_by_policy_of_one_message_among_others_kills_that_one(sink: Sink) -> None:
    sink.rcpt_answers["board@example.com"] = "550 5.7.1 members only"
    board, fine = message("board@example.com"), message()
    assert deliver() == {"policy": 1}
    pass_time(seconds=6)
    assert deliver() == {"sent": 1}
    pass_time(seconds=20)
    assert deliver() == {"refused": 1, "sent": 1}  # the second is the one instead
    board.refresh_from_db()
    fine.refresh_from_db()
    assert (board.state, fine.state) == ("dead", "sent")


def test_a_domain_gets_no_more_than_its_rate_and_keeps_no_other(sink: Sink, settings: Settings) -> None:
    settings.EMAIL_PER_DOMAIN_PER_MINUTE = 12
    for number in range(4):
        message(f"user{number}@Example.com")
    message("ken@example.org")
    assert deliver() == {"sent": 3}  # two of example.com use up what five seconds allow
    assert sorted(sink.recipients) == ["ken@example.org", "user0@Example.com", "user1@Example.com"]
    assert deliver() == {}
    pass_time(seconds=5)
    assert deliver() == {"sent": 1}


def test_a_lost_sender_is_taken_over_within_the_lease_and_told_in_the_log(sink: Sink) -> None:
    taken = message()
    assert queue.claim() is not None
    assert queue.take_over(at=AT) == 0
    assert keeper.LEASE_SECONDS <= 15  # with the sweeper's round well within 20 seconds
    pass_time(seconds=keeper.LEASE_SECONDS + 1)
    assert deliver() == {"sent": 1}
    assert log(taken) == [(1, "write", "lost"), (2, "accepted", "sent")]
    taken.refresh_from_db()
    assert taken.unanswered == 0


def test_a_message_that_loses_its_senders_is_given_up(sink: Sink) -> None:
    deadly = message()
    for _ in range(4):
        assert queue.claim() is not None
        pass_time(hours=1)
        queue.take_over(at=AT)
        pass_time(hours=1)
    deadly.refresh_from_db()
    assert deadly.state == "failed"
    queue.claim()
    pass_time(hours=1)
    queue.take_over(at=AT)
    deadly.refresh_from_db()
    assert (deadly.state, deadly.attempts) == ("dead", 5)
    assert Message.objects.get(in_place_of=deadly).recipient == "compliance@example.com"


def test_senders_lost_twice_while_the_text_left_send_no_third_copy(sink: Sink) -> None:
    twice = message()
    for _ in range(2):
        claimed = queue.claim()
        assert claimed is not None
        keeper.renew(claimed, stage=Stage.DATA)
        pass_time(hours=1)
        queue.take_over(at=AT)
    twice.refresh_from_db()
    assert (twice.state, twice.unanswered) == ("dead", 2)


@pytest.mark.slow
def test_a_slow_server_keeps_its_mail_and_the_lease(
    sink: Sink, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LEASE_SECONDS", 2)
    monkeypatch.setattr(keeper, "SLACK_SECONDS", 1)
    monkeypatch.setattr(queue, "LEASE_SECONDS", 2)
    monkeypatch.setattr(keeper, "BEAT_SECONDS", 0.3)
    settings.EMAIL_TIMEOUT = 10
    slow = message()
    said = (b"220 hello\r\n", b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 kept\r\n")
    taken: list[int] = []
    with saying(*said, every=0.1) as port:  # six seconds, three leases
        settings.EMAIL_PORT = port
        sending = Thread(target=lambda: (deliver(), connection.close()))
        sending.start()
        while sending.is_alive():
            taken.append(queue.take_over(at=AT))
            sending.join(0.2)
    assert sum(taken) == 0
    assert len(taken) > 15
    slow.refresh_from_db()
    assert (slow.state, slow.attempts) == ("sent", 1)


@pytest.mark.slow
def test_a_server_that_answers_a_byte_at_a_time_for_ever_is_left(
    sink: Sink, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "BEAT_SECONDS", 0.2)
    settings.EMAIL_TIMEOUT = 1  # for an answer; five times that for an attempt
    waiting = message()
    with saying(b"220-" + b"x" * 1000, every=0.2) as port:
        settings.EMAIL_PORT = port
        began = time.monotonic()
        assert deliver() == {"unreachable": 1}
        assert 4 < time.monotonic() - began < 9
    assert log(waiting) == [(1, "connect", "unreachable")]


def test_two_workers_at_once_send_each_mail_once(sink: Sink) -> None:
    for number in range(40):
        message(f"user{number}@example.com")
    together, counts = Barrier(2), []

    def work() -> None:
        together.wait()
        counts.append(delivery.deliver(at=AT))
        connection.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(count["sent"] for count in counts) == 40
    assert sorted(sink.recipients) == sorted(f"user{number}@example.com" for number in range(40))
    assert MessageAttempt.objects.count() == 40
