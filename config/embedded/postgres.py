"""The embedded PostgreSQL cluster: made once, started on a private socket, with the roles that production has."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded import binaries, children
from config.embedded.places import (
    APP_ROLE,
    CLUSTER_ROLE,
    DATABASE,
    OWNER_ROLE,
    EmbeddedError,
    Places,
    make_private,
)

_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": _LOCALE, "HOME": "/tmp"}
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Identity:
    """As whom PostgreSQL runs: ourselves, ourselves in a user namespace, or (root without namespaces) nobody."""

    preexec: Callable[[], None]
    user: int | None = None
    group: int | None = None


def _identity() -> _Identity:
    if os.geteuid() != 0:
        return _Identity(children.dying_with_parent(signal.SIGINT))
    if children.user_namespaces_work():
        return _Identity(children.in_user_namespace(signal.SIGINT))
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and there are neither user namespaces nor a user `nobody` here:"
            " set DATABASE_URL, or run as an ordinary user"
        ) from None
    return _Identity(children.dying_with_parent(signal.SIGINT), user=nobody.pw_uid, group=nobody.pw_gid)


class Postgres:
    """One cluster; SIGINT is its fast shutdown, and what the kernel sends it should its keeper be killed."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._identity = _identity()
        self._home = self._make_home()
        self._programs = self._reachable(binaries.postgres_programs())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, making the cluster, its roles and its database the first time; returns when it takes connections."""
        sockets = make_private(self._places.postgres_sockets, owner=self._identity.user)
        (sockets / ".s.PGSQL.5432").unlink(missing_ok=True)  # we hold the keeper's lock: whoever made it is gone
        if not (self._home / "data" / "PG_VERSION").exists():
            self._make_cluster()
        log = self._home / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._home / "data", "-k", sockets],
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=self._identity.preexec,
                user=self._identity.user,
                group=self._identity.group,
                extra_groups=None if self._identity.user is None else [],
            )
        self._wait(log)
        self._make_roles()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, nothing committed is lost; after ten seconds, immediate shutdown."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)

    def _make_home(self) -> Path:
        """The state directory; for nobody, where it cannot walk down to that, a directory beside the sockets."""
        home = self._places.state / "postgres"
        if self._identity.user is None:
            home.mkdir(mode=0o700, exist_ok=True)
            return home
        if not _traversable(self._places.state):
            home = self._places.sockets.with_name(self._places.sockets.name + "-home")
        return make_private(home, owner=self._identity.user)

    def _reachable(self, programs: Path) -> Path:
        """The programs, or for nobody a copy of them that it can walk down to; our directories' modes stay theirs."""
        if self._identity.user is None or _traversable(programs):
            return programs
        source = programs.parent.parent
        copies = self._home / "programs"
        stamp = copies / ".source"
        origin = f"{source} {(programs / 'postgres').stat().st_mtime_ns}"
        if not stamp.exists() or stamp.read_text() != origin:
            shutil.rmtree(copies, ignore_errors=True)
            unneeded = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
            for part in (source, source.with_name(f"{source.name}.libs")):
                if part.exists():
                    shutil.copytree(part, copies / part.name, ignore=unneeded, symlinks=True)
            for folder, _, files in os.walk(copies):
                os.chmod(folder, 0o755)
                for name in files:
                    path = Path(folder) / name
                    path.chmod(path.stat().st_mode | 0o444 | (0o111 if folder.endswith("/bin") else 0))
            stamp.write_text(origin)
        return copies / programs.relative_to(source.parent)

    def _make_cluster(self) -> None:
        data = self._home / "data"
        shutil.rmtree(data, ignore_errors=True)  # half made: PG_VERSION is not there
        self._places.migrated.unlink(missing_ok=True)
        version = self._run("postgres", "--version").split()[2].split(".")[0]
        modern = int(version) >= 17
        # With LC_CTYPE=C trigram search finds nothing in Japanese and Chinese; ICU's collations change with versions.
        provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if modern else []
        self._run(
            "initdb", "-D", str(data), "-U", CLUSTER_ROLE, "--auth=trust", "--encoding=UTF8", "--no-sync",
            f"--locale={_LOCALE}", *provider,
        )  # fmt: skip
        settings = {
            "listen_addresses": "''",
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "timezone": "'UTC'",
            "log_timezone": "'UTC'",
            # Nothing here outlives a power cut, and nothing has to.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_parallel_workers_per_gather": "0",
            **({"io_method": "sync"} if int(version) >= 18 else {}),
        }
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            env=_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            preexec_fn=self._identity.preexec,
            user=self._identity.user,
            group=self._identity.group,
            extra_groups=None if self._identity.user is None else [],
            check=False,
        )
        if done.returncode:
            raise EmbeddedError(f"{program} failed: {(done.stdout + done.stderr).strip()}")
        return done.stdout

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        host = str(self._places.postgres_sockets)
        return psycopg.connect(host=host, user=CLUSTER_ROLE, dbname="postgres", autocommit=True)

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if not self.alive:
                raise EmbeddedError(f"PostgreSQL did not start: {log.read_text()[-1500:]}\nOr set DATABASE_URL.")
            try:
                self._connect().close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise EmbeddedError(f"PostgreSQL takes no connections: see {log}") from None
                time.sleep(0.02)

    def _make_roles(self) -> None:
        """As in production: one role owns and migrates, one unprivileged role runs; the cluster's own only made them.

        The owner may also create databases and switch triggers off, both for the tests' sake.
        """
        with self._connect() as connection:
            present = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
            if OWNER_ROLE not in present:
                connection.execute(f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEDB NOSUPERUSER NOCREATEROLE")
                connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {OWNER_ROLE}")
            if APP_ROLE not in present:
                connection.execute(f"CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS")
            databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in databases:
                statement = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)))


def _traversable(path: Path) -> bool:
    """Whether any user can walk down to this directory."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))
