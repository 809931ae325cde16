"""Bodies just below the limit, good and bad, for every address that takes one."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rest_framework import serializers

from alerts.bundle.kinds import KINDS
from alerts.checks.documents import MOST_DOCUMENTS, MOST_LINES, MOST_LINES_OF_ALL, CallSerializer
from alerts.checks.serializers import Acknowledgement, ReleaseWritten, TakenBack, VerificationAsked
from alerts.views.acting import Assignment, Dismissal, Mitigation
from alerts.views.bulk import Closing
from alerts.views.calendar import StagesWritten
from alerts.views.digests import DigestsWritten
from alerts.views.publishing import Confirmation
from alerts.webhooks.serializers import EndpointWritten, Replay, Rotation
from people.fields import Choice, Fact, Text
from people.serializers import CredentialRotation, CredentialWritten, ServiceAccountWritten
from people.strict import MOST_ROWS, ByCode, Rows, Strict

FULL = 10 * 1024 * 1024 - 1024
MARKS = "a" + "\u0300\u0316"  # two marks, each of which belongs before the other


class Body(NamedTuple):
    name: str
    content: bytes
    content_type: str = "application/json"
    good: bool = False
    """Whether it says something that can be stored or answered, which may take its time."""


def repeated(unit: str, length: int = FULL) -> str:
    return unit * (length // len(unit.encode()))


def listed(row: Callable[[int], str], most: int = 10**9, length: int = FULL) -> str:
    """A JSON list of as many rows as fit."""
    rows: list[str] = []
    size = 2
    while len(rows) < most:
        text = row(len(rows))
        size += len(text.encode()) + 1
        if size > length:
            break
        rows.append(text)
    return f"[{','.join(rows)}]"


def keyed(value: str = "1", most: int = 10**9, length: int = FULL) -> str:
    """The members of an object of as many unknown keys as fit."""
    return listed(lambda number: f'"k{number:x}":{value}', most, length)[1:-1]


def anywhere() -> Iterator[Body]:
    """What no address takes, whatever it is for."""
    yield Body("unknown keys", b"{%s}" % keyed().encode())
    yield Body("as many unknown keys as are read", b"{%s}" % keyed(most=490_000).encode())
    yield Body("one long key", b'{"%s": 1}' % repeated("x").encode())
    yield Body("dotted keys", b"{%s}" % keyed().replace("k", ".").encode())
    yield Body("one text", b'{"x": "%s"}' % repeated("x").encode())
    yield Body("a text alone", b'"%s"' % repeated("x").encode())
    yield Body("escaped NULs", b'{"x": "%s"}' % repeated("\\u0000").encode())
    yield Body("numbers", b"[%s]" % repeated("1,").encode()[:-1])
    yield Body("objects", b"[%s]" % repeated("{},").encode()[:-1])
    yield Body("digits", b'{"x": %s}' % repeated("9").encode())
    yield Body("as many objects as are read", b"[%s]" % repeated("{},", 3 * 245_000).encode()[:-1])
    yield Body("nested", b'{"x": [%s]}' % repeated("[" * 400 + "]" * 400 + ",").encode()[:-1])
    yield Body("nested objects", b'{"x": [%s]}' % repeated('{"a":' * 200 + "1" + "}" * 200 + ",").encode()[:-1])
    yield Body("too deep", repeated("[").encode())
    yield Body("cut off", b'{"x": [%s' % repeated("1,").encode())
    yield Body("a key twice at the end", b'{%s, "k1": 2}' % keyed().encode())
    yield Body("not UTF-8 at the end", b'{"x": "%s\xff"}' % repeated("x").encode())
    yield Body("blanks", repeated(" ").encode())
    yield Body("text/plain", b"{%s}" % repeated(" ").encode(), "text/plain")
    yield Body("a form", repeated("a=1&").encode(), "application/x-www-form-urlencoded")
    yield Body("beyond the limit", b'{"x": "%s"}' % repeated("x", FULL + 2048).encode())


GOOD = {
    "departments": {"reference": "LARGE"},
    "users": {"email": "large@example.com"},
    "organizations": {"reference": "LARGE"},
    "contracts": {"reference": "LARGE", "kind": "purchase", "supplier": "SULA", "buyer": "AOM-US"},
    "policy_changes": {"reference": "LARGE", "timezone": "Asia/Tokyo"},
    "party_lists": {"reference": "LARGE", "timezone": "Asia/Tokyo"},
    "licences": {"reference": "LARGE", "exporter": "SULA"},
}
WRITTEN: dict[str, Strict] = {
    # the name of the address: what it reads, besides bundles' objects
    "contracts-reminders": StagesWritten(),
    "contracts-bulk-close": Closing(),
    "policy-changes-publish": Confirmation(),
    "flags-assign": Assignment(),
    "flags-dismiss": Dismissal(),
    "flags-mitigate": Mitigation(),
    "checks-list": CallSerializer(),
    "checks-changes-acknowledge": Acknowledgement(),
    "checks-verify": VerificationAsked(),
    "checks-release": ReleaseWritten(),
    "checks-take-back": TakenBack(),
    "webhooks-detail": EndpointWritten(),
    "webhooks-rotate": Rotation(),
    "webhooks-replay": Replay(),
    "digests": DigestsWritten(),
    "service-accounts-detail": ServiceAccountWritten(),
    "credentials-list": CredentialWritten(),
    "credentials-rotate": CredentialRotation(),
}


Wrap = Callable[[str], str]


def leaves(field: Any, path: str, wrap: Wrap) -> Iterator[tuple[str, Any, Wrap]]:
    """Every field of an object and of its parts: its path, itself, and what makes an object of its value's JSON."""
    if isinstance(field, Strict):
        for name, inner in field.fields.items():
            yield from leaves(inner, f"{path}/{name}", _member(wrap, name))
    elif isinstance(field, (Rows, ByCode)):
        yield path, field, wrap
        around = (lambda text: wrap(f"[{text}]")) if isinstance(field, Rows) else lambda text: wrap(f'{{"CN": {text}}}')
        yield from leaves(field.child, f"{path}/0", around)
    else:
        yield path, field, wrap


def _member(wrap: Wrap, name: str) -> Wrap:
    return lambda text: wrap(f'{{"{name}": {text}}}')


def within(reads: Strict, good: dict[str, Any] | None = None) -> Iterator[Body]:
    """A value of ten megabytes in each of its fields."""
    rest = json.dumps(good or {})[1:-1]

    def whole(text: str) -> str:
        return text[:-1] + (f", {rest}}}" if rest else "}")

    for path, field, wrap in leaves(reads, "", str):
        if good and path.strip("/") in good:
            continue
        for name, value in _values(field):
            yield Body(f"{path}: {name}", whole(wrap(value)).encode(), good=name.startswith("good"))


def _values(field: Any) -> Iterator[tuple[str, str]]:
    room = FULL - 1024
    if isinstance(field, ByCode):
        yield "unknown keys", f"{{{keyed(length=room)}}}"
    elif isinstance(field, Rows):
        yield "nulls", f"[{repeated('null,', 5 * (MOST_ROWS - 1))[:-1]}]"
        yield "too many", f"[{repeated('null,', room)[:-1]}]"
        if isinstance(field.child, Strict):
            yield "empty objects", f"[{repeated('{},', 3 * MOST_ROWS)[:-1]}]"
            yield "unknown keys", listed(lambda number: f"{{{keyed(most=200)}}}", length=room)
        else:
            yield "texts", listed(lambda number: f'"Z{number:x}"', MOST_ROWS)
            yield "long texts", listed(lambda number: json.dumps(f"{number} {'x' * 490}"), MOST_ROWS, room)
    elif isinstance(field, Choice):
        yield "text", f'"{repeated("x", room)}"'
    elif isinstance(field, Text):
        yield "text", f'"{repeated("x", room)}"'
        yield "marks", json.dumps(repeated(MARKS[1:], room // 2), ensure_ascii=False)
        yield "letters of two", json.dumps(repeated("a\u0308", room), ensure_ascii=False)
    elif isinstance(field, (Fact, serializers.Field)):
        yield "digits", f'"{repeated("9", room)}"'
        yield "zeros", f'"{repeated("0", room)}"'
        yield "text", f'"{repeated("x", room)}"'


def objects(section: str) -> Iterator[Body]:
    """What is right in each field and much of it, and what is wrong as a whole."""
    rest = json.dumps(GOOD[section])[1:-1]

    def body(name: str, members: str, *, good: bool = False) -> Body:
        return Body(name, f"{{{rest}, {members}}}".encode(), good=good)

    most = MOST_ROWS
    if section == "contracts":
        yield body("good: 20,000 lines", f'"lines": {listed(line, most)}', good=True)
        yield body("the same line again", f'"lines": {listed(lambda n: line(7), most)}')
        backwards = '"ship_from": "2026-02-02", "ship_until": "2026-01-01"'
        yield body(
            "lines backwards", f'"lines": {listed(lambda n: f"{{{chr(34)}number{chr(34)}: {n}, {backwards}}}", most)}'
        )
        amendment = '{"made_on": "2026-01-01", "increases_quantity_or_term": false, "summary": "more"}'
        yield body("good: 20,000 amendments", f'"amendments": {listed(lambda n: amendment, most)}', good=True)
        many = f"[{repeated(chr(34) + 'H' + chr(34) + ',', 4 * most)[:-1]}]"
        enough = 23  # such lists are half a million values
        elements = listed(lambda n: f'{{"number": {n}, "elements": {many}}}', enough)
        yield body("elements again and again", f'"lines": {elements}', good=True)
        yield body("elements again and again, and a fault", f'"lines": {elements}, "title": 7')
        codes = listed(lambda n: f'"CN-DUAL:{n}"', most)
        lines = listed(lambda n: f'{{"number": {n}, "control_codes": {codes}}}', enough)
        yield body("codes", f'"lines": {lines}, "title": 7')
        content = listed(lambda n: '{"origin": "CN", "value_share": "0.00001"}', most)
        lines = listed(lambda n: f'{{"number": {n}, "content": {content}}}', enough // 3)
        yield body("content", f'"title": 7, "lines": {lines}')
    elif section == "organizations":
        yield body("owners nobody knows", f'"owners": {listed(lambda n: owner(f"NOBODY-{n}"), most)}')
        yield body("one owner", f'"owners": {listed(lambda n: owner("SULA"), most)}')
        yield body("itself", f'"owners": {listed(lambda n: owner("LARGE"), most)}')
        day = '"from": "2026-02-02", "until": "2026-01-01"'
        backwards = listed(lambda n: owner("SULA")[:-1] + f", {day}}}", most)
        yield body("owners backwards", f'"owners": {backwards}')
        yield body(
            "good: 20,000 names",
            f'"names": {listed(lambda n: json.dumps({"name": f"{n} " + "x" * 480}), most)}',
            good=True,
        )
        number = '{"scheme": "DUNS", "value": "1"}'
        yield body("one identifier", f'"identifiers": {listed(lambda n: number, most)}')
        yield body("bad identifiers", f'"identifiers": {listed(lambda n: number.replace("DUNS", "LEI"), most)}')
        good = listed(lambda n: json.dumps({"scheme": "ERP", "value": str(n)}), most)
        yield body("good: 20,000 identifiers", f'"identifiers": {good}', good=True)
    elif section == "policy_changes":
        yield from (body(*one[:2], good=one[2]) for one in _policies(most))
    elif section == "party_lists":
        entry = '{"organization": "%s"}'
        yield body("nobody", f'"entries": {listed(lambda n: entry % f"NOBODY-{n}", most)}')
        yield body("good: 20,000 entries", f'"entries": {listed(lambda n: entry % "SULA", most)}', good=True)
        yield body("backwards", f'"entries": {listed(lambda n: owner("SULA", "organization")[:-1] + BACKWARDS, most)}')
    elif section == "licences":
        yield body("good: commodities", f'"commodities": {commodities(FULL - 2048)}', good=True)
        yield body("commodities", f'"commodities": {commodities(FULL - 2048)}, "kind": "x"')
        yield body("good: measures", f'"measures": {listed(lambda n: json.dumps(f"M-{n}/1"), most)}', good=True)
        yield body("no facets", f'"commodities": {repeated("{},", 3 * most)[:-1].join("[]")}')
    elif section == "users":
        yield body("departments", f'"departments": {listed(lambda n: json.dumps(f"NO-{n}"), most)}')
        yield body("good: roles", f'"roles": {listed(lambda n: json.dumps("viewer"), most)}', good=True)
        away = '{"from": "2026-01-01", "until": "2026-01-02"}'
        yield body("good: away", f'"away": {listed(lambda n: away, most)}', good=True)
        yield body("away backwards", f'"away": {listed(lambda n: "{" + BACKWARDS[2:], most)}')


BACKWARDS = ', "from": "2026-02-02", "until": "2026-01-01"}'


def line(number: int) -> str:
    return json.dumps(
        {
            "number": number, "description": "NdFeB magnets, sintered, N42SH, block", "hs_code": "850511",
            "tariff_codes": {"CN": "8505111000"}, "control_codes": ["CN-DUAL:1C905"], "elements": ["Nd", "Dy"],
            "purity": "99.5", "content": [{"origin": "CN", "value_share": "0.5"}], "origin_country": "CN",
            "quantity": "1200", "unit": "kg", "unit_price": "9800", "delivered": "0", "cancelled": "0",
            "ship_from": "2026-02-01", "ship_until": "2026-11-30",
        },
        separators=(",", ":"),
    )  # fmt: skip


def owner(reference: str, key: str = "owner") -> str:
    return json.dumps({key: reference})


def commodities(length: int) -> str:
    codes = json.dumps({"hs": [f"{number:06}" for number in range(1000)]}, separators=(",", ":"))
    return listed(lambda number: codes, MOST_ROWS, length)


def measure(key: object, scope: str = "{}", timeline: str = '[{"status": "in_force", "from": "2026-01-01"}]') -> str:
    return f'{{"key": "{key}", "effect": "ban", "timeline": {timeline}, "scope": {scope}}}'


def _policies(most: int) -> Iterator[tuple[str, str, bool]]:
    evidence = '{"publisher": "A ministry", "stance": "supports", "published_on": "2026-01-01"}'
    yield "good: 20,000 measures", f'"measures": {listed(measure, most)}', True
    yield "one measure", f'"measures": {listed(lambda n: measure(1), most)}', False
    yield "good: 20,000 pieces of evidence", f'"evidence": {listed(lambda n: evidence, most)}', True
    yield "good: supersedes", f'"supersedes": {listed(lambda n: json.dumps(f"P-{n}"), most)}', True
    wide = f'{{"commodities": {commodities(FULL - 4096)}}}'
    yield "good: commodities", f'"measures": [{measure(1, wide)}]', True
    yield "commodities", f'"title": 7, "measures": [{measure(1, wide)}]', False
    many = listed(lambda n: json.dumps({"hs": [f"{n:06}"]}), most)
    yield "good: 20,000 commodities", f'"measures": [{measure(1, f"{{{chr(34)}commodities{chr(34)}: {many}}}")}]', True
    nobody = listed(lambda n: json.dumps(f"NOBODY-{n}"), most)
    parties = f'{{"parties": {{"roles": ["supplier"], "named": {nobody}, "lists": {nobody}}}}}'
    yield "parties nobody knows", f'"measures": [{measure(1, parties)}]', False
    countries = f"[{repeated(chr(34) + 'CN' + chr(34) + ',', 5 * most)[:-1]}]"
    scope = f'{{"origin_countries": {countries}}}'
    yield "countries", f'"title": 7, "measures": {listed(lambda n: measure(n, scope), 4)}', False
    periods = listed(lambda n: '{"status": "in_force", "from": "2026-01-01"}', most)
    yield "periods", f'"title": 7, "measures": {listed(lambda n: measure(n, timeline=periods), 7)}', False
    yield "good: 20,000 periods", f'"measures": [{measure(1, timeline=periods)}]', True
    faulty = f"{{{keyed(most=70)}}}"
    rows = listed(lambda n: faulty, 70)
    measures = listed(lambda n: f'{{"scope": {{"commodities": {rows}}}}}', 95)
    yield "a fault in every part", f'"measures": {measures}', False


def bulk(section: str) -> Iterator[Body]:
    """Rows, each answered for itself."""
    contract = json.dumps(GOOD[section])[:-1]

    def row(number: int, more: str = "") -> str:
        return contract.replace("LARGE", f"LARGE-{number}") + more + "}"

    yield Body("good: 10,000 rows", listed(row, 10_000).encode(), good=True)
    yield Body("no objects", f"[{repeated('1,', 2 * 10_000)[:-1]}]".encode())
    yield Body("empty objects", f"[{repeated('{},', 3 * 10_000)[:-1]}]".encode())
    yield Body("unknown keys", listed(lambda n: f"{{{keyed(most=45)}}}", 10_000).encode())
    yield Body("one reference", listed(lambda n: row(7), 10_000).encode())
    if section == "contracts":
        yield Body("suppliers nobody knows", listed(lambda n: row(n).replace("SULA", f"NO-{n}"), 10_000).encode())
        bad = listed(lambda n: "{}", 20)
        yield Body("bad lines", listed(lambda n: row(n, f', "lines": {bad}'), 10_000).encode())
    else:
        bad = listed(lambda n: owner(f"NOBODY-{n}"), 20)
        yield Body("owners nobody knows", listed(lambda n: row(n, f', "owners": {bad}'), 10_000).encode())
        chain = listed(lambda n: row(n, f', "owners": [{owner(f"LARGE-{n + 1}")}]'), 10_000).replace("LARGE", "CHAIN")
        yield Body("each owned by the next, the last by nobody", chain.encode())
    lines = "\n".join("{" for _ in range(10_000))
    yield Body("lines that are no JSON", lines.encode(), "application/x-ndjson")
    yield Body("lines of numbers", repeated("1\n").encode(), "application/x-ndjson")


def checks() -> Iterator[Body]:
    """Calls with the most documents and lines."""
    document = json.dumps({**GOOD["contracts"], "purpose": "new_contract"})[:-1]

    def call(name: str, rows: str, *, good: bool = False, more: str = "") -> Body:
        return Body(name, f'{{"documents": {rows}{more}}}'.encode(), good=good)

    each = MOST_LINES_OF_ALL // MOST_DOCUMENTS
    lines = listed(line, each)
    good = listed(lambda n: document.replace("LARGE", f"LARGE-{n}") + f', "lines": {lines}}}', MOST_DOCUMENTS)
    yield call("good: 100 documents of 100 lines", good, good=True)
    yield call("good: the same without receipts", good, good=True, more=', "receipts": false')
    ten = listed(line, MOST_LINES)
    yield call("good: 10 documents of 1,000 lines", listed(lambda n: document + f', "lines": {ten}}}', 10), good=True)
    twice = listed(lambda n: line(7), each)
    yield call("the same line again", listed(lambda n: document + f', "lines": {twice}}}', MOST_DOCUMENTS))
    keys = listed(lambda n: f"{{{keyed(most=45)}}}", each)
    yield call("unknown keys", listed(lambda n: document + f', "lines": {keys}}}', MOST_DOCUMENTS, FULL - 100))
    many = f"[{repeated(chr(34) + 'H' + chr(34) + ',', 4 * MOST_ROWS)[:-1]}]"
    elements = listed(lambda n: document + f', "lines": [{{"number": 1, "elements": {many}}}]}}', 22)
    yield call("elements again and again", elements, good=True)
    amendments = listed(lambda n: "{}", MOST_ROWS)
    yield call(
        "amendments", listed(lambda n: document + f', "amendments": {amendments}}}', 11),
        good=True,
    )  # fmt: skip
    named = json.dumps({"name": "Oriental Magnetics Co., Ltd. of Baotou", "identifiers": []})
    parties = document.replace('"SULA"', named).replace('"AOM-US"', named)
    yield call("good: 100 documents of named parties", listed(lambda n: parties + "}", MOST_DOCUMENTS), good=True)
    numbers = listed(lambda n: json.dumps({"scheme": "LEI", "value": str(n)}), most=2000)
    bad = parties.replace('"identifiers": []', f'"identifiers": {numbers}')
    yield call("bad identifiers", listed(lambda n: bad + "}", MOST_DOCUMENTS, FULL - 100))
    ids = listed(lambda n: json.dumps({"scheme": "ERP", "value": str(n)}), most=1000)
    fine = parties.replace('"identifiers": []', f'"identifiers": {ids}')
    yield call("good: many identifiers", listed(lambda n: fine + "}", MOST_DOCUMENTS, FULL - 100), good=True)


def closing() -> Iterator[Body]:
    rest = '"closed_as": "completed", "source": "administrator@conformance.example"'
    references = listed(lambda number: json.dumps(f"NO-{number}"), MOST_ROWS)
    yield Body("20,000 that are not there", f'{{"references": {references}, {rest}}}'.encode())


SECTIONS = {kind.section.replace("_", "-") + "-detail": kind.section for kind in KINDS.values()}


def bodies(name: str) -> Iterator[Body]:
    """Those of the address of this name."""
    yield from anywhere()
    yield from own_bodies(name)


def own_bodies(name: str) -> Iterator[Body]:
    """What is made for what it reads."""
    if name in SECTIONS:
        section = SECTIONS[name]
        yield from within(KINDS[section].serializer, GOOD[section])
        yield from objects(section)
    elif name == "policy-changes-preview":
        yield from objects("policy_changes")
    elif name in WRITTEN:
        yield from within(WRITTEN[name])
    if name == "checks-list":
        yield from checks()
    elif name == "contracts-bulk-close":
        yield from closing()
    elif name in ("contracts-bulk", "organizations-bulk"):
        yield from bulk(name.removesuffix("-bulk"))
