"""Django's `migrate`, run as the role that owns the database."""

from typing import Any

from django.core.management.commands import migrate

from config.roles import grant_to_running_role, owning_role


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with owning_role():
            if not (options["plan"] or options["check_unapplied"]):
                grant_to_running_role()
            super().handle(*args, **options)
