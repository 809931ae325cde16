"""Two database roles, one that owns and migrates and one that runs; only here does a connection change between them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from psycopg import sql


@contextmanager
def owning_role() -> Iterator[None]:
    """The default connection as the owning role inside the block, as the running one again after it.

    Not inside a transaction: the connection is closed on both sides. Without DATABASE_OWNER_URL it is an error.
    """
    owner = settings.DATABASE_OWNER
    if owner is None:
        raise ImproperlyConfigured(
            "DATABASE_OWNER_URL is not set: migrations run as the role that owns the database,"
            " postgresql://tocsin_owner:...@host/tocsin"
        )
    current = connection.settings_dict
    before = dict(current)
    connection.close()
    # The name stays: tests have another.
    current.update(USER=owner["USER"], PASSWORD=owner["PASSWORD"], HOST=owner["HOST"], PORT=owner["PORT"])
    current["OPTIONS"] = {name: value for name, value in before["OPTIONS"].items() if name != "pool"}
    try:
        yield
    finally:
        connection.close()
        current.update(before)


def grant_to_running_role() -> None:
    """Let the running role read and write every row there is and will be, and nothing else: no DDL, no TRUNCATE.

    Called by the owning role before it migrates, so that the very first table already has its grants.
    """
    role = sql.Identifier(settings.DATABASE_RUNNING_ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (owner,) = cursor.fetchone() or ("",)
        if owner == settings.DATABASE_RUNNING_ROLE:
            raise ImproperlyConfigured(
                f"DATABASE_URL and DATABASE_OWNER_URL are both {owner}'s: what runs Tocsin must own nothing"
            )
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
            # Tables that an earlier owner or a restore brought without default privileges.
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        ):
            cursor.execute(sql.SQL(statement).format(role=role))
