"""The sweeper of a worker: a process beside it that works whether or not broker and beat do.

A worker that cannot reach its broker does nothing but try again, and without beat nobody asks it for what a lost ring
forgot. So each keeps a sweeper, which needs the database alone, and starts it again where it ends.
"""

import os
import subprocess
import sys
import threading
from typing import Any

import structlog
from celery import bootsteps

from config.embedded.places import CHECKOUT

AGAIN_SECONDS = 2
PATIENCE_SECONDS = 15

log = structlog.get_logger(__name__)


class SweeperStep(bootsteps.StartStopStep):
    """Starts the sweeper with the worker, after its pool has forked, and ends it with the worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        self._thread = threading.Thread(target=self._keep, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self, worker: Any) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)
        if self._process is not None:
            self._process.kill()

    def terminate(self, parent: Any) -> None:
        self.stop(parent)

    def _keep(self) -> None:
        command = [sys.executable, str(CHECKOUT / "manage.py"), "sweeper", "--with-parent", str(os.getpid())]
        while not self._stopping.is_set():
            try:
                # It ends by itself when this process does, even by SIGKILL.
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
                status: object = self._process.wait()
            except OSError as error:  # no memory or no process number at the moment
                status = str(error)
            if not self._stopping.wait(AGAIN_SECONDS):
                log.error("sweeper ended and is started again", status=status)
