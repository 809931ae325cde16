"""The embedded Valkey: a broker that keeps nothing, on a private socket."""

import signal
import socket
import subprocess
import time

from config.embedded import binaries, children
from config.embedded.places import EmbeddedError, Places, make_private

_START_SECONDS = 10


class Valkey:
    """One server; what it forgets when it stops, the next sweep rings again."""

    def __init__(self, places: Places) -> None:
        self._directory = places.state / "valkey"
        self._socket = make_private(places.sockets) / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start; returns when it answers."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        log = self._directory / "valkey.log"
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    binaries.valkey_program(),
                    *(word for name, value in options.items() for word in (f"--{name}", value)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=children.dying_with_parent(signal.SIGTERM),
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if not self.alive or time.monotonic() > deadline:
                raise EmbeddedError(f"Valkey did not start: {log.read_text()[-1500:]}\nOr set REDIS_URL.")
            time.sleep(0.02)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
