"""The embedded database for one command line: started where it does not run, migrated, said on standard error."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import django
from django.conf import settings
from django.core.management import call_command

from config.embedded.lease import leased, migrating

# Commands that ask the database nothing; `screen` sees its bundle alone.
_WITHOUT_DATABASE = frozenset(
    [
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "help",
        "makemessages",
        "makemigrations",
        "screen",
        "spectacular",
        "startapp",
        "version",
    ]
)


@contextmanager
def embedded_session(argv: Sequence[str]) -> Iterator[None]:
    """The embedded services while the command of this command line runs, where it and the settings ask for them."""
    if not _needs_database(argv):
        # Django would warn that it could not compare migrations with a database that was left alone on purpose.
        warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
        yield
        return
    if not settings.EMBEDDED_SERVICES:
        yield
        return
    places = settings.EMBEDDED_PLACES
    with leased(places) as lease:
        state = "started for this command" if lease.started else "already running"
        print(f"Tocsin: embedded database in {places.state} ({state})", file=sys.stderr)
        if argv[1] != "migrate":
            migrate()
        yield


def migrate() -> None:
    """Bring the embedded database to this code's migrations, if it is not there yet."""
    with migrating(settings.EMBEDDED_PLACES) as needed:
        if needed:
            print("Tocsin: migrating it ...", file=sys.stderr)
            django.setup()
            call_command("migrate", verbosity=0, interactive=False, stdout=sys.stderr)


def _needs_database(argv: Sequence[str]) -> bool:
    words = argv[1:]
    if not words or words[0].startswith("-") or {"-h", "--help"} & set(words):
        return False
    return words[0] not in _WITHOUT_DATABASE or "--database" in words
