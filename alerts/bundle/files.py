"""Bundles as files of a command line: reading them, and saying on standard error what is wrong with them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.management.base import CommandError

from alerts.bundle.problems import BundleErrors, Problem


def read(name: str) -> bytes:
    """The contents of a file, `-` standard input's. Raises CommandError where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from error


def refuse(problems: Mapping[int, Sequence[Problem]], files: Sequence[str]) -> None:
    """End the command with status 1 where there are problems, by number of the file: each a line, by JSON pointer,
    after the name of its file where there are several."""
    lines: list[str] = []
    for number, found in problems.items():
        prefix = f"{files[number]}: " if len(files) > 1 else ""
        lines += [f"{prefix}{problem}" for problem in BundleErrors(found).problems]
    if lines:
        count = "1 error" if len(lines) == 1 else f"{len(lines)} errors"
        print(*lines, f"{count}; nothing was changed", sep="\n", file=sys.stderr)
        sys.exit(1)
