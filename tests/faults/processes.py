"""What the kernel tells of processes: whose children they are, and whether they live."""

import os
from contextlib import suppress
from pathlib import Path


def stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]


def state(pid: int) -> str:
    """R, S, T (stopped), Z (dead and not waited for), X (gone), ..."""
    return stat(pid)[0]


def parent(pid: int) -> int:
    return int(stat(pid)[1])


def children(pid: int) -> list[int]:
    """Those that live."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sorted(child for child in numbers if parent(child) == pid and state(child) not in "ZX")


def processor_seconds(pid: int) -> float:
    """What the process has used of processors so far; 0 where it is gone."""
    return sum(map(int, stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def sweepers(worker: int) -> list[int]:
    """The sweepers of a worker."""
    return [child for child in children(worker) if b"sweeper" in _command(child)]


def _command(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []
