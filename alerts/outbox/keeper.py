"""Keeps a sender's lease alive while a mail server takes its time, and ends an attempt that takes too long.

The lease is short, so that the message of a lost sender is soon taken over; a server may be slow all the same. So a
thread renews the lease of what is being sent, and breaks the connection off where somebody else has taken it over or
the attempt has lasted too long, which also ends a server that answers a byte at a time.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from types import TracebackType
from typing import Self

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from alerts.leases import in_seconds
from alerts.models import Message, State

LEASE_SECONDS = 12
"""After which whoever does not renew a lease is taken for lost."""
BEAT_SECONDS = 3
"""Between two renewals."""
SLACK_SECONDS = 3
"""How much of a lease must be left for a text to begin to leave."""

log = structlog.get_logger(__name__)


class LeaseLost(Exception):  # noqa: N818
    """Somebody else has taken the message over, or may have."""


@dataclass(slots=True)
class _Watch:
    message: Message
    deadline: float
    renewed: float


class Keeper:
    """Watches one message at a time; its thread, with a database connection of its own, lives as long as the round."""

    def __init__(self, break_off: Callable[[], None], attempt_seconds: float) -> None:
        self._break_off = break_off
        self._attempt_seconds = attempt_seconds
        self._watch: _Watch | None = None
        self._changed = Condition()
        self._leaving = False
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._changed:
            self._leaving = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def watch(self, message: Message, claimed: float) -> None:
        """Keep the lease of this message, claimed at this moment of the monotonic clock, until it is let go."""
        with self._changed:
            self._watch = _Watch(message, time.monotonic() + self._attempt_seconds, claimed)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="lease-keeper", daemon=True)
            self._thread.start()

    def let_go(self) -> None:
        with self._changed:
            self._watch = None

    def renewed(self, moment: float) -> None:
        """Whoever sends has renewed the lease itself at this moment of the monotonic clock."""
        with self._changed:
            if self._watch is not None:
                self._watch.renewed = max(self._watch.renewed, moment)

    def check(self) -> None:
        """LeaseLost where the lease may have lapsed: this process was stopped, or cannot reach the database."""
        with self._changed:
            watch = self._watch
        if watch is None or time.monotonic() - watch.renewed > LEASE_SECONDS - SLACK_SECONDS:
            raise LeaseLost

    def _run(self) -> None:
        try:
            while self._wait():
                with self._changed:
                    watch = self._watch
                if watch is not None:
                    self._beat(watch)
        finally:
            connection.close()

    def _wait(self) -> bool:
        with self._changed:
            return not self._changed.wait_for(lambda: self._leaving, BEAT_SECONDS)

    def _beat(self, watch: _Watch) -> None:
        """Renew the lease, and break off what is over; a database that does not answer is no reason to break off."""
        moment = time.monotonic()
        over = moment > watch.deadline
        try:
            ours = over or renew(watch.message)
        except DatabaseError as error:
            log.warning("lease not renewed", message=watch.message.pk, error=type(error).__name__)
            connection.close()
            return
        with self._changed:
            if self._watch is not watch:
                return
            if over or not ours:
                log.warning("attempt broken off", message=watch.message.pk, over=over)
                self._break_off()
            else:
                watch.renewed = moment


def renew(message: Message, **noted: str) -> bool:
    """Prolong the lease and note the stage, where one is given; False where the message is no longer ours."""
    held = Message.objects.filter(pk=message.pk, state=State.SENDING, lease_token=message.lease_token)
    return bool(held.update(**noted, lease_until=in_seconds(LEASE_SECONDS)))
