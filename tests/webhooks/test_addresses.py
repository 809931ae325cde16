"""No spelling of an internal address gets through, no name that resolves to one, and no name that changes its mind."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses
from pytest_django import Settings

from alerts.webhooks import sender
from alerts.webhooks.addresses import Target, Unacceptable, is_permitted, resolve, target

INTERNAL = [
    # loopback, plain and otherwise
    "https://127.0.0.1/",
    "https://127.0.0.1:443/",
    "https://127.1.2.3/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://2130706433/",  # decimal
    "https://017700000001/",  # octal
    "https://0x7f000001/",  # hexadecimal
    "https://0X7F.1/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01/",
    "https://127.0.0.0x1/",
    "https://127.00.00.01/",
    "https://00000127.0.0.1/",
    "https://4294967296/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x/",
    "https://000000000000000000000000000000177.0.0.1/",
    # digits and dots that browsers and resolvers fold to ASCII
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://127．0．0．1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://２１３０７０６４３３/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://ⓛocalhost/",
    # names of this machine and of internal networks
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://foo.localhost/",
    "https://localhost.localdomain.local/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://METADATA.google.internal./",
    "https://wiki.corp/",
    "https://router.lan/",
    "https://nas.home.arpa/",
    "https://intranet/",
    "https://db/",
    # private, link-local, shared, reserved
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.254/",
    "https://192.168.0.1/",
    "https://192.168.1/",
    "https://3232235777/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://169.254.43518/",
    "https://100.64.0.1/",
    "https://100.127.255.254/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.7/",
    "https://203.0.113.7/",
    "https://192.88.99.1/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    # IPv6 and IPv4 inside it
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::FFFF:A9FE:A9FE]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",  # the old compatible form
    "https://[64:ff9b::10.0.0.1]/",  # NAT64
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::1]/",  # 6to4
    "https://[2002:a00:1::]/",
    "https://[2001:0:a00:1::1]/",  # Teredo
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[2606:4700::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    # a public name in front of what is asked
    "https://example.com@127.0.0.1/",
    "https://example.com:x@127.0.0.1/",
    "https://example.com%40127.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com#@127.0.0.1/",
    "https://127.0.0.1%00.example.com/",
    "https://127.0.0.1%2eexample.com/",
    "https://127.0.0.1\t.example.com/",
    "https://127.0.0.1\n/",
    " https://127.0.0.1/",
    "https://127.0.0.1 .example.com/",
    "https:///127.0.0.1/",
    "https:127.0.0.1/",
    "//127.0.0.1/",
    "https://./",
    "https://../",
    "https://-/",
    "https://[127.0.0.1]/",
    "https://[::1/",
    "https://127.0.0.1:0/",
    "https://example.com:99999/",
    # other protocols
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "unix:///run/postgresql",
    "javascript:alert(1)",
    "",
]
PUBLIC = {
    "https://example.com": Target(True, "example.com", 443, "/"),
    "https://EXAMPLE.com./hook?a=b": Target(True, "example.com", 443, "/hook?a=b"),
    "https://erp.example.co.jp:8443/in": Target(True, "erp.example.co.jp", 8443, "/in"),
    "https://例え.jp/": Target(True, "xn--r8jz45g.jp", 443, "/"),
    "https://8.8.8.8/": Target(True, "8.8.8.8", 443, "/"),
    "https://[2606:4700:4700::1111]:444/": Target(True, "2606:4700:4700::1111", 444, "/"),
    "https://127.0.0.1.example.com/": Target(True, "127.0.0.1.example.com", 443, "/"),
}


def resolving(*found: str) -> Any:
    """A resolver that knows these addresses, for whatever name."""

    def resolver(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    return resolver


def test_tests_too_begin_with_nothing_open(settings: Settings) -> None:
    assert settings.WEBHOOKS_TO_LOOPBACK is False


def test_the_corpus_is_worth_its_name() -> None:
    assert len(set(INTERNAL)) == len(INTERNAL) > 100


@pytest.mark.parametrize("url", INTERNAL)
def test_no_spelling_of_an_internal_address_is_taken(url: str) -> None:
    with pytest.raises(Unacceptable):
        target(url)


@pytest.mark.parametrize("url", PUBLIC)
def test_public_addresses_are_read_to_one_canonical_form(url: str) -> None:
    assert target(url) == PUBLIC[url]


def test_what_comes_out_is_what_every_reader_makes_of_it() -> None:
    """A host that is a number to the system's own resolver is one to us."""
    for url in PUBLIC:
        host = target(url).host
        try:
            numeric = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            continue
        assert all(is_permitted(ip_address(row[4][0])) for row in numeric)


ALWAYS_INTERNAL = [
    "127.0.0.1",
    "10.1.2.3",
    "172.20.0.1",
    "192.168.3.4",
    "169.254.169.254",
    "100.64.9.9",
    "0.0.0.0",
    "255.255.255.255",
    "::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "fe80::1%eth0",
    "fd12::1",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", ALWAYS_INTERNAL)
def test_a_name_is_not_spoken_to_where_any_of_its_addresses_is_internal(address: str) -> None:
    place = target("https://erp.example.com/")
    assert resolve(place, resolving("93.184.215.14", "8.8.8.8")) == ["93.184.215.14", "8.8.8.8"]
    for found in ([address], ["93.184.215.14", address], [address, "93.184.215.14"]):
        with pytest.raises(Unacceptable, match=r"erp\.example\.com has an address that is not public") as refused:
            resolve(place, resolving(*found))
        assert address not in str(refused.value)  # what internal names mean is nobody's business


def test_a_name_without_an_address_is_a_failure_like_any_other() -> None:
    with pytest.raises(OSError, match="has no address"):
        resolve(target("https://erp.example.com/"), resolving())


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: public when checked, internal when connected to. The name is looked up once."""
    asked: list[str] = []
    connected: list[tuple[str, int]] = []

    def resolver(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return resolving("93.184.215.14" if len(asked) == 1 else "127.0.0.1")(host, port)

    def connect(place: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(sender.addresses, "resolve", lambda place: resolve(place, resolver))
    monkeypatch.setattr(socket, "create_connection", connect)
    outcome = sender.post("https://rebind.example.com/", "{}", {}, deadline=float("inf"), at=None)
    assert (asked, connected) == (["rebind.example.com"], [("93.184.215.14", 443)])
    assert outcome.fate == "failed"
    again = sender.post("https://rebind.example.com/", "{}", {}, deadline=float("inf"), at=None)
    assert again.answer == "not sent: rebind.example.com has an address that is not public"
    assert len(connected) == 1


def test_only_a_setting_for_tests_and_demonstrations_opens_this_machine(settings: Settings) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = True
    assert target("http://localhost:8000/x") == Target(False, "localhost", 8000, "/x")
    assert target("http://127.0.0.1:1/").port == 1
    assert target("https://[::1]/").host == "::1"
    assert is_permitted(ip_address("127.8.8.8"))
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://[::ffff:127.0.0.1]/", "http://2130706433/"):
        with pytest.raises(Unacceptable):
            target(url)
    for address in set(ALWAYS_INTERNAL) - {"127.0.0.1", "::1"}:
        assert not is_permitted(ip_address(address))


@given(ip_addresses())
def test_nothing_is_public_that_pythons_own_register_calls_otherwise(address: IPv4Address | IPv6Address) -> None:
    assert address.is_global or not is_permitted(address)
