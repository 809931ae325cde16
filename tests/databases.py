"""Test databases: one migrated template per set of migrations, copied for every test process.

The owning role creates and migrates, exactly as in production, and the tests' connections are the unprivileged role's,
so a test fails where the application would lack a right. The owner needs CREATEDB for this, and the right to set
`session_replication_role` for the flush between transactional tests; the embedded cluster grants both.
"""

import fcntl
import os
import time
from contextlib import suppress

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from config.embedded.lease import migrations_fingerprint
from config.embedded.places import make_state
from config.roles import owning_role

_TEMPLATE = "template_tocsin"
_TEST = "test_tocsin"
ATTEMPTS = 300


def create(worker: str) -> None:
    """Make this process's database from the template and point the default connection at it."""
    name = f"{_TEST}_{os.environ['TOCSIN_TEST_RUN']}_{worker}"
    template = f"{_TEMPLATE}_{migrations_fingerprint()[:16]}"
    lock = make_state(settings.EMBEDDED_PLACES.state) / "template.lock"
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if template not in _databases():
            _drop_abandoned()
            _make_template(template)
        _execute("CREATE DATABASE {} TEMPLATE {}", name, template)
    _use(name)


def drop() -> None:
    """Drop this process's database."""
    name = connection.settings_dict["NAME"]
    connection.close()
    _drop(name)


def _drop(name: str) -> None:
    """The owner cannot send an autovacuum worker away, which is a superuser's; it soon leaves by itself."""
    for attempt in range(ATTEMPTS):
        try:
            _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        except DatabaseError as error:
            if not isinstance(error.__cause__, InsufficientPrivilege) or attempt == ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        else:
            return


def _make_template(name: str) -> None:
    draft = f"{name}_draft"
    _drop(draft)
    _execute("CREATE DATABASE {}", draft)
    _use(draft)
    call_command("migrate", verbosity=0, interactive=False)
    connection.close()
    _execute("ALTER DATABASE {} RENAME TO {}", draft, name)


def _drop_abandoned() -> None:
    """Drop templates of other migrations and the databases of test runs that were killed."""
    for name in _databases():
        if name.startswith(_TEMPLATE) or (name.startswith(f"{_TEST}_") and not _lives(int(name.split("_")[2]))):
            _drop(name)


def _lives(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def _databases() -> set[str]:
    with owning_role(), connection._nodb_cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


def _execute(statement: str, *names: str) -> None:
    with owning_role(), connection._nodb_cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))


def _use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
