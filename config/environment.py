"""Reading settings from the environment: each missing or malformed variable is named, all of them at once."""

import base64
import os
from collections.abc import Callable, Mapping
from datetime import datetime, time
from ipaddress import ip_network
from typing import TypedDict, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
D = TypeVar("D")
LONGEST_WORKING_HOURS = 1000
SEED_BYTES = 32


class Server(TypedDict):
    """Where a database is and as whom to use it, in the words of Django's DATABASES."""

    NAME: str
    USER: str
    PASSWORD: str
    HOST: str
    PORT: str


NOWHERE = Server(NAME="", USER="", PASSWORD="", HOST="", PORT="")


class Mail(TypedDict):
    """How mail leaves, in the words of Django's EMAIL_ settings."""

    BACKEND: str
    HOST: str
    PORT: int
    HOST_USER: str
    HOST_PASSWORD: str
    USE_TLS: bool
    USE_SSL: bool
    FILE_PATH: str | None


class Environment:
    """Variables read so far and the faults found, reported together by `complain`."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self._values = dict(os.environ) if values is None else values
        self._faults: list[str] = []

    def required(self, name: str, purpose: str) -> str:
        """The variable; where it is missing an empty string, and a fault that says what it is for."""
        if not self._values.get(name):
            self._faults.append(f"{name} is not set: {purpose}")
        return self._values.get(name, "")

    def text(self, name: str, default: str) -> str:
        return self._values.get(name) or default

    def names(self, name: str) -> list[str]:
        """A comma-separated list; empty where the variable is not set."""
        return [part.strip() for part in self._values.get(name, "").split(",") if part.strip()]

    def switch(self, name: str, *, default: bool) -> bool:
        return self.parsed(name, _switch, default)

    def number(self, name: str, default: int) -> int:
        return self.parsed(name, int, default)

    def parsed(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        """The variable through a parser that raises ValueError; the default where it is not set or malformed."""
        return self.parse(name, self._values.get(name, ""), parse, default)

    def parse(self, name: str, text: str, parse: Callable[[str], T], empty: D) -> T | D:
        """A text that stands for the variable through the parser; `empty` where it is empty or malformed."""
        if not text:
            return empty
        try:
            return parse(text)
        except ValueError as error:
            self._faults.append(f"{name} cannot be read: {error}")
            return empty

    def complain(self) -> None:
        """Raise ImproperlyConfigured with every fault found, or return."""
        if self._faults:
            lines = "".join(f"\n- {fault}" for fault in self._faults)
            raise ImproperlyConfigured(f"these settings keep Tocsin from starting:{lines}\nSee docs/operations.md.")


def _switch(value: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in known:
        raise ValueError(f"{value!r} is neither 1 nor 0")
    return known[value.lower()]


def instant(value: str) -> datetime:
    """An ISO 8601 instant with its offset from UTC."""
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset from UTC")
    return moment


def prepare_threshold(value: str) -> int | None:
    """After how many executions psycopg prepares a statement; `none` for poolers that cannot keep prepared ones."""
    return None if value.lower() == "none" else int(value)


def opening_hours(value: str) -> tuple[time, time]:
    """`09:00-18:00`: when a working day begins and ends."""
    opens, separator, closes = value.partition("-")
    if not separator:
        raise ValueError(f"{value!r} is not of the form 09:00-18:00")
    hours = time.fromisoformat(opens.strip()), time.fromisoformat(closes.strip())
    if hours[0] >= hours[1]:
        raise ValueError(f"{value!r} ends before it begins")
    return hours


def hours_by_name(known: Mapping[str, float]) -> Callable[[str], dict[str, float]]:
    """A parser of `urgent=4,normal=9`: hours above 0 by known names; a name that is left out keeps its hours."""

    def parse(value: str) -> dict[str, float]:
        hours = dict(known)
        for part in value.split(","):
            name, _separator, number = (text.strip() for text in part.partition("="))
            if name not in known:
                raise ValueError(f"{name!r} is none of {', '.join(known)}")
            hours[name] = float(number)
            if not 0 < hours[name] <= LONGEST_WORKING_HOURS:
                raise ValueError(f"{number} hours are not between 0 and {LONGEST_WORKING_HOURS}")
        return hours

    return parse


def between(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`, both inclusive."""

    def parse(value: str) -> int:
        if not low <= int(value) <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return int(value)

    return parse


def one_of(*known: str) -> Callable[[str], str]:
    """A parser of words of a list."""

    def parse(value: str) -> str:
        if value not in known:
            raise ValueError(f"{value} is none of {', '.join(known)}")
        return value

    return parse


def origin(value: str) -> SplitResult:
    """The address of a site: http or https, a host, and nothing behind it."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        raise ValueError(f"{value!r} is not of the form https://tocsin.example")
    return parts


def hosts(value: str) -> list[str]:
    """Comma-separated host names. One that stands for all is refused: links would lead where a sender says."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    if "*" in found:
        raise ValueError("'*' is every host; name those that lead here")
    return found


def networks(value: str) -> list[str]:
    """Comma-separated networks or addresses, such as 10.0.0.0/8; a network that is everybody is none to be trusted."""
    found = [ip_network(part.strip()) for part in value.split(",")]
    if everybody := [str(network) for network in found if not network.prefixlen]:
        raise ValueError(f"{everybody[0]} is everybody")
    return [str(network) for network in found]


def seeds(value: str) -> list[bytes]:
    """Comma-separated secrets of 32 bytes each, in base64url without padding."""
    found = [base64.b64decode(f"{part.strip()}=", altchars=b"-_", validate=True) for part in value.split(",")]
    if any(len(seed) != SEED_BYTES for seed in found):
        raise ValueError(f"each key is {SEED_BYTES} random bytes in base64url: 43 characters")
    return found


def server(url: str) -> Server:
    """`postgresql://user:password@host:port/name`, the host also as `?host=/socket/directory`."""
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("a database URL begins with postgresql://")
    if not name or not parts.username:
        raise ValueError("a database URL names a user and a database: postgresql://user:password@host:5432/name")
    options = dict(parse_qsl(parts.query))
    return Server(
        NAME=name,
        USER=unquote(parts.username),
        PASSWORD=unquote(parts.password or ""),
        HOST=options.get("host") or parts.hostname or "",
        PORT=str(parts.port or ""),
    )


def broker(url: str) -> str:
    """A Redis URL in Celery's spelling, which calls a unix socket `redis+socket://`."""
    scheme = urlsplit(url).scheme
    if scheme not in ("redis", "rediss", "unix"):
        raise ValueError("a Redis URL begins with redis://, rediss:// or unix://")
    return url.replace("unix://", "redis+socket://", 1)


def mail(url: str) -> Mail:
    """`smtp://`, `smtp+tls://` (STARTTLS), `smtps://`; `file:///directory` writes mails there; `console://` prints."""
    parts = urlsplit(url)
    backends = {"file": "filebased", "console": "console"}
    if parts.scheme not in ("smtp", "smtp+tls", "smtps", *backends):
        raise ValueError("a mail URL begins with smtp://, smtp+tls://, smtps://, file:// or console://")
    if parts.scheme.startswith("smtp") and not parts.hostname:
        raise ValueError("a mail URL names a host: smtp+tls://user:password@host:587")
    return Mail(
        BACKEND=f"django.core.mail.backends.{backends.get(parts.scheme, 'smtp')}.EmailBackend",
        HOST=parts.hostname or "",
        PORT=parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}.get(parts.scheme, 0),
        HOST_USER=unquote(parts.username or ""),
        HOST_PASSWORD=unquote(parts.password or ""),
        USE_TLS=parts.scheme == "smtp+tls",
        USE_SSL=parts.scheme == "smtps",
        FILE_PATH=unquote(parts.path) if parts.scheme == "file" else None,
    )
