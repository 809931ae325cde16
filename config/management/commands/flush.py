"""Django's `flush`, run as the role that owns the database: the running one may not TRUNCATE.

History cannot be truncated either, a trigger forbids it; where the owner may switch triggers off (the embedded cluster
lets it, for the tests' sake) they are off for the duration.
"""

from typing import Any

from django.core.management.commands import flush
from django.db import connection

from config.roles import owning_role


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        with owning_role():
            with connection.cursor() as cursor:
                cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
                if cursor.fetchone() == (True,):
                    cursor.execute("SET session_replication_role = replica")
            super().handle(**options)
