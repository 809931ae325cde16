"""What a running `make run` tells other commands on the same state directory: its clock, its mail sink, its URL."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Self, TextIO

from config.embedded.places import EmbeddedError, make_state


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of the demonstration; it holds for as long as the supervisor keeps its lock."""

    url: str
    email_url: str
    clock_start: datetime
    clock_started_real: float

    def text(self) -> str:
        return json.dumps({**asdict(self), "clock_start": self.clock_start.isoformat()})

    @classmethod
    def parse(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(
            url=str(values["url"]),
            email_url=str(values["email_url"]),
            clock_start=datetime.fromisoformat(values["clock_start"]),
            clock_started_real=float(values["clock_started_real"]),
        )


def current(state: Path) -> RunRecord | None:
    """The record of the run that holds the lock now; None where no run lives, whatever a dead one left behind."""
    with suppress(OSError, ValueError, KeyError), open(state / "run.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return RunRecord.parse(lock.read())
    return None


class RunLock:
    """The lock against a second run on one state directory; the kernel drops it with the process, even by SIGKILL."""

    def __init__(self, state: Path) -> None:
        descriptor = os.open(make_state(state) / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file: TextIO = os.fdopen(descriptor, "r+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise EmbeddedError(f"Tocsin is already running on {state}") from None
        self._file.truncate(0)

    def publish(self, record: RunRecord) -> None:
        """Let other commands see the record; whoever reads before this sees none."""
        self._file.seek(0)
        self._file.truncate(0)
        self._file.write(record.text())
        self._file.flush()

    def release(self) -> None:
        self._file.truncate(0)
        self._file.close()
