"""The benchmark's own PostgreSQL and Valkey, in a directory of its own, and databases copied from one another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from config.embedded.lease import leased
from config.embedded.places import APP_ROLE, CHECKOUT, CLUSTER_ROLE, OWNER_ROLE, places_of
from tests.benchmarks.world import NOW

SETTINGS = {
    "shared_buffers": "1GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    # It would fall into one measurement and not into the other: vacuuming is done by hand between them.
    "autovacuum": "off",
}
"""Beyond what the embedded database has: no fsync, no parallel workers in a query."""


class Cluster:
    """A running cluster; `environment` is what a process needs to work as Tocsin in one of its databases."""

    def __init__(self, state: Path) -> None:
        self._places = places_of(state.absolute(), user=os.geteuid())

    @contextmanager
    def running(self, *, keep: bool) -> Iterator["Cluster"]:
        """The cluster with its settings; it stops at the end of the block, with its databases dropped or kept."""
        with leased(self._places):
            for name, value in SETTINGS.items():
                self.execute("ALTER SYSTEM SET {} = {}", sql.Identifier(name), sql.Literal(value))
        with leased(self._places):
            try:
                yield self
            finally:
                # Its files may lie elsewhere than in the directory that its caller removes.
                for database in () if keep else self.databases():
                    self.drop(database)

    def execute(self, statement: str, *parts: sql.Composable) -> list[Any]:
        """A statement of the superuser, outside any of the databases that are copied."""
        host = str(self._places.postgres_sockets)
        with psycopg.connect(host=host, user=CLUSTER_ROLE, dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement).format(*parts))
            return cursor.fetchall() if cursor.description else []

    @property
    def version(self) -> str:
        return str(self.execute("SHOW server_version")[0][0]).split()[0]

    def databases(self) -> list[str]:
        """Those that it does not have from the beginning."""
        own = "('postgres', 'template0', 'template1')"
        return [str(name) for (name,) in self.execute(f"SELECT datname FROM pg_database WHERE datname NOT IN {own}")]

    def create(self, database: str, *, template: str = "template1") -> None:
        """A new database, or a copy of one that nobody is connected to, in place of any that is there."""
        self.drop(database)
        name, source, owner = (sql.Identifier(one) for one in (database, template, OWNER_ROLE))
        self.execute("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY", name, source, owner)

    def drop(self, database: str) -> None:
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(database))

    def rename(self, database: str, name: str) -> None:
        self.execute("ALTER DATABASE {} RENAME TO {}", sql.Identifier(database), sql.Identifier(name))

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """The name of a copy that is dropped at the end of the block."""
        name = f"copy_of_{template}"
        self.create(name, template=template)
        try:
            yield name
        finally:
            self.drop(name)

    def environment(self, database: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
        url = f"postgresql://{{}}@/{database}?host={self._places.postgres_sockets}"
        return {
            **kept,
            "TOCSIN_EMBEDDED": "1",
            "TOCSIN_STATE": str(self._places.state),
            "TOCSIN_CLOCK_START": NOW.at.isoformat(),
            "TIME_ZONE": NOW.timezone,
            "BLAST_RADIUS": "1",  # so that the draft has to be confirmed at every scale
            "DATABASE_URL": url.format(APP_ROLE),
            "DATABASE_OWNER_URL": url.format(OWNER_ROLE),
            "REDIS_URL": self._places.redis_url,
            "REQUESTS_PER_MINUTE": "1000000000",  # counted, as in production, and never too many
            "LOG_LEVEL": kept.get("LOG_LEVEL", "ERROR"),
        }

    def run(self, database: str, *arguments: str) -> str:
        """What a Python program in one of the databases says; CalledProcessError where it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=CHECKOUT,
            env=self.environment(database),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout
