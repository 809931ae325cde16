"""Points at which a process can be killed or stopped, a clock that steps, and a planted bug: the product knows of none.

`inside/sitecustomize.py` has each driven process install this. What happens is asked for by files of a directory that
the driver and its processes share: a file named like a point, with the number of a signal in it, is for the first
process that gets there, which takes it and sends itself that signal.
"""

import faulthandler
import importlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.faults.planted import BUGS

DIRECTORY, BUG = "TOCSIN_FAULTS", "TOCSIN_FAULTS_BUG"
"""Variables: the directory, and the name of a bug of tests/faults/planted.py."""
DUMP = signal.SIGRTMIN + 3
"""Has a process write the stacks of its threads to standard error; Celery uses the usual ones itself."""
ARMED, STRUCK, CLOCK = "armed", "struck", "clock"

MAIL = {
    "claimed": ("alerts.delivery", "attempt"),
    "text leaves": ("alerts.mail.transport", "_dotted"),
    "text left": ("smtplib", "SMTP.send"),
    "answered": ("alerts.outbox.queue", "record"),
}
"""Points at which a thread has a message in hand: the one that it claimed last."""
ELSEWHERE = {
    "settling": ("alerts.outbox.queue", "settle"),
    "screening": ("alerts.runs", "_screen"),
    "screened": ("alerts.changelog", "Reading.mark_screened"),
    "composing": ("alerts.messages", "_rows"),
    "writing": ("alerts.writing", "Writer.write"),
    "ringing": ("alerts.doorbell", "_ring"),
    "webhooks put out": ("alerts.webhooks.payload", "bodies"),
    "webhook leaves": ("alerts.webhooks.delivery", "_attempt"),
    "webhook answered": ("alerts.webhooks.queue", "record"),
    "committing": ("django.db.backends.base.base", "BaseDatabaseWrapper.commit"),
}
POINTS = {**MAIL, **ELSEWHERE}

Patch = Callable[[ModuleType], None]
_hand = threading.local()


def install() -> None:
    """Once per process, before it imports anything of the product."""
    faulthandler.register(DUMP, all_threads=True)
    directory = Path(os.environ[DIRECTORY])
    patches: defaultdict[str, list[Patch]] = defaultdict(list)
    for name, (module, place) in POINTS.items():
        patches[module].append(_point(directory, name, place))
    patches["people.clock"].append(_stepping(directory / CLOCK))
    if bug := os.environ.get(BUG):
        for where, wrong in BUGS[bug].instead.items():
            module, _, place = where.partition(":")
            patches[module].append(_planted(place, wrong))
    sys.meta_path.insert(0, _Patching(patches))
    for module in patches.keys() & sys.modules.keys():
        for patch in patches[module]:
            patch(sys.modules[module])


def _planted(place: str, wrong: str) -> Patch:
    def instead(real: Any) -> Any:
        @wraps(real)
        def planted(*arguments: Any, **options: Any) -> Any:
            # Only now, for it imports the product.
            return getattr(importlib.import_module("tests.faults.wrong"), wrong)(real, *arguments, **options)

        return planted

    return lambda module: replace(module, place, instead)


class _Patching(importlib.abc.MetaPathFinder):
    """Has modules patched as soon as they are imported."""

    def __init__(self, patches: dict[str, list[Patch]]) -> None:
        self._patches = patches

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self._patches:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._executing(spec.loader.exec_module, name)  # type: ignore[method-assign]
        return spec

    def _executing(self, execute: Callable[[ModuleType], None], name: str) -> Callable[[ModuleType], None]:
        def execute_and_patch(module: ModuleType) -> None:
            execute(module)
            for patch in self._patches[name]:
                patch(module)

        return execute_and_patch


def replace(module: ModuleType, place: str, make: Callable[[Any], Any]) -> None:
    """Put `make(what is there)` in a place of a module, `function` or `Class.method`."""
    owner: Any = module
    *classes, name = place.split(".")
    for one in classes:
        owner = getattr(owner, one)
    setattr(owner, name, make(getattr(owner, name)))


def _point(directory: Path, name: str, place: str) -> Patch:
    def before(real: Any) -> Any:
        @wraps(real)
        def reached(*arguments: Any, **options: Any) -> Any:
            _reach(directory, name, arguments)
            return real(*arguments, **options)

        return reached

    def after_text(real: Any) -> Any:
        @wraps(real)
        def reached(smtp: Any, text: Any) -> Any:
            result = real(smtp, text)
            if isinstance(text, bytes) and text.endswith(b"\r\n.\r\n"):
                _reach(directory, name, ())
            return result

        return reached

    return lambda module: replace(module, place, after_text if name == "text left" else before)


def _reach(directory: Path, name: str, arguments: tuple[Any, ...]) -> None:
    if name == "claimed":
        _hand.message = arguments[0].pk
    message = str(getattr(_hand, "message", "")) if name in MAIL else ""
    struck = directory / STRUCK / f"{name}.{os.getpid()}.{time.monotonic_ns()}.{message}"
    try:
        os.rename(directory / ARMED / name, struck)
    except FileNotFoundError:
        return
    os.kill(os.getpid(), int(struck.read_text()))


def _stepping(offset: Path) -> Patch:
    """The application's clock runs so many seconds ahead as the file says; the database's does not."""

    class Time:
        @staticmethod
        def time() -> float:
            return time.time() + float(offset.read_text())

    return lambda module: setattr(module, "time", Time)
