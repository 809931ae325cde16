"""The sequence of `make run`; `--exit` ends it after the scenario, for scripts."""

import argparse
import os
import signal
import socket
import sys
import time
import urllib.request
from contextlib import ExitStack
from datetime import datetime
from types import FrameType

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from config.embedded.lease import leased
from config.embedded.places import CHECKOUT, EmbeddedError, Places, places
from config.embedded.session import migrate
from config.run.children import Children
from config.run.record import RunLock, RunRecord

SCENARIO = CHECKOUT / "scenarios" / "january-2026.json"
CLOCK_START = "2026-01-13T09:00:00+09:00"  # a Tuesday: the owners are back from a long weekend
STOP_ORDER = ("web", "beat", "worker", "mail")
_WEB_SECONDS = 60
_DRAIN_SECONDS = 120


class RunError(RuntimeError):
    """The run cannot go on; the message says why and where to look."""


class _InterruptedRun(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal: stop in order."""


class Progress:
    """One line per step on the terminal, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {step}", flush=True)


def main() -> None:
    """Run the demonstration until it is interrupted, or with --exit until its mails are delivered."""
    parser = argparse.ArgumentParser(prog="make run", description="Tocsin with the January 2026 scenario")
    parser.add_argument("--exit", action="store_true", help="end after the scenario")
    parser.add_argument(
        "--port", type=int, default=int(os.environ.get("PORT") or 0), help="default: 8000, or a free one"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("TOCSIN_EMBEDDED", "1")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with ExitStack() as cleanup:
            _run(places(), arguments.port, leave=arguments.exit, cleanup=cleanup)
    except _InterruptedRun:
        pass
    except (RunError, EmbeddedError, CommandError, ImproperlyConfigured) as error:
        sys.exit(f"error: {error}")


def _run(here: Places, port: int, *, leave: bool, cleanup: ExitStack) -> None:
    say = Progress()
    lock = RunLock(here.state)
    cleanup.callback(lock.release)
    sink = cleanup.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = port or _free_port(8000)
    url = f"http://localhost:{port}"
    # Published before anything reads the settings: they, the children's too, take clock and mail server from it.
    lock.publish(
        RunRecord(
            url=url,
            email_url=f"smtp://127.0.0.1:{sink.getsockname()[1]}",
            clock_start=datetime.fromisoformat(os.environ.get("TOCSIN_CLOCK_START") or CLOCK_START),
            clock_started_real=time.time(),
        )
    )
    if embedded := not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        say("starting PostgreSQL and Valkey")
        cleanup.enter_context(leased(here))
        cleanup.callback(say, "stopping Valkey and PostgreSQL")
    say("migrating")
    django.setup()
    if embedded and not os.environ.get("DATABASE_URL"):
        migrate()
    else:
        call_command("migrate", verbosity=0, interactive=False)

    say("starting mail server, worker, beat and web server")
    children = Children(here.state / "logs")
    cleanup.callback(children.stop, STOP_ORDER)
    cleanup.callback(say, f"stopping {', '.join(STOP_ORDER)}")
    _start(children, here, sink, port)

    say(f"loading {SCENARIO.relative_to(CHECKOUT)}")
    call_command("load", str(SCENARIO), stdout=sys.stderr)
    say("waiting for the web server and for the mails to be delivered")
    _wait_for_web(url, children)
    call_command("demonstrate", seconds=_DRAIN_SECONDS, url=url, strict=leave)
    if not leave:
        print("\n  Ctrl-C stops it.", flush=True)
        while not (dead := children.dead()):
            time.sleep(1)
        raise RunError(f"the {dead.name} process ended by itself: see {dead.log}")


def _start(children: Children, here: Places, sink: socket.socket, port: int) -> None:
    for old in here.state.glob("beat*"):  # what it remembers are the ticks of another run
        old.unlink()
    children.start("mail", "config.run.mail_sink", str(here.mail), str(sink.fileno()), pass_fds=[sink.fileno()])
    celery = ("-A", "config.celery", "--quiet")
    children.start(
        "worker", "celery", *celery, "worker", "--concurrency", "2", "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat",
    )  # fmt: skip
    schedule = ("--schedule", str(here.state / "beat"), "--pidfile", "")
    children.start("beat", "celery", *celery, "beat", "--loglevel", "WARNING", *schedule)
    children.start(
        "web", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
        "--blocking-threads", "2", "--no-ws", "--log-level", "warning", "config.wsgi:application",
    )  # fmt: skip


def _wait_for_web(url: str, children: Children) -> None:
    deadline = time.monotonic() + _WEB_SECONDS
    while True:
        if dead := children.dead():
            raise RunError(f"the {dead.name} process did not start: see {dead.log}")
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=5):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise RunError(f"{url}/health/ready does not answer: {error}") from None
            time.sleep(0.1)


def _free_port(wanted: int) -> int:
    """The wanted port of this machine, or any free one where it is taken."""
    for candidate in (wanted, 0):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(attempt.getsockname()[1])
    raise RunError("no free port on 127.0.0.1")


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second Ctrl-C ends the orderly stop: the kernel then tells every child that we are gone.
    signal.signal(number, signal.SIG_DFL)
    raise _InterruptedRun


if __name__ == "__main__":
    main()
