"""What people and machines do meanwhile: contracts are re-owned and altered, changes published and withdrawn.

Each thread writes what no other writes, one thing after the other, and tries again until it is answered: only then is
it part of the world as it has to be at the end.
"""

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from threading import Event, Thread
from typing import Any

import psycopg

from tests.faults.world import CHANGES, Terms, World

ANSWER_SECONDS = 8
AGAIN_SECONDS = 0.3


class Rest:
    """The web server, as one who is signed in sees it."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json", "Host": "localhost"}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What was answered; OSError or HTTPException where nothing was, or that the server cannot at present."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, f"/api/v1/{path}", None if body is None else json.dumps(body), self._headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= 500:
            raise OSError(f"{response.status}")
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text) if text else None


class Late:
    """A transaction that writes now and commits later: what others write meanwhile has higher numbers."""

    def __init__(self, database_url: str, world: World, reference: str) -> None:
        self._database_url, self._world, self._reference = database_url, world, reference
        self._connection: psycopg.Connection[Any] | None = None

    def begin(self) -> None:
        """Deliver what was not, or take it back."""
        self._connection = psycopg.connect(self._database_url, connect_timeout=2)
        delivered = "0" if self._world.terms[self._reference].delivered == "100" else "100"
        self._terms: Terms = replace(self._world.terms[self._reference], delivered=delivered)
        self._connection.execute(
            "UPDATE contracts_line SET delivered = %s WHERE contract_id ="
            " (SELECT id FROM contracts_contract WHERE reference = %s FOR UPDATE)",
            [delivered, self._reference],
        )

    def commit(self) -> None:
        assert self._connection is not None
        try:
            self._connection.commit()
        finally:
            self._connection.close()
        self._world.terms[self._reference] = self._terms


class Traffic:
    """Threads that write until they are told to stop, and finish what they have begun."""

    def __init__(self, rest: Rest, world: World, database_url: str, *, seed: int, pause: float) -> None:
        self._rest, self._world, self._database_url, self._pause = rest, world, database_url, pause
        self._stopping = Event()
        self.failed: list[BaseException] = []
        self.unanswered = 0
        halves = ([f"P-{number}" for number in range(start, CHANGES, 2)] for start in (0, 1))
        self._threads = [
            *(self._thread(self._alter, Random(seed + 10 + half), half) for half in (0, 1)),
            *(self._thread(self._publish, Random(seed + 20 + number), half) for number, half in enumerate(halves)),
            self._thread(self._commit_late, Random(seed + 30), world.late),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the answers to what was begun: the web server has to be there."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("a write was not answered within a minute, though nothing is wrong any more")
        if self.failed:
            raise self.failed[0]

    def _thread(self, work: Callable[[Random, Any], None], random: Random, part: Any) -> Thread:
        def run() -> None:
            try:
                while not self._stopping.is_set():
                    work(random, part)
            except BaseException as error:
                self.failed.append(error)
                raise

        return Thread(target=run, name="traffic", daemon=True)

    def _alter(self, random: Random, half: int) -> None:
        """One of every second contract."""
        reference = random.choice(self._world.ordinary[half::2])
        terms = self._world.altered(random, reference)
        self.until_answered("PUT", f"contracts/{reference}", terms.row(reference))
        self._world.terms[reference] = terms
        self._stopping.wait(self._pause * random.uniform(0.1, 0.25))

    def _publish(self, random: Random, changes: list[str]) -> None:
        change = random.choice(changes)
        self.turn(change)
        self._stopping.wait(self._pause * random.uniform(0.7, 1.3))

    def _commit_late(self, random: Random, references: list[str]) -> None:
        late = Late(self._database_url, self._world, random.choice(references))
        while True:  # whether a commit that was not answered was one: the second time changes nothing
            try:
                late.begin()
                time.sleep(random.uniform(1, 5))
                late.commit()
            except psycopg.Error:
                self.unanswered += 1
                time.sleep(AGAIN_SECONDS)
            else:
                break
        self._stopping.wait(random.uniform(1, 3))

    def turn(self, change: str) -> None:
        """Publish a change that is not published, withdraw one that is."""
        step = "withdraw" if change in self._world.published else "publish"
        self.until_answered("POST", f"policy-changes/{change}/{step}", {})
        (self._world.published.discard if step == "withdraw" else self._world.published.add)(change)

    def until_answered(self, method: str, path: str, body: Any) -> Any:
        """Every write here may be repeated: the second time changes nothing."""
        while True:
            try:
                answer = self._rest.ask(method, path, body)
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                time.sleep(AGAIN_SECONDS)
            else:
                self._world.writes_answered += 1
                return answer
