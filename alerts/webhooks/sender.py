"""One attempt over HTTP: to a checked address, once, within a time, and without following anybody anywhere.

The connection is made to an address that was just checked, while the name is what TLS verifies and what `Host` says.
`http.client` follows no redirects and knows no proxies; what it reads is bounded by a deadline however slowly it comes.
"""

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import cache
from typing import Any

from alerts.mail.plain import one_line
from alerts.webhooks import addresses

LONGEST_ANSWER = 1000
"""Bytes that are read of what comes with a refusal."""
TRIED_ADDRESSES = 4
USER_AGENT = "Tocsin-Webhooks/1"


class Fate(StrEnum):
    DELIVERED = "delivered"
    GONE = "gone"
    """410: it wants to hear no more."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. `ailing`: the endpoint as a whole, so that others need not try it now."""

    fate: Fate
    status: int | None
    answer: str
    ailing: bool = False
    retry_after: float | None = None
    """Seconds that the endpoint asks for."""


class TooLate(TimeoutError):  # noqa: N818
    """The time of the attempt is over; in it nothing more is sent."""


def post(url: str, body: str, headers: Mapping[str, str], *, deadline: float, at: datetime) -> Outcome:
    """Send a body; `deadline` on the monotonic clock, `at` the instant that a date in the answer is compared with."""
    try:
        target = addresses.target(url)
        places = addresses.resolve(target)
        connection = _Connection(target, places, deadline)
        try:
            return _exchange(connection, target, body, headers, at)
        finally:
            connection.close()
    except addresses.Unacceptable as refused:
        return Outcome(Fate.FAILED, None, f"not sent: {refused}", ailing=True)
    except TimeoutError:
        return Outcome(Fate.FAILED, None, "no answer in time", ailing=True)
    except (OSError, http.client.HTTPException) as error:
        return Outcome(Fate.FAILED, None, one_line(f"{type(error).__name__}: {error}", 500), ailing=True)


def _exchange(
    connection: "_Connection", target: addresses.Target, body: str, headers: Mapping[str, str], at: datetime
) -> Outcome:
    connection.request(
        "POST",
        target.path,
        body.encode(),
        {
            "Host": target.netloc,
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "Connection": "close",
            **headers,
        },
    )
    response = connection.getresponse()
    status = response.status
    if 200 <= status < 300:
        return Outcome(Fate.DELIVERED, status, one_line(response.reason, 100))
    answer = f"{status} {response.reason}: {_beginning(response)}"
    if 300 <= status < 400:
        answer = f"{status}: redirects are not followed; register the address it leads to"
    if status == http.HTTPStatus.GONE:
        return Outcome(Fate.GONE, status, one_line(answer, 500))
    ailing = status >= 500 or status in (408, 425, 429) or 300 <= status < 400
    wait = retry_after(response.getheader("Retry-After"), at) if status in (429, 503) else None
    return Outcome(Fate.FAILED, status, one_line(answer, 500), ailing=ailing, retry_after=wait)


def _beginning(response: http.client.HTTPResponse) -> str:
    try:
        return response.read(LONGEST_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""


def retry_after(value: str | None, at: datetime) -> float | None:
    """Seconds until what the header says, a number or a date; None where it says nothing that can be read."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at).total_seconds())


@cache
def tls() -> ssl.SSLContext:
    """The system's authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """Connects to one of the checked places, whatever the name may mean by now."""

    def __init__(self, target: addresses.Target, places: Sequence[str], deadline: float) -> None:
        super().__init__(target.host, target.port)
        self._target, self._places, self._deadline = target, places, deadline

    def connect(self) -> None:
        raw = self._reach()
        try:
            if self._target.tls:
                raw.settimeout(_left(self._deadline))
                raw = tls().wrap_socket(raw, server_hostname=self._target.host)
        except BaseException:
            raw.close()
            raise
        self.sock: Any = _Timed(raw, self._deadline)

    def _reach(self) -> socket.socket:
        failed: OSError = ConnectionError("no address")
        for place in self._places[:TRIED_ADDRESSES]:
            try:
                return socket.create_connection((place, self._target.port), timeout=_left(self._deadline))
            except TooLate:
                raise
            except OSError as error:
                failed = error
        raise failed


class _Timed:
    """A socket whose every reading and writing ends by the deadline, as `http.client` needs one."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def sendall(self, content: bytes) -> None:
        self._sock.settimeout(_left(self._deadline))
        self._sock.sendall(content)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._sock, self._deadline))

    def close(self) -> None:
        self._sock.close()


class _Reading(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self._deadline = sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds left. TooLate where none are, also where this process was stopped meanwhile."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TooLate
    return seconds
