"""The faults there are: of workers, beats and web server, broker and database, mail server, receiver and clock."""

import signal
import time
from contextlib import suppress
from threading import Timer

import psycopg
import redis

from tests.faults import points, processes, receiver, sink
from tests.faults.injecting import ARMED, HELPED_UP_SECONDS, LONGEST_STOP, Fault, Injector, signalled
from tests.faults.stack import BEATS, WORKERS

STRIKE_SECONDS = 20
"""For how long a point waits for somebody to come by."""
AT_A_SEND = 4
"""Who may be sending a mail when the database goes: two sweepers and as many children of workers."""


def kill_worker(on: Injector) -> str | None:
    if (name := on.free(*WORKERS)) is None:
        return None
    seconds = on.random.uniform(0.5, 4)
    on.injected.possibly_at_a_send += 3
    if whole := on.random.random() < 0.5:
        on.stack.kill(name)
    else:
        on.stack.running[name].running.kill()
    on.hindered_if_alone(name, seconds)
    on.later(seconds, on.again(name), name)
    return "worker and all its processes killed" if whole else "worker's first process killed"


def part(on: Injector) -> tuple[str, int] | None:
    """A child of a worker: of its pool or its sweeper."""
    if (name := on.free(*WORKERS)) is None:
        return None
    parts = processes.children(on.stack.running[name].running.pid)
    return (name, on.random.choice(parts)) if parts else None


def kill_part(on: Injector) -> str | None:
    if (found := part(on)) is None:
        return None
    name, pid = found
    sweeps = pid in processes.sweepers(on.stack.running[name].running.pid)
    on.injected.possibly_at_a_send += 1
    signalled(pid, signal.SIGKILL)
    if sweeps:
        on.hindered_if_alone(name, 2)
        on.later(2 + HELPED_UP_SECONDS, lambda: None, name)
    return "sweeper killed" if sweeps else "child of a worker killed"


def stop_worker(on: Injector) -> str | None:
    if (name := on.free(*WORKERS)) is None:
        return None
    pids = processes.family(on.stack.running[name].running.pid)
    return stop(on, name, pids, "worker and all its processes stopped")


def stop_part(on: Injector) -> str | None:
    if (found := part(on)) is None:
        return None
    name, pid = found
    return stop(on, name, [pid], "child or sweeper of a worker stopped")


def stop(on: Injector, name: str, pids: list[int], said: str) -> str:
    seconds = on.random.choice((on.random.uniform(1, 4), on.random.uniform(15, LONGEST_STOP)))
    on.injected.possibly_at_a_send += 3
    on.hindered_if_alone(name, seconds)
    signalled_all(pids, signal.SIGSTOP)
    on.later(seconds, lambda: signalled_all(pids, signal.SIGCONT), name)
    return said


def signalled_all(pids: list[int], number: int) -> None:
    for pid in pids:
        signalled(pid, number)


def strike(on: Injector) -> str | None:
    """Whoever comes by first; counted when somebody did."""
    point = on.random.choice([*points.POINTS, *points.MAIL, *points.MAIL])
    number = on.random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
    armed = on.stack.control / points.ARMED / point
    if armed.exists():
        return None
    on.arm(point, number)
    on.due.append((time.monotonic() + STRIKE_SECONDS, lambda: armed.unlink(missing_ok=True)))
    return ARMED


def rolling_restart(on: Injector) -> str | None:
    if on.busy & {*WORKERS, "web"}:
        return None
    for name in (*WORKERS, "web"):
        on.stack.end(name, patience=6)
        on.stack.start(name)
    on.injected.possibly_at_a_send += 6
    on.hindered(2 * HELPED_UP_SECONDS)
    return "rolling restart"


def kill_web(on: Injector) -> str | None:
    if (name := on.free("web")) is None:
        return None
    on.stack.kill(name)
    on.later(on.random.uniform(0.2, 2), on.again(name), name)
    return "web server killed"


def kill_beat(on: Injector) -> str | None:
    if (name := on.free(*BEATS)) is None:
        return None
    on.stack.kill(name)
    on.later(on.random.uniform(1, 8), on.again(name), name)
    return "beat killed"


def both_beats_gone(on: Injector) -> str | None:
    if on.busy & set(BEATS):
        return None
    for name in BEATS:
        on.stack.kill(name)
        on.later(on.random.uniform(15, 30), on.again(name), name)
    return "no beat"


def flush(on: Injector) -> str | None:
    if "broker" in on.busy:
        return None
    with suppress(redis.RedisError):
        redis.Redis.from_url(on.stack.places.redis_url, socket_timeout=2).flushall()
    return "FLUSHALL"


def kill_broker(on: Injector) -> str | None:
    if "broker" in on.busy:
        return None
    on.stack.kill_valkey()
    on.later(on.random.uniform(1, 8), on.stack.valkey.start, "broker")
    return "broker killed"


def broker_hangs(on: Injector) -> str | None:
    if "broker" in on.busy:
        return None
    pid = on.stack.valkey_pid
    signalled(pid, signal.SIGSTOP)
    on.later(on.random.uniform(3, 10), lambda: signalled(pid, signal.SIGCONT), "broker")
    return "broker hangs"


def kill_database(on: Injector) -> str | None:
    if "database" in on.busy:
        return None
    seconds = on.random.uniform(0.2, 2)
    on.injected.possibly_at_a_send += AT_A_SEND
    on.hindered(seconds + 4)
    on.stack.kill_postgres()
    on.later(seconds, on.stack.start_postgres, "database")
    return "PostgreSQL killed"


def backends(on: Injector, how_many: int | None) -> list[int]:
    if "database" in on.busy:
        return []
    try:
        with on.stack.as_cluster() as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'tocsin_app'").fetchall()
    except psycopg.Error:
        return []
    pids = [int(str(pid)) for (pid,) in rows]
    return pids if how_many is None else on.random.sample(pids, min(how_many, len(pids)))


def kill_backend(on: Injector) -> str | None:
    """PostgreSQL then ends all others too, and recovers."""
    pids = backends(on, 1)
    for pid in pids:
        on.injected.possibly_at_a_send += AT_A_SEND
        on.hindered(4)
        signalled(pid, signal.SIGKILL)
    return "backend killed" if pids else None


def end_backends(on: Injector) -> str | None:
    pids = backends(on, on.random.choice((1, 3, None)))
    with suppress(psycopg.Error), on.stack.as_cluster() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [pids])
    on.injected.possibly_at_a_send += min(len(pids), AT_A_SEND)
    return "backends terminated" if pids else None


def backend_hangs(on: Injector) -> str | None:
    pids = backends(on, 1)
    for pid in pids:
        seconds = on.random.uniform(2, 8)
        on.injected.possibly_at_a_send += 1
        on.hindered(seconds)
        signalled(pid, signal.SIGSTOP)
        # Not by whoever else mends, who may be waiting for this very backend.
        Timer(seconds, signalled, (pid, signal.SIGCONT)).start()
    return "backend hangs" if pids else None


def mail_fails(on: Injector) -> str | None:
    if "sink" in on.busy:
        return None
    mode = on.random.choice(sink.MODES)
    on.stack.tell("sink", mode)
    on.later(on.random.uniform(2, 7), lambda: on.stack.tell("sink", "accept"), "sink")
    return f"mail: {mode}"


def webhooks_fail(on: Injector) -> str | None:
    if "receiver" in on.busy:
        return None
    mode = on.random.choice(receiver.MODES)
    on.stack.tell("receiver", mode)
    on.later(on.random.uniform(2, 7), lambda: on.stack.tell("receiver", "200"), "receiver")
    return f"webhooks: {mode}"


def clock_steps(on: Injector) -> str | None:
    now = float((on.stack.control / points.CLOCK).read_text())
    step = on.random.choice((-600, -240, 240, 1800, 3600))
    on.stack.tell(points.CLOCK, str(min(max(now + step, 0), 8 * 3600)))
    return "clock steps"


FAULTS: list[tuple[int, Fault]] = [
    (2, kill_worker), (4, kill_part), (3, stop_worker), (5, stop_part), (10, strike), (1, rolling_restart),
    (2, kill_web), (2, kill_beat), (1, both_beats_gone), (4, flush), (3, kill_broker), (3, broker_hangs),
    (2, kill_database), (2, kill_backend), (5, end_backends), (3, backend_hangs), (14, mail_fails), (8, webhooks_fail),
    (4, clock_steps),
]  # fmt: skip
"""With their weights."""
