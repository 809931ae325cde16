# ruff: noqa: N999  (Django names a command after its file)
"""`manage.py verify-receipt FILE --keys JWKS`: whether a receipt is ours, without a database, with public keys alone.

Ends with 0 where it is genuine, 1 where it is not, 2 where it cannot be told.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from alerts.checks.receipts import Keys, digest


class Command(BaseCommand):
    help = "Says whether a receipt is genuine, and what it claims; needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the receipt; - is standard input")
        parser.add_argument("--keys", metavar="JWKS", help="a file from GET /checks/keys; otherwise this system's own")
        parser.add_argument("--document", metavar="JSON", help="a file with the document, to be compared")

    def handle(self, *args: Any, file: str, keys: str | None, document: str | None, **options: Any) -> None:
        receipt = self._read(file).decode("utf-8", "replace")
        found = self._keys(keys).verify(receipt)
        if found.claims is None:
            self.stdout.write(f"not genuine: {found.wrong}")
            sys.exit(1)
        if document is not None and digest(self._json(document)) != found.claims.get("document_sha256"):
            self.stdout.write("genuine, but of another document")
            sys.exit(1)
        self.stdout.write("genuine")
        self.stdout.write(json.dumps(found.claims, ensure_ascii=False, indent=2))

    def _keys(self, name: str | None) -> Keys:
        if name is None:
            return Keys.of_seeds(settings.RECEIPT_KEYS)
        try:
            return Keys.of_public(self._read(name))
        except ValueError as error:
            self._refuse(f"{name}: {error}")
            raise

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self._read(name))
        except ValueError as error:
            self._refuse(f"{name}: {error}")

    def _read(self, name: str) -> bytes:
        try:
            return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            self._refuse(f"{name}: {error.strerror}")
            raise

    def _refuse(self, reason: str) -> None:
        self.stderr.write(reason)
        sys.exit(2)
