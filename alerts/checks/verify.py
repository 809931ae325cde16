"""`python -m alerts.checks.verify RECEIPT --keys JWKS`: whether a receipt is ours, by public keys alone.

No settings, no database, no Django: it runs where nothing of Tocsin does. Ends with 0 where the receipt is genuine,
with 1 where it is not, with 2 where it cannot be told.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from alerts.checks.receipts import Keys, digest


def main() -> int:
    parser = ArgumentParser(
        prog="python -m alerts.checks.verify", description="Says whether a receipt is genuine, and what it claims."
    )
    parser.add_argument("receipt", metavar="RECEIPT", help="a file with the receipt; - is standard input")
    parser.add_argument("--keys", metavar="JWKS", required=True, help="a file with the answer of GET /checks/keys")
    parser.add_argument("--document", metavar="JSON", help="a file with the document, to be compared")
    asked = parser.parse_args()
    found = _keys(asked.keys).verify(_read(asked.receipt).decode("utf-8", "replace"))
    if found.claims is None:
        print(f"not genuine: {found.wrong}")
        return 1
    if asked.document is not None and digest(_json(asked.document)) != found.claims.get("document_sha256"):
        print("genuine, but of another document")
        return 1
    print("genuine")
    print(json.dumps(found.claims, ensure_ascii=False, indent=2))
    return 0


def _keys(name: str) -> Keys:
    try:
        return Keys.of_public(_read(name))
    except ValueError as error:
        _refuse(f"{name}: {error}")


def _json(name: str) -> Any:
    try:
        return json.loads(_read(name))
    except ValueError as error:
        _refuse(f"{name}: {error}")


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        _refuse(f"{name}: {error.strerror}")


def _refuse(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
