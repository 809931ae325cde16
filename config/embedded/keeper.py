"""The process that owns the embedded services: `python -m config.embedded.keeper FD`, started by the first lease.

Whoever uses the services holds a connection to the keeper's socket, which the kernel closes when that process ends,
however it ends. When the last is gone the keeper stops Valkey, then PostgreSQL, and exits; if the keeper itself is
killed, the kernel tells both to stop. A file lock sees to it that one state directory has one keeper.
"""

import fcntl
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from config.embedded.places import EmbeddedError, Places, make_private, make_state, places
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

READY = b"ready\n"
GOODBYE = b"goodbye\n"
OTHERS_STAY = b"others stay\n"
# How long to wait for the first lease: whoever started us asks as soon as we are ready.
_FIRST_LEASE_SECONDS = 10
_CHECK_SECONDS = 1


class _StopRequest(BaseException):
    """Somebody asked the keeper itself to stop."""


def keep(here: Places, *, ready: Callable[[], None]) -> None:
    """Run the services until nobody holds a lease; says when they are ready. Does nothing where another keeps them."""
    lock = os.open(make_state(here.state) / here.keeper_lock.name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another was quicker; whoever started us will find it
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    make_private(here.sockets)
    here.keeper_socket.unlink(missing_ok=True)
    postgres, valkey = Postgres(here), Valkey(here)
    leaving: list[socket.socket] = []
    try:
        postgres.start()
        valkey.start()
        _serve(here, lock, postgres, valkey, ready, leaving)
    except _StopRequest:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        valkey.stop()
        postgres.stop()
        if _holds(lock, here):  # else the sockets may be another keeper's by now
            _tidy(here)


def _serve(
    here: Places,
    lock: int,
    postgres: Postgres,
    valkey: Valkey,
    ready: Callable[[], None],
    leaving: list[socket.socket],
) -> None:
    """Give leases until the last is gone; whoever says goodbye last is kept in `leaving` to see everything stopped."""
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as selector:
        door.bind(str(here.keeper_socket))
        door.listen(64)
        door.setblocking(False)
        ready()
        selector.register(door, selectors.EVENT_READ)
        leases: set[socket.socket] = set()
        patience = _FIRST_LEASE_SECONDS
        while postgres.alive and valkey.alive and _holds(lock, here):
            events = selector.select(_CHECK_SECONDS)
            for key, _ in events:
                lease = key.fileobj
                if lease is door:
                    lease, _ = door.accept()
                    lease.setblocking(True)
                    selector.register(lease, selectors.EVENT_READ)
                    leases.add(lease)
                    lease.sendall(READY)
                elif isinstance(lease, socket.socket):
                    selector.unregister(lease)
                    leases.discard(lease)
                    patience = 0
                    if _said(lease) == GOODBYE and not leases:
                        leaving.append(lease)
                    else:
                        with lease, suppress(OSError):
                            lease.sendall(OTHERS_STAY)
            if not leases and not events:
                patience -= _CHECK_SECONDS
            if not leases and patience <= 0:
                return


def _holds(lock: int, here: Places) -> bool:
    """False once somebody has removed the state directory: then the next keeper could not know of us."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(lock), here.keeper_lock.stat())
    return False


def _tidy(here: Places) -> None:
    """Leave nothing in the temporary directory; we still hold the lock, and the next keeper makes its own."""
    for directory in (here.sockets, here.postgres_sockets):
        with suppress(OSError):
            for left in directory.iterdir():
                left.unlink()
            directory.rmdir()


def _said(lease: socket.socket) -> bytes:
    """What the holder said last; nothing where its process ended without a word."""
    try:
        return lease.recv(16)
    except OSError:
        return b""


def _stop(number: int, frame: FrameType | None) -> None:
    raise _StopRequest


def main(report: int) -> None:
    """Detach from whoever started us, keep, and write to the descriptor what went wrong; closing it says ready."""
    if os.fork():
        os._exit(0)
    # Ctrl-C is for the command that the terminal runs; the keeper goes when its leases have gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    os.umask(0o077)
    with open(report, "w") as starter:
        try:
            keep(places(), ready=starter.close)
        except (EmbeddedError, OSError) as error:
            print(error, file=sys.stderr)
            if not starter.closed:
                starter.write(str(error))


if __name__ == "__main__":
    main(int(sys.argv[1]))
