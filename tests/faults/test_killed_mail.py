"""Senders of mail killed and stopped in the middle of an attempt, and a worker without broker and beat."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db.models.functions import Now

from alerts.models import Message
from alerts.outbox import queue
from config.embedded.places import CHECKOUT
from tests.alerts.conftest import AT, live_world
from tests.alerts.smtp import Sink, serving
from tests.alerts.test_delivery import deliver, message, sink
from tests.faults.processes import state, sweepers

__all__ = ["live_world", "sink"]

pytestmark = pytest.mark.django_db(transaction=True)


def environment(database_url: str, port: int, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{port}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@contextmanager
def running(program: str, database_url: str, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", f"import django; django.setup()\n{program}"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(database_url, port), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(true: Callable[[], object], seconds: float = 20) -> float:
    """Seconds it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.1)
    return time.monotonic() - began


SENDING = f"""
from datetime import datetime
from alerts import delivery
print(dict(delivery.deliver(at=datetime.fromisoformat({AT.isoformat()!r}))), flush=True)
"""
STOPPED = """
import os, signal
from alerts.mail import transport
real = transport.{where}
def stop(*arguments, **options):
    print("there", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    return real(*arguments, **options)
transport.{where} = stop
"""


@pytest.mark.slow
def test_a_sender_killed_while_it_writes_is_taken_over_within_twenty_seconds(
    sink: Sink, settings, database_url: str
) -> None:
    taken = message()
    with running(STOPPED.format(where="mail_of") + SENDING, database_url, settings.EMAIL_PORT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert deliver() == {}  # not before the lease has lapsed
    assert until(lambda: deliver() == {"sent": 1}) < 20
    taken.refresh_from_db()
    assert (taken.state, taken.attempts, taken.unanswered) == ("sent", 2, 0)
    assert list(taken.log.values_list("fate", flat=True)) == ["lost", "sent"]
    assert sink.recipients == ["aoi@example.com"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "possibly_twice"),
    [
        ("mail_of", 0),  # before anything was said of the message
        ("_dotted", 1),  # the server waits for the text: whoever takes over cannot know whether it left
    ],
)
def test_a_sender_stopped_for_longer_than_its_lease_sends_nothing_when_it_wakes(
    sink: Sink, settings, database_url: str, where: str, possibly_twice: int
) -> None:
    taken = message()
    with running(STOPPED.format(where=where) + SENDING, database_url, settings.EMAIL_PORT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        assert until(lambda: deliver() == {"sent": 1}) < 20
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "{'taken over': 1}\n"
    taken.refresh_from_db()
    assert (taken.state, taken.attempts, taken.unanswered) == ("sent", 2, possibly_twice)
    assert sink.recipients == ["aoi@example.com"]


class Slow(Sink):
    """Takes the text, and is in no hurry to say so."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(40)
        return await super().handle_DATA(server, session, envelope)


@pytest.mark.slow
def test_a_lost_senders_message_is_taken_over_though_whoever_sends_is_busy(database_url: str, tmp_path: Path) -> None:
    busy = message("ken@example.com")
    with serving(Slow()) as port, (tmp_path / "log").open("wb") as log:
        sweeper = subprocess.Popen(
            [sys.executable, "manage.py", "sweeper"],
            cwd=CHECKOUT,
            env=environment(database_url, port, EMAIL_TIMEOUT="60", REDIS_URL="redis://127.0.0.1:1/0"),
            stdout=log,
            stderr=log,
        )
        try:
            until(lambda: Message.objects.filter(pk=busy.pk, stage="data").exists(), 40)
            lapsed = Now() - timedelta(seconds=1)
            lost = message(state="sending", stage="rcpt", lease_token=uuid4(), lease_until=lapsed)
            until(lambda: Message.objects.get(pk=lost.pk).state == "failed", 10)
            assert Message.objects.get(pk=busy.pk).state == "sending"
        finally:
            sweeper.kill()
            sweeper.wait()


def deaf() -> socket.socket:
    """An address at which nobody listens."""
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))
    return nobody


@pytest.mark.slow
def test_a_worker_without_broker_and_beat_screens_and_sends(
    sink: Sink, settings, live_world, database_url: str, tmp_path: Path
) -> None:
    message("ken@example.com")
    with deaf() as broker, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "--concurrency", "1",
             "--loglevel", "ERROR", "--without-gossip", "--without-mingle"],
            cwd=CHECKOUT,
            env=environment(
                database_url,
                settings.EMAIL_PORT,
                REDIS_URL=f"redis://127.0.0.1:{broker.getsockname()[1]}/0",
                TOCSIN_CLOCK_START=AT.isoformat(),
            ),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            until(lambda: "ken@example.com" in sink.recipients, 40)
            live_world.contract("C-1")
            live_world.change()
            until(lambda: "aoi@example.com" in sink.recipients, 40)
            (sweeper,) = sweepers(process.pid)
            os.kill(sweeper, signal.SIGKILL)  # it is started again
            until(lambda: [pid for pid in sweepers(process.pid) if pid != sweeper], 20)
            message("rin@example.com")
            until(lambda: "rin@example.com" in sink.recipients, 40)
            (again,) = sweepers(process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()
            until(lambda: state(again) in "XZ", 20)  # it follows the worker
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert sink.recipients == ["ken@example.com", "aoi@example.com", "rin@example.com"]
    assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}
    assert queue.take_over(at=AT) == 0
