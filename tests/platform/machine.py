"""A state directory of its own, the commands that use it, and every process that they leave."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from config.embedded.places import CHECKOUT, places_of

# Holds a lease until its standard input is closed; prints whether it was the one that started the services.
HOLD = """
import sys
from config.embedded.lease import leased
from config.embedded.places import EmbeddedError, places
try:
    with leased(places()) as lease:
        print("started" if lease.started else "joined", flush=True)
        sys.stdin.read()
except EmbeddedError as error:
    sys.exit(f"error: {error}")
"""


class Machine:
    """One state directory of its own and the commands that use it."""

    def __init__(self, state: Path, *, user: int | None = None, **environment: str) -> None:
        self.state = state
        self.places = places_of(state, user=os.geteuid() if user is None else user)
        self.environment = {**os.environ, "TOCSIN_STATE": str(state), **environment}
        self.commands: list[subprocess.Popen[str]] = []
        self.command = [sys.executable]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the interpreter with these arguments, or to hold a lease."""
        command = subprocess.Popen(
            [*self.command, *(arguments or ("-c", HOLD))],
            cwd=CHECKOUT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.commands.append(command)
        return command

    def hold(self) -> tuple[subprocess.Popen[str], str]:
        command = self.begin()
        return command, self.word(command)

    def word(self, command: subprocess.Popen[str]) -> str:
        said = command.stdout.readline().strip()
        return said or command.stderr.read()

    @staticmethod
    def end(command: subprocess.Popen[str]) -> None:
        command.stdin.close()
        assert command.wait(30) == 0

    def processes(self) -> dict[int, str]:
        """Every process that was started for this state directory, apart from the commands themselves."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            # Valkey writes its title over its environment.
            ours = str(self.state).encode() in environment or self.places.sockets.name in words
            if ours and words and int(entry.name) not in {command.pid for command in self.commands}:
                found[int(entry.name)] = words
        return found

    def keeper(self) -> int:
        return int((self.state / "keeper.lock").read_text())

    def gone_within(self, seconds: float) -> dict[int, str]:
        """What is left after at most that time; nothing is what we want."""
        deadline = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def connect(self, user: str) -> psycopg.Connection:
        host = self.places.postgres_sockets
        return psycopg.connect(host=str(host), user=user, dbname="tocsin", autocommit=True)

    def clean(self) -> None:
        for command in self.commands:
            command.kill()
            command.wait()
            for stream in (command.stdin, command.stdout, command.stderr):
                stream.close()
        left = self.gone_within(20)
        for directory in Path("/tmp").glob(f"{self.places.sockets.name}*"):
            shutil.rmtree(directory, ignore_errors=True)
        assert not left
