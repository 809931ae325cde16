# ruff: noqa: N999  (Django names a command after its file)
"""`manage.py receipt-key`: a new secret for RECEIPT_KEYS on standard output."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand

from alerts.checks.receipts import SEED_BYTES


class Command(BaseCommand):
    help = "Prints a new secret that signs receipts, for RECEIPT_KEYS."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(secrets.token_urlsafe(SEED_BYTES))
