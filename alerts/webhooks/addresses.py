"""Where webhooks may go: to public addresses and nowhere else, in whatever spelling an internal one is dressed.

A name is resolved once for an attempt, every address it has must be public, and the connection goes to an address that
was checked; a name that resolves otherwise a moment later gains nothing. The networks are those of the IANA registries
of special-purpose addresses (RFC 6890).
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

LONGEST_URL = 2000
Resolver = Callable[..., Sequence[tuple[Any, ...]]]
"""As `socket.getaddrinfo`."""

NOT_PUBLIC_4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, where clouds keep their credentials
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
GLOBAL_6 = ip_network("2000::/3")
"""All else in IPv6 is not global unicast: loopback, mapped and translated IPv4, unique local, link-local, multicast."""
NOT_PUBLIC_6 = [
    ip_network(text)
    for text in (
        "2001::/23",  # protocols' own, Teredo among them, which wraps IPv4
        "2001:db8::/32",
        "2002::/16",  # 6to4, which wraps IPv4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]

INTERNAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion", "invalid")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


class Unacceptable(ValueError):  # noqa: N818
    """Nothing is sent to this address. The words give nothing away of what an internal name resolves to."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: the host as a canonical name or IP address, and what to ask it for."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def target(url: str) -> Target:
    """Read an address as it is written; Unacceptable where nothing may be sent there.

    Only https; http too where WEBHOOKS_TO_LOOPBACK is on.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or re.search(r"[\s\\]", url):
        raise Unacceptable(f"an address has at most {LONGEST_URL} characters, and no blanks or backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Unacceptable(f"not an address: {error}") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOKS_TO_LOOPBACK):
        raise Unacceptable("has to begin with https://")
    if "@" in parts.netloc:
        raise Unacceptable("names a user; the signature says who sends")
    if "#" in url:
        raise Unacceptable("ends in a fragment, which is not sent")
    if port == 0:
        raise Unacceptable("has no port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise Unacceptable("its path holds characters that have to be percent-encoded")
    tls = parts.scheme == "https"
    return Target(tls, _host(host), port or (443 if tls else 80), path)


def resolve(place: Target, resolver: Resolver = socket.getaddrinfo) -> list[str]:
    """The addresses of a target, in the order of the resolver.

    Unacceptable where any of them is not public; OSError where the name has none.
    """
    found = resolver(place.host, place.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    if not addresses:
        raise OSError(f"{place.host} has no address")
    for address in addresses:
        if not is_permitted(ip_address(address)):
            raise Unacceptable(f"{place.host} has an address that is not public")
    return addresses


def is_permitted(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is public, or this machine's own where WEBHOOKS_TO_LOOPBACK is on."""
    if settings.WEBHOOKS_TO_LOOPBACK and any(address in network for network in LOOPBACK):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    if address.scope_id is not None or address not in GLOBAL_6:
        return False
    return not any(address in network for network in NOT_PUBLIC_6)


def _host(host: str) -> str:
    """The canonical form of a host, which means the same to every reader; a number is an address or nothing."""
    if ":" in host:
        return str(_literal(host))
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise Unacceptable("its host is not a name") from None
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(_literal(name))
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Unacceptable("its host is not a name")
    if settings.WEBHOOKS_TO_LOOPBACK and name == "localhost":
        return name
    if len(labels) == 1 or any(name == one or name.endswith(f".{one}") for one in INTERNAL_NAMES):
        raise Unacceptable("its host is a name of an internal network")
    return name


def _literal(text: str) -> IPv4Address | IPv6Address:
    """An address in its one plain spelling: what other readers take for octal, hexadecimal or short is refused."""
    try:
        address = ip_address(text)
    except ValueError:
        raise Unacceptable("its host is a number, but no plain IP address") from None
    if not is_permitted(address):
        raise Unacceptable("its host is an address that is not public")
    return address
