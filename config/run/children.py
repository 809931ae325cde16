"""The processes of one run, each in its own session: started one by one, stopped in order, never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.embedded.children import dying_with_parent
from config.embedded.places import CHECKOUT


@dataclass(frozen=True, slots=True)
class Child:
    """A running process and where it says what it does."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path


class Children:
    """Started in any order, stopped in the order of their starting; a session each, or Ctrl-C would reach them all."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(mode=0o700, exist_ok=True)
        self._logs = logs
        self._running: list[Child] = []

    def start(self, name: str, module: str, *arguments: str, pass_fds: Sequence[int] = ()) -> None:
        """`python -m module arguments`; call it from the main thread, whose death the kernel tells the child."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=pass_fds,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGTERM),
            )
        self._running.append(Child(name, process, log))

    def dead(self) -> Child | None:
        """The first child that ended although nobody stopped it."""
        return next((child for child in self._running if child.process.poll() is not None), None)

    def stop(self, order: Sequence[str], *, patience: float = 15) -> None:
        """Ask each to finish what it does and wait for it, in this order; kill what does not, after some seconds."""
        for child in sorted(self._running, key=lambda child: order.index(child.name)):
            child.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(patience)
            with suppress(ProcessLookupError):  # with all it started, should it or one of them be left
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self._running.clear()
