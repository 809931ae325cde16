"""How a command gets the embedded services: it holds a lease while it runs, and several commands share them."""

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from config.embedded.keeper import GOODBYE, READY
from config.embedded.places import CHECKOUT, EmbeddedError, Places, make_private, make_state

_START_SECONDS = 120
_STOP_SECONDS = 30


class Lease:
    """The right to use the services; they run at least until it is given up or its process ends."""

    def __init__(self, connection: socket.socket, *, started: bool) -> None:
        self._connection = connection
        self.started = started

    def give_up(self) -> None:
        """Let the services go; where nobody else has a lease, returns when they have stopped."""
        with self._connection, suppress(OSError):
            self._connection.settimeout(_STOP_SECONDS)
            self._connection.sendall(GOODBYE)
            self._connection.recv(16)  # either word that others stay, or the end of the keeper


def take(places: Places) -> Lease:
    """A lease on the services of these places, started if they do not run; EmbeddedError says why it cannot be had."""
    make_state(places.state)
    make_private(places.sockets)
    if connection := _connect(places):
        return Lease(connection, started=False)
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        _start_keeper(places)
        if connection := _connect(places):
            return Lease(connection, started=True)
        # Another keeper holds the lock: it is starting, and will answer, or stopping, and ours can follow it.
        time.sleep(0.05)
    raise EmbeddedError(f"the embedded services did not start within {_START_SECONDS} s: see {places.keeper_log}")


@contextmanager
def leased(places: Places) -> Iterator[Lease]:
    """The services for the duration of the block."""
    lease = take(places)
    try:
        yield lease
    finally:
        lease.give_up()


def _connect(places: Places) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    with suppress(OSError):
        connection.connect(str(places.keeper_socket))
        if connection.recv(len(READY)) == READY:
            return connection
    connection.close()
    return None


def _start_keeper(places: Places) -> None:
    """Start a keeper, nobody's child, for it may outlive us; returns when it serves or has left that to another."""
    read, write = os.pipe()
    with open(read) as report, open(places.keeper_log, "ab") as log:
        subprocess.run(
            [sys.executable, "-m", "config.embedded.keeper", str(write)],
            cwd=CHECKOUT,
            env={**os.environ, "TOCSIN_STATE": str(places.state)},
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )
        os.close(write)
        if fault := report.read():
            raise EmbeddedError(fault)


@contextmanager
def migrating(places: Places) -> Iterator[bool]:
    """True inside where the database does not have this code's migrations; one process at a time.

    Leaving the block without an exception records that it has them now.
    """
    stamp = places.migrated
    code = migrations_fingerprint()
    with open(os.open(places.state / "migrate.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not stamp.exists() or stamp.read_text() != code
        yield needed
        if needed:
            stamp.write_text(code)


def migrations_fingerprint() -> str:
    """Changes with any migration of ours and, through the lock file, of the packages we use."""
    digest = hashlib.sha256()
    for path in (CHECKOUT / "requirements.lock", *sorted(CHECKOUT.glob("*/migrations/*.py"))):
        digest.update(str(path.relative_to(CHECKOUT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
