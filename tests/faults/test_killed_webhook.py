"""Senders of webhooks killed and stopped in the middle of an attempt: nothing is lost, and nothing is written twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from alerts.models import WebhookDelivery, WebhookEvent
from alerts.webhooks import queue
from alerts.webhooks.delivery import deliver
from config.embedded.places import CHECKOUT
from tests.webhooks.conftest import Receiver, World, endpoint, live_world, pass_time, receiver
from tests.webhooks.test_delivery import flagged

__all__ = ["live_world", "receiver"]


@contextmanager
def running(program: str, database_url: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "DATABASE_URL": database_url, "WEBHOOKS_TO_LOOPBACK": "1", "WEBHOOK_TIMEOUT": "5"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    command = [sys.executable, "-c", f"import django; django.setup()\n{program}"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def until(true: Any) -> None:
    ends = time.monotonic() + 20
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_sender_killed_while_it_waits_for_the_answer(
    live_world: World, receiver: Receiver, database_url: str
) -> None:
    answer_now = threading.Event()
    receiver.answers = [lambda _: answer_now.wait(20)]
    endpoint(live_world, receiver.url(), events=["flag.opened"])
    flagged(live_world, "C-1")
    with running("from alerts.webhooks.delivery import deliver; deliver()", database_url) as process:
        until(lambda: receiver.received)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    answer_now.set()
    lost = WebhookDelivery.objects.get()
    assert (lost.state, lost.attempts) == ("sending", 1)
    assert deliver() == {}  # not before the lease has lapsed
    pass_time(seconds=21)
    assert deliver() == {"delivered": 1}
    assert [one.headers["webhook-id"] for one in receiver.received] == [
        WebhookEvent.objects.get(type="flag.opened").message_id
    ] * 2
    assert WebhookDelivery.objects.get().attempts == 2


STOPPED_BEFORE_SENDING = """
import os, signal
from alerts.webhooks import delivery, queue
claim = queue.claim
def claim_and_stop(most):
    claimed = claim(most)
    if claimed:
        print("claimed", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    return claimed
queue.claim = claim_and_stop
print(dict(delivery.deliver()), flush=True)
"""


def test_a_sender_stopped_for_longer_than_its_lease_sends_nothing_when_it_wakes(
    live_world: World, receiver: Receiver, database_url: str
) -> None:
    endpoint(live_world, receiver.url(), events=["flag.opened"])
    flagged(live_world, "C-1")
    with running(STOPPED_BEFORE_SENDING, database_url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        time.sleep(5.5)  # beyond the time of an attempt, which is within the lease
        pass_time(seconds=21)
        assert deliver() == {"delivered": 1}
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == "{'taken over': 1}\n"
    assert len(receiver.received) == 1
    done = WebhookDelivery.objects.get()
    assert (done.state, done.attempts) == ("delivered", 2)


STOPPED_WITH_THE_LOCK = """
import os, signal
from alerts.webhooks import payload, queue
def stop(events):
    print("locked", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
payload.bodies = stop
queue.put_out()
"""


@pytest.mark.slow
def test_a_process_stopped_with_the_lock_in_its_hand_is_cut_off_by_the_database(
    live_world: World, receiver: Receiver, database_url: str
) -> None:
    endpoint(live_world, receiver.url(), events=["flag.opened"])
    flagged(live_world, "C-1")
    with running(STOPPED_WITH_THE_LOCK, database_url) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        assert queue.put_out() == 0
        ends = time.monotonic() + 15
        while not (count := queue.put_out()) and time.monotonic() < ends:
            time.sleep(0.5)
        assert count == 2
        assert deliver() == {"delivered": 1}
    connection.close()
