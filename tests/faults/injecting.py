"""Injecting: faults are chosen from a seed, begun while others last, and each is mended after its time."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults import points, processes
from tests.faults.stack import WORKERS, Stack

LONGEST_STOP = 22
"""Seconds, which is longer than a lease and the time to take it over."""
HELPED_UP_SECONDS = 8
"""What a worker needs to be at work again after its start."""
ARMED = "a point is armed"
"""What counts as a fault as soon as somebody comes by."""


@dataclass(frozen=True, slots=True)
class Struck:
    """Somebody who came by a point and was killed or stopped there, at this moment of the epoch."""

    point: str
    pid: int
    killed: bool
    message: int | None
    at: float


@dataclass(slots=True)
class Injected:
    """What was done to the system, for the figures and for what the oracle has to allow."""

    counts: Counter[str] = field(default_factory=Counter)
    struck: list[Struck] = field(default_factory=list)
    hindered: list[tuple[float, float]] = field(default_factory=list)
    """When the database was away or nobody was there to take anything over."""
    possibly_at_a_send: int = 0
    """How many senders may have been hit while a mail was on its way."""

    @property
    def total(self) -> int:
        return self.counts.total()


Fault = Callable[["Injector"], str | None]
"""Does it and returns what it is called; None where it is not possible at the moment."""


class Injector:
    """Injects faults and mends them; only the main thread, for it starts processes."""

    def __init__(self, stack: Stack, faults: Sequence[tuple[int, Fault]], seed: int) -> None:
        """Each fault has a weight."""
        self.stack, self._faults, self.random = stack, faults, Random(seed)
        self.due: list[tuple[float, Callable[[], None]]] = []
        self._seen: set[str] = set()
        self.busy: set[str] = set()
        self.shortest_stop = 3.0
        self.injected = Injected()

    def run(self, seconds: float, *, gap: float, seen_to: Callable[[], None]) -> None:
        """Inject faults for so long; `seen_to` is called again and again meanwhile."""
        ends = time.monotonic() + seconds
        following = time.monotonic()
        while time.monotonic() < ends:
            if time.monotonic() >= following:
                self.inject()
                following = time.monotonic() + self.random.uniform(0.5, 1.5) * gap
            self.mend()
            seen_to()
            time.sleep(0.1)

    def inject(self) -> None:
        """One fault, another one where it is not possible at the moment."""
        weights = [weight for weight, _ in self._faults]
        for fault in self.random.choices([fault for _, fault in self._faults], weights, k=10):
            if (name := fault(self)) is not None:
                if name != ARMED:
                    self.injected.counts[name] += 1
                return

    def mend(self, *, everything: bool = False) -> None:
        """End what has lasted long enough, or everything."""
        self._look_at_struck()
        for due in sorted(self.due, key=lambda due: due[0]):
            if everything or due[0] <= time.monotonic():
                self.due.remove(due)
                due[1]()

    def end(self) -> None:
        """Nothing is wrong any more, but what stays: whoever is dead is started again."""
        self._look_at_struck()
        while self.due:
            self.mend(everything=True)
        for armed in (self.stack.control / points.ARMED).iterdir():
            armed.unlink(missing_ok=True)
        self._look_at_struck()
        while self.due:
            self.mend(everything=True)
        for name in (*WORKERS, "web"):
            if name not in self.stack.running or not self.stack.running[name].lives:
                self.stack.kill(name)
                self.stack.start(name)

    def later(self, seconds: float, mend: Callable[[], None], busy: str) -> None:
        """Until then what is busy is left alone."""
        self.busy.add(busy)

        def mended() -> None:
            self.busy.discard(busy)
            mend()

        self.due.append((time.monotonic() + seconds, mended))

    def hindered(self, seconds: float) -> None:
        """For so long nobody can take anything over."""
        self.injected.hindered.append((time.time(), time.time() + seconds))

    def free(self, *names: str) -> str | None:
        """One of these processes with which nothing is wrong yet."""
        free = [name for name in names if name not in self.busy and name in self.stack.running]
        return self.random.choice(free) if free else None

    def again(self, name: str) -> Callable[[], None]:
        def again() -> None:
            self.stack.kill(name)
            self.stack.start(name)

        return again

    def _look_at_struck(self) -> None:
        for entry in (self.stack.control / points.STRUCK).iterdir():
            if entry.name not in self._seen:
                self._seen.add(entry.name)
                self._was_struck(entry)

    def _was_struck(self, entry: Path) -> None:
        point, pid, _, message = entry.name.split(".")
        killed = entry.read_text() == str(int(signal.SIGKILL))
        number = int(message) if message else None
        self.injected.struck.append(Struck(point, int(pid), killed, number, entry.stat().st_ctime))
        self.injected.counts[f"{'killed' if killed else 'stopped'} at: {point}"] += 1
        self.injected.possibly_at_a_send += 1
        seconds = self.random.uniform(self.shortest_stop, LONGEST_STOP)
        worker = self._worker_of(int(pid))
        if not killed:
            self.hindered_if_alone(worker, seconds)
            self.later(seconds, lambda: signalled(int(pid), signal.SIGCONT), worker)
        elif self.busy & set(WORKERS):
            self.hindered(HELPED_UP_SECONDS)

    def _worker_of(self, pid: int) -> str:
        """Whose process it is; the web server has some, too."""
        running = ((name, self.stack.running[name]) for name in WORKERS if name in self.stack.running)
        return next((name for name, one in running if pid in processes.family(one.running.pid)), "web")

    def hindered_if_alone(self, name: str, seconds: float) -> None:
        """The other worker is away as well."""
        if name in WORKERS and self.busy & (set(WORKERS) - {name}):
            self.hindered(seconds + HELPED_UP_SECONDS)

    def arm(self, point: str, number: signal.Signals) -> None:
        """Whoever comes by first is sent the signal."""
        self.stack.tell(f"{points.ARMED}/{point}", str(int(number)))


def signalled(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
