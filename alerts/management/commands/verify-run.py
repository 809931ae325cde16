# ruff: noqa: N999  (Django names a command after its file)
"""`manage.py verify-run ID`: compute a run's manifest again from history and say whether it is equal.

Ends with 0 where it is, 1 where contracts differ, 2 where history cannot tell.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from alerts.models import ScreeningRun
from alerts.verification import CannotTell, verify


class Command(BaseCommand):
    help = "Computes the manifest of a screening run again from history; says equal, or which contracts differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, metavar="ID")

    def handle(self, *args: Any, id: int, **options: Any) -> None:
        try:
            run = ScreeningRun.objects.get(pk=id)
            found = verify(run)
        except ScreeningRun.DoesNotExist:
            self._refuse(f"there is no run {id}")
        except CannotTell as reason:
            self._refuse(str(reason))
        else:
            if found.equal:
                self.stdout.write(f"equal: {found.contracts} contracts, digest {found.digest}")
                return
            self.stdout.write("\n".join(["differs", *found.figures, *(f"contract {one}" for one in found.differing)]))
            sys.exit(1)

    def _refuse(self, reason: str) -> None:
        self.stderr.write(reason)
        sys.exit(2)
