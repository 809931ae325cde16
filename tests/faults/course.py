"""The course of a run: the world is stored, everything starts, faults rain, the dust settles, the oracle is asked."""

import signal
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import django

django.setup()

import psycopg  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402
from django.db.models import Exists, Max, Min, OuterRef  # noqa: E402
from knox.models import get_token_model  # noqa: E402

from alerts.models import (  # noqa: E402
    DeliveryState,
    Fate,
    MessageAttempt,
    ScreeningRun,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookType,
)
from alerts.webhooks import endpoints  # noqa: E402
from people.models import Department, User  # noqa: E402
from tests.faults import points  # noqa: E402
from tests.faults.failing import FAULTS  # noqa: E402
from tests.faults.injecting import LONGEST_STOP, Injector  # noqa: E402
from tests.faults.options import Options  # noqa: E402
from tests.faults.oracle import Findings, check  # noqa: E402
from tests.faults.stack import ALL, BEATS, CLOCK_START, Stack  # noqa: E402
from tests.faults.traffic import Late, Rest, Traffic  # noqa: E402
from tests.faults.world import World, department, owner  # noqa: E402

EMPTY_SECONDS = 60
STALL_SECONDS = 60
PROMPT_SECONDS = 60
READY_SECONDS = 180
REFUSED_SECONDS = 20
OPERATOR_SECONDS = 20
"""Until somebody looks again whether an endpoint was switched off."""
DEAD = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.DEAD)
HOOKS = {
    "flags": [WebhookType.FLAG_OPENED, WebhookType.FLAG_CLOSED],
    "policies": [WebhookType.POLICY_PUBLISHED, WebhookType.POLICY_WITHDRAWN],
}

_PROGRESS = """
    SELECT (SELECT count(*) FROM alerts_screeningrun WHERE finished_at IS NOT NULL),
           (SELECT count(*) FROM alerts_messageattempt WHERE fate IS NOT NULL),
           (SELECT count(*) FROM alerts_webhookdelivery WHERE delivered_at IS NOT NULL)
"""
_WORK_LEFT = """
    SELECT (SELECT count(*) FROM people_changeentry WHERE xid >= (SELECT xid FROM alerts_screeningcursor)
              AND id NOT IN (SELECT unnest(ahead) FROM alerts_screeningcursor)),
           (SELECT count(*) FROM alerts_screeningrun WHERE finished_at IS NOT NULL AND composed_at IS NULL),
           (SELECT count(*) FROM alerts_message WHERE state IN ('pending', 'failed', 'sending')),
           (SELECT count(*) FROM alerts_webhookevent WHERE put_out_at IS NULL),
           (SELECT count(*) FROM alerts_webhookdelivery WHERE state IN ('pending', 'failed', 'sending'))
"""
_TIME_PASSES = """
    UPDATE alerts_message SET next_attempt_at = now() WHERE state IN ('pending', 'failed');
    UPDATE alerts_webhookdelivery SET next_attempt_at = now() WHERE state IN ('pending', 'failed');
    UPDATE alerts_webhookendpoint SET paused_until = NULL;
"""


@dataclass(slots=True)
class Watch:
    """Sees whether screening and sending go on; has everybody say where they are when they do not."""

    stack: Stack
    seen: tuple[object, ...] | None = None
    since: float = 0
    longest: float = 0
    looked: float = 0

    def look(self) -> None:
        if time.monotonic() - self.looked < 2:
            return
        self.looked = time.monotonic()
        with suppress(psycopg.Error), self.stack.as_cluster() as database:
            seen = database.execute(_PROGRESS).fetchone()
            if seen != self.seen:
                self.seen, self.since = seen, time.monotonic()
        lasted = time.monotonic() - self.since
        if self.longest < STALL_SECONDS - 15 <= lasted:
            self.stack.dump()
        self.longest = max(self.longest, lasted)


class Course:
    """One run from its seed."""

    def __init__(self, stack: Stack, asked: Options) -> None:
        self._stack, self._asked = stack, asked
        self._world = World(asked.seed, asked.contracts)
        self._figures: dict[str, object] = {"seed": asked.seed, "contracts": asked.contracts}
        self._wrong: list[str] = []
        self._endpoints_at = time.monotonic() + OPERATOR_SECONDS

    def run(self) -> Findings:
        began = time.monotonic()
        self._store()
        rest = Rest(self._stack.ports["web"], self._token())
        connection.close()  # ours is not to be hit
        for name in ALL:
            self._stack.start(name)
        self._wait_for_web()
        self._figures["seconds until ready"] = round(time.monotonic() - began)
        asked = self._asked
        traffic = Traffic(rest, self._world, self._stack.places.database_url, seed=asked.seed, pause=asked.pause)
        injector, watch = Injector(self._stack, FAULTS, asked.seed), Watch(self._stack, since=time.monotonic())
        traffic.start()
        injector.run(asked.minutes * 60, gap=asked.gap, seen_to=lambda: self._see_to(watch))
        injector.end()
        self._wait_for_web()
        traffic.stop()
        self._refuse(traffic)
        self._lose_hold(injector, traffic)
        self._finale(rest, traffic)
        self._figures |= {
            "faults": injector.injected.total,
            "by kind": dict(sorted(injector.injected.counts.items())),
            "answers that did not come": traffic.unanswered,
            "longest time without progress, seconds": round(watch.longest),
        }
        if watch.longest > STALL_SECONDS:
            self._wrong.append(f"nothing was screened or sent for {watch.longest:.0f} s")
        found = check(self._world, injector.injected, self._stack.directory, self._now())
        self._figures["seconds in all"] = round(time.monotonic() - began)
        return Findings([*self._wrong, *found.wrong], {**self._figures, **found.figures})

    def _see_to(self, watch: Watch) -> None:
        """What people do during the storm: they look, and switch endpoints on again that were switched off."""
        watch.look()
        if time.monotonic() > self._endpoints_at:
            self._endpoints_at = time.monotonic() + OPERATOR_SECONDS
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '3s'")
                self._mend_endpoints()
            connection.close()

    def _store(self) -> None:
        bundle = self._stack.directory / "world.json"
        bundle.write_text(self._world.bundle())
        with (self._stack.logs / "load.log").open("w") as out:
            call_command("load", str(bundle), stdout=out, stderr=out)
        administrator = User.objects.create_user("admin@tocsin.example", roles=["administrator"])
        for reference, types in HOOKS.items():
            only = Department.objects.get(reference=department(owner(0))) if reference == "flags" else None
            url = f"http://127.0.0.1:{self._stack.ports['receiver']}/{reference}"
            hook = WebhookEndpoint(
                reference=reference, url=url, owner=administrator, events=list(types), department=only
            )
            endpoints.register(hook, by=administrator)

    def _token(self) -> str:
        _, token = get_token_model().objects.create(user=User.objects.get(email="admin@tocsin.example"))
        return str(token)

    def _wait_for_web(self) -> None:
        ends = time.monotonic() + READY_SECONDS
        while True:
            with suppress(OSError):
                address = f"http://127.0.0.1:{self._stack.ports['web']}/health/ready"
                urllib.request.urlopen(address, timeout=5).close()
                return
            if time.monotonic() > ends:
                raise AssertionError("the web server does not answer")
            time.sleep(0.1)

    def _refuse(self, traffic: Traffic) -> None:
        """With nothing else wrong, for no run is to be without: a temporary refusal, a lost answer, an old password."""
        for mode, fate, change in (
            ("451 after the text", Fate.DEFERRED, "P-5"),
            ("drop", Fate.UNCLEAR, "P-6"),
            ("535", Fate.UNREACHABLE, "P-7"),
        ):
            before = MessageAttempt.objects.filter(fate=fate).count()
            self._stack.tell("sink", mode)
            traffic.turn(change)
            self._until(lambda: MessageAttempt.objects.filter(fate=fate).count() > before, REFUSED_SECONDS)  # noqa: B023
            self._stack.tell("sink", "accept")

    def _lose_hold(self, injector: Injector, traffic: Traffic) -> None:
        """With nothing else wrong: some stop with something in their hands for longer than a lease, one is killed."""
        injector.shortest_stop = LONGEST_STOP
        struck = injector.injected.struck
        for point, number, change in (
            ("claimed", signal.SIGSTOP, "P-2"),
            ("claimed", signal.SIGKILL, "P-3"),
            ("composing", signal.SIGSTOP, "P-4"),
        ):
            before = len(struck)
            injector.arm(point, number)
            traffic.turn(change)
            self._until(lambda before=before: injector.mend() or len(struck) > before, PROMPT_SECONDS)
            if len(struck) == before:
                self._wrong.append(f"for {PROMPT_SECONDS} s nobody came by: {point}")
        self._until(lambda: injector.mend() or not injector.due, LONGEST_STOP + 5)

    def _finale(self, rest: Rest, traffic: Traffic) -> None:
        """Broker and beats are dead for good; the last writes have to be screened and told all the same."""
        for name in BEATS:
            self._stack.kill(name)
        self._stack.kill_valkey()
        late = Late(self._stack.places.database_url, self._world, self._world.late[0])
        late.begin()
        reference = self._world.ordinary[0]
        before = self._runs()
        traffic.until_answered("PUT", f"contracts/{reference}", self._world.terms[reference].row(reference))
        traffic.turn("P-0")
        prompt = self._until(lambda: self._runs() > before, PROMPT_SECONDS)
        late.commit()
        traffic.turn("P-1")
        self._figures["seconds to screen without broker and beat"] = round(prompt, 1)
        if prompt >= PROMPT_SECONDS:
            self._wrong.append(f"nothing was screened for {PROMPT_SECONDS} s without broker and beat")
        with self._stack.as_cluster() as database:
            database.execute(_TIME_PASSES)
        left = self._left()
        took = self._until(self._empty, EMPTY_SECONDS)
        self._figures |= {"left when the dust settled": left, "seconds until nothing was left": round(took, 1)}
        if took >= EMPTY_SECONDS:
            self._stack.dump()
            self._wrong.append(f"left after {EMPTY_SECONDS} s: {self._left()}, of {left}")

    def _mend_endpoints(self) -> None:
        """What an operator does where an endpoint was switched off: on again, and what it missed."""
        administrator = User.objects.get(email="admin@tocsin.example")
        for hook in WebhookEndpoint.objects.filter(Exists(DEAD)):
            endpoints.enable(hook, by=administrator)
            hook.refresh_from_db()
            missed = WebhookDelivery.objects.filter(endpoint=hook, state=DeliveryState.DEAD)
            ends = missed.aggregate(first=Min("event"), last=Max("event"))
            for first in range(ends["first"], ends["last"] + 1, endpoints.MOST_REPLAYED):
                part = endpoints.Range(from_sequence=first, to_sequence=first + endpoints.MOST_REPLAYED - 1)
                endpoints.replay(hook, part, by=administrator, delivered=False)

    def _left(self) -> dict[str, int]:
        names = ("changes to screen", "runs to tell", "messages to send", "webhooks to put out", "webhooks to send")
        with connection.cursor() as cursor:
            cursor.execute(_WORK_LEFT)
            return dict(zip(names, cursor.fetchone() or (), strict=True))

    def _empty(self) -> bool:
        self._mend_endpoints()
        return not any(self._left().values())

    def _runs(self) -> int:
        return ScreeningRun.objects.complete().count()

    @staticmethod
    def _until(true: Callable[[], object], seconds: float) -> float:
        """How long it took."""
        began = time.monotonic()
        while not true() and time.monotonic() - began < seconds:
            time.sleep(0.25)
        return time.monotonic() - began

    def _now(self) -> datetime:
        """The instant by the clock of the driven processes."""
        started = float(self._stack.environment["TOCSIN_CLOCK_STARTED_REAL"])
        offset = float((self._stack.control / points.CLOCK).read_text())
        return datetime.fromisoformat(CLOCK_START) + timedelta(seconds=time.time() - started + offset)
