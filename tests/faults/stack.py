"""Everything that a run needs, started by itself: database, broker, workers, beats, web server, mail server, receiver.

The cluster is as durable as in production, but that nobody waits for the disk: what a killed process had been told is
kept stays kept. Processes are started from the main thread, and the kernel ends them with it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.embedded.children import dying_with_parent
from config.embedded.lease import migrations_fingerprint
from config.embedded.places import CHECKOUT, CLUSTER_ROLE, DATABASE, EmbeddedError, make_private, places_of
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey
from tests.faults import points, processes
from tests.faults.sink import PASSWORD, USER

CLOCK_START = "2026-01-13T09:00:00+09:00"
WORKERS = ("worker-1", "worker-2")
BEATS = ("beat-1", "beat-2")
ALL = ("sink", "receiver", *WORKERS, *BEATS, "web")
DURABLE = {"synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(slots=True)
class Process:
    """Who may be killed, stopped and started again."""

    name: str
    running: "subprocess.Popen[bytes]"

    @property
    def lives(self) -> bool:
        return self.running.poll() is None


class Stack:
    """The processes of a run, in a directory of its own."""

    def __init__(self, directory: Path, bug: str | None = None) -> None:
        self.directory = directory
        self.places = places_of(directory, user=os.geteuid())
        self.ports = {name: _free_port() for name in ("web", "sink", "receiver")}
        self.control = directory / "control"
        for part in (points.ARMED, points.STRUCK):
            (self.control / part).mkdir(parents=True)
        for name, content in (("clock", "0"), ("sink", "accept"), ("receiver", "200")):
            self.tell(name, content)
        self.logs = directory / "logs"
        self.logs.mkdir()
        self.running: dict[str, Process] = {}
        self.environment = self._environment(bug)
        self.postgres = Postgres(self.places)
        self.valkey = Valkey(self.places)

    def _environment(self, bug: str | None) -> dict[str, str]:
        places = self.places
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")},
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "inside"), str(CHECKOUT))),
            points.DIRECTORY: str(self.control),
            **({points.BUG: bug} if bug else {}),
            "TOCSIN_STATE": str(self.directory),
            "TOCSIN_EMBEDDED": "1",
            "TOCSIN_CLOCK_START": CLOCK_START,
            "TOCSIN_CLOCK_STARTED_REAL": str(time.time()),
            "DATABASE_URL": places.database_url,
            "REDIS_URL": places.redis_url,
            "EMAIL_URL": f"smtp://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.ports['sink']}",
            "EMAIL_TIMEOUT": "3",
            "EMAIL_PER_DOMAIN_PER_MINUTE": "0",
            "WEBHOOK_TIMEOUT": "4",
            "WEBHOOKS_TO_LOOPBACK": "1",
            "TWO_PERSON_PUBLICATION": "0",
            "BLAST_RADIUS": "1000000",
            "REQUESTS_PER_MINUTE": "0",
            "LOG_LEVEL": "WARNING",
        }

    def tell(self, name: str, content: str) -> None:
        """Whoever reads the control file sees the one or the other content, never half of one."""
        draft = self.control / ".draft"
        draft.write_text(content)
        draft.rename(self.control / name)

    def prepare(self) -> None:
        """Start database and broker; the cluster is a copy of one that was made and migrated before."""
        make_private(self.places.sockets)
        made = CHECKOUT / ".tocsin" / f"faults-{migrations_fingerprint()[:16]}"
        if not (made / "postgres").exists():
            self._make(made)
        shutil.copytree(made / "postgres", self.directory / "postgres", symlinks=True, dirs_exist_ok=True)
        self.postgres.start()
        self.valkey.start()

    def _make(self, made: Path) -> None:
        self.postgres.start()
        with self.as_cluster() as connection:
            for name, value in DURABLE.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")  # type: ignore[arg-type]
        owner = {"DATABASE_OWNER_URL": self.places.database_owner_url}
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--noinput"],
            cwd=CHECKOUT, env={**self.environment, **owner}, check=True,
        )  # fmt: skip
        self.postgres.stop()
        made.mkdir(parents=True, exist_ok=True)
        (self.directory / "postgres").rename(made / "postgres")
        (self.directory / "postgres").mkdir(mode=0o700)

    def as_cluster(self) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection that may end those of others."""
        host = str(self.places.postgres_sockets)
        return psycopg.connect(host=host, user=CLUSTER_ROLE, dbname=DATABASE, autocommit=True, connect_timeout=2)

    def start(self, name: str) -> None:
        """Start a process that does not run."""
        log = (self.logs / f"{name}.log").open("ab")
        with log:
            running = subprocess.Popen(
                [sys.executable, "-m", *self._command(name)],
                cwd=CHECKOUT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=dying_with_parent(signal.SIGTERM),  # noqa: PLW1509
            )  # fmt: skip
        self.running[name] = Process(name, running)

    def _command(self, name: str) -> list[str]:
        if name in ("sink", "receiver"):
            files = (str(self.control / name), str(self.directory / f"{name}.jsonl"))
            return [f"tests.faults.{name}", *files, str(self.ports[name])]
        celery = ["celery", "-A", "config.celery", "--quiet"]
        if name in WORKERS:
            quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
            return [*celery, "worker", "-n", name, "--concurrency", "2", "--loglevel", "WARNING", *quiet]
        if name in BEATS:
            return [*celery, "beat", "--loglevel", "WARNING", "--pidfile", "", "--schedule", str(self.directory / name)]
        return [
            "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.ports["web"]), "--workers", "1",
            "--blocking-threads", "3", "--no-ws", "--log-level", "warning", "config.wsgi:application",
        ]  # fmt: skip

    def kill(self, name: str) -> None:
        """The process and all that it started, at once."""
        process = self.running.pop(name, None)
        if process is None:
            return
        for pid in processes.family(process.running.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.running.wait()

    def end(self, name: str, patience: float = 12) -> None:
        """As an operator would: asked first, killed after some seconds."""
        process = self.running[name]
        process.running.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.running.wait(patience)
        self.kill(name)

    def kill_postgres(self) -> None:
        """All its processes, by SIGKILL, the first one first."""
        assert self.postgres._process is not None
        for pid in processes.family(self.postgres._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.postgres._process.wait()

    def start_postgres(self) -> None:
        """Until those that a killed one left have noticed, a new one does not start."""
        ends = time.monotonic() + 20
        while True:
            try:
                return self.postgres.start()
            except (EmbeddedError, psycopg.Error):
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)

    def kill_valkey(self) -> None:
        assert self.valkey._process is not None
        self.valkey._process.kill()
        self.valkey._process.wait()

    @property
    def valkey_pid(self) -> int:
        assert self.valkey._process is not None
        return self.valkey._process.pid

    def dump(self) -> None:
        """Have every process of ours write down what its threads are at, and the database who waits for whom."""
        for process in self.running.values():
            if process.name in (*WORKERS, "web"):
                for pid in processes.family(process.running.pid):
                    with suppress(ProcessLookupError):
                        os.kill(pid, points.DUMP)
        with suppress(psycopg.Error), self.as_cluster() as connection, (self.logs / "activity.txt").open("a") as out:
            rows = connection.execute(
                "SELECT pid, state, wait_event_type, wait_event, now() - xact_start, now() - state_change,"
                " pg_blocking_pids(pid), left(query, 200) FROM pg_stat_activity WHERE usename = 'tocsin_app'"
            )
            out.writelines(f"{row}\n" for row in [time.ctime(), *rows])

    def stop(self) -> None:
        """Everything, at once: nobody needs it any more."""
        for name in list(self.running):
            self.kill(name)
        self.valkey.stop()
        self.postgres.stop()
        for directory in (self.places.sockets, self.places.postgres_sockets):
            shutil.rmtree(directory, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
