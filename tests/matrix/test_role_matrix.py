"""Every address, every method, every role, two departments: nobody reads a word that is kept from them.

The addresses are those of the URL configuration, so a new one is walked or fails here until it is said what to ask it.
Three walks: as it is; with `visible_to` switched off, where row-level security alone holds; and with both off, which
shows that the walk would find what leaks.
"""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from alerts.models import ScreeningRun
from people import resources, row_security
from people.models import Role
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World, live_world
from tests.matrix.two_departments import FIRST, NOT_THERE, POLL, SECOND, Asker, TwoDepartments, askers

__all__ = ["live_world"]

pytestmark = pytest.mark.slow

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
READING = METHODS[:3]
BUYERS = {Role.BUYER, Role.ADMINISTRATOR}
PUBLISHERS = {Role.POLICY_PUBLISHER, Role.ADMINISTRATOR}
POLICY = {Role.POLICY_EDITOR, *PUBLISHERS}
WORKERS = {Role.BUYER, *POLICY}
WRITERS: dict[str, set[Role]] = {
    "contracts": BUYERS,
    "organizations": BUYERS,
    "departments": {Role.ADMINISTRATOR},
    "users": {Role.ADMINISTRATOR},
    "policy-changes": POLICY,
    "policy-changes-publish": PUBLISHERS,
    "policy-changes-withdraw": PUBLISHERS,
    "party-lists": POLICY,
    "licences": WORKERS,
    "service-accounts": {Role.ADMINISTRATOR},
    "credentials": {Role.ADMINISTRATOR},
    "flags": WORKERS,
    "messages": BUYERS,
    "checks": WORKERS,
    "checks-release": PUBLISHERS,
    "checks-take-back": PUBLISHERS,
    "webhooks": WORKERS,
    "webhook-deliveries": WORKERS,
    "calendar": set(Role),
    "digests": set(Role),
}
"""Who may write, by the name of the address or of what it begins with."""
ADMINISTRATORS_ONLY = ("users", "service-accounts", "credentials")
"""What others do not even read, by what its name begins with."""
OPEN = {"checks-keys", "token", "oauth-token"}
"""Whose answers are for anybody."""
SIGNED_IN = {"schema", "docs", "current-token", "nothing"}
"""For whoever is signed in, whatever their roles."""
MADE = {"contracts-detail", "webhooks-detail"}
"""What a PUT makes where it is not there: a reference that is taken is refused."""
POLLED = {
    "contracts-list", "contracts-detail", "contracts-history", "contracts-reminders", "contracts-bulk",
    "contracts-bulk-close", "changes",
}  # fmt: skip
"""Read, as far as they are read, by whoever has the scopes of a delta poll."""
GONE = 10**15


@dataclass(frozen=True)
class Address:
    """A pattern of the URL configuration, its parameters as `<name>`."""

    name: str
    template: str
    parameters: tuple[str, ...]
    view: Any

    def at(self, values: dict[str, object]) -> str:
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), self.template)

    @property
    def methods(self) -> set[str]:
        """In which it answers; OPTIONS it always does."""
        if actions := getattr(self.view, "actions", None):
            return {*map(str.upper, actions), "OPTIONS"} | ({"HEAD"} if "get" in actions else set())
        kind = getattr(self.view, "cls", None) or getattr(self.view, "view_class", None)
        found = {method for method in METHODS if hasattr(kind, method.lower())} | {"OPTIONS"}
        return found | ({"HEAD"} if "GET" in found else set())


def addresses(patterns: Any = None, before: str = "/") -> Iterator[Address]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        whole = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from addresses(one.url_patterns, whole)
        else:
            yield Address(one.name or "", whole, tuple(re.findall(r"<(?:\w+:)?(\w+)>", whole)), one.callback)


@dataclass
class Walk:
    """What was asked, and what was wrong about the answers."""

    asked: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    leaks: set[str] = field(default_factory=set)

    def ask(self, asker: Asker, address: Address, method: str, ask: Callable[[], Any], named: str) -> Any:
        """The answer, of a transaction that is taken back; whatever it says is searched for what is kept."""
        with transaction.atomic():
            answer = ask()
            text = (answer.getvalue() if answer.streaming else answer.content).decode()
            transaction.set_rollback(True)
        self.asked[asker.name] += 1
        self.addresses.add(address.template)
        who = f"{asker.name}: {method} {address.template} {named}"
        if answer.status_code >= 500:
            self.faults.append(f"{who}: {answer.status_code}")
        for word in asker.kept:
            if word in text or (word.upper() in text and word.upper() not in named):
                self.faults.append(f"{who}: {word} in the answer, {answer.status_code}")
                self.leaks.add(address.name)
        return answer, text

    def expect(self, found: object, wanted: object, *about: object) -> None:
        if found != wanted:
            self.faults.append(f"{': '.join(map(str, about))}: {found!r} instead of {wanted!r}")


def once(make: Callable[..., Any]) -> Callable[..., Any]:
    """The first answer, whatever is asked."""
    answers: list[Any] = []

    def answer(*args: Any, **options: Any) -> Any:
        if not answers:
            answers.append(make(*args, **options))
        return answers[0]

    return answer


@pytest.fixture(autouse=True)
def _thirteenth(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.CLOCK_START, settings.CLOCK_STARTED_REAL = AT, time.time()
    settings.REQUESTS_PER_MINUTE = settings.REQUESTS_PER_MINUTE_PER_ADDRESS = settings.LOGIN_ATTEMPTS_PER_ADDRESS = GONE
    logging.disable()  # of every refusal
    # The same for everybody, and it takes seconds.
    monkeypatch.setattr(SchemaGenerator, "get_schema", once(SchemaGenerator.get_schema))
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def two(_thirteenth: None, live_world: World) -> TwoDepartments:
    """Committed: the feed of changes tells of nothing else."""
    return TwoDepartments(live_world)


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch, two: TwoDepartments) -> None:
    """`visible_to` shows everything, and so does whatever asks for an endpoint's or a job's owner."""
    switched = set()
    for model in apps.get_models():
        rows = type(model._default_manager.all())
        if hasattr(rows, "visible_to"):
            monkeypatch.setattr(rows, "visible_to", lambda self, principal: self)
            switched.add(model.__name__)
    assert switched >= {"Contract", "Flag", "SetAside", "Message", "Check", "WebhookEndpoint", "WebhookDelivery"}


@pytest.fixture
def no_row_security(monkeypatch: pytest.MonkeyPatch, two: TwoDepartments) -> None:
    """Whoever asks, nothing is held back by the database."""
    for module in (row_security, resources):
        monkeypatch.setattr(module, "see_as", lambda user: row_security._put("", ""))


# --- REST -------------------------------------------------------------------------------------------------------------


def key_of(two: TwoDepartments, name: str, parameter: str, word: str) -> object:
    """What an address of the REST interface is asked for; KeyError for one that nobody has thought of."""
    part = two.parts.get(word)
    of = name.removesuffix("-detail").split("-")[0] if not name.startswith("webhook-deliveries") else "deliveries"
    if parameter == "reference" and of in ("contracts", "webhooks"):
        return f"{word.upper()}-{'1' if of == 'contracts' else 'HOOK'}"
    rows = {"flags": "Flag", "messages": "Message", "jobs": "BulkJob", "deliveries": "WebhookDelivery"}
    if parameter == "pk" and of in rows:
        return part.rows[rows[of]].pk if part else GONE
    if parameter == "uuid":
        return part.rows["Check"].uuid if part else "00000000-0000-4000-8000-000000000000"
    shared = {
        "runs": lambda: ScreeningRun.objects.earliest("pk").pk,
        "departments": lambda: "SEM",
        "users": lambda: two.parts[SECOND].owner.email,
        "organizations": lambda: "GANJ",
        "suppliers": lambda: "GANJ",
        "policy": lambda: PolicyChange.objects.earliest("pk").reference,
        "party": lambda: "NO-LIST",
        "licences": lambda: "NO-LICENCE",
        "service": lambda: "no-account",
        "credentials": lambda: GONE,
    }
    return shared[of]()


def is_of_a_part(name: str, parameters: tuple[str, ...]) -> bool:
    return bool(parameters) and name.split("-")[0] in (
        "contracts", "flags", "messages", "jobs", "checks", "webhooks", "webhook",
    )  # fmt: skip


def body_of(two: TwoDepartments, asker: Asker, name: str, method: str, word: str) -> Any:
    """What is sent, naming what carries the word."""
    department = two.parts[asker.own].department
    upper = word.upper()
    contract = {
        "kind": "purchase",
        "supplier": "GANJ",
        "buyer": "AOYA",
        "department": department and department.reference,
    }
    turn = two.parts[word].rows["CheckTurn"].pk if word in two.parts else GONE
    said = {"text": "Seen."}
    day = {"reason": "other", "expires_on": "2026-02-01"}
    call_off = {"kind": "call_off", "framework": f"{upper}-FW", "reference": "PO-9", "purpose": "call_off"}
    bodies: dict[str, Any] = {
        "contracts-detail": {"reference": f"{upper}-1", **contract} if method == "PUT" else {"title": "taken over"},
        "contracts-bulk": [{"reference": f"{upper}-1", **contract}],
        "contracts-bulk-close": {
            "references": [f"{upper}-1"],
            "closed_as": "completed",
            "source": asker.user.email if asker.user else "x@example.com",
        },
        "contracts-reminders": {"days": [3]},
        "flags-assign": {"to": "owner0@example.com"},
        "flags-comment": said,
        "flags-mitigate": said,
        "flags-dismiss": {**said, **day},
        "flags-reopen": said,
        "checks-list": {"documents": [{**contract, **call_off}]},
        "checks-verify": {"receipt": "" if asker.own in asker.kept else two.parts[asker.own].rows["Check"].receipt},
        "checks-changes-acknowledge": {"changes": [turn]},
        "checks-release": {**said, **day},
        "checks-take-back": said,
        "webhooks-detail": {"url": "https://erp.example.com/"},
        "digests": {},
    }
    return bodies.get(name, {})


def writers_of(name: str) -> set[Role]:
    parts = name.split("-")
    tried = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((WRITERS[one] for one in tried if one in WRITERS), set())


def expected_refusal(asker: Asker, address: Address, method: str) -> int | None:
    """401 or 403 where the role alone decides; None where it lets pass."""
    name = address.name
    if name in OPEN:
        return None
    if asker.user is None:
        return 404 if name == "nothing" else 401
    if name in SIGNED_IN:
        return None
    reads = method in READING or method not in address.methods
    if asker.scopes == frozenset(POLL) and not (reads and name in POLLED):
        return 403
    if reads:
        readers = {Role.ADMINISTRATOR} if name.startswith(ADMINISTRATORS_ONLY) else set(Role)
        return None if asker.has(*readers) else 403
    return None if asker.has(*writers_of(name)) else 403


def without_names(text: str, key: str) -> Any:
    """What an answer says, but for the request and what it asked for."""
    try:
        said = json.loads(text)
    except ValueError:
        return text.replace(key, "")
    if isinstance(said, dict):
        said.pop("instance", None)
        said.pop("request_id", None)
    return json.dumps(said) if key.isdecimal() else json.dumps(said).replace(key, "")


def filters_of(view: Any, word: str, two: TwoDepartments) -> Iterator[str]:
    """The filters of a list, each asking for what carries the word."""
    upper = word.upper()
    part = two.parts.get(word)
    values = {
        "contract": f"{upper}-1",
        "framework": f"{upper}-FW",
        "endpoint": f"{upper}-HOOK",
        "owner": f"{word}@example.com",
        "department": part.department.reference if part and part.department else "NONE",
    }
    known = getattr(getattr(view.cls, "filterset_class", None), "base_filters", {})
    yield from (f"{name}={value}" for name, value in values.items() if name in known)
    if "as_of" in getattr(view.cls, "other_parameters", ()):
        yield f"as_of=2026-01-13T12:00:00%2B09:00&contract={upper}-1"


def walk_rest(
    two: TwoDepartments, methods: tuple[str, ...] = METHODS, *, answered: bool = False, machines: bool = False
) -> Walk:
    """`answered`: in the methods alone in which an address answers; `machines`: as those, too."""
    walk = Walk()
    everywhere = [one for one in addresses() if one.template.startswith("/api/v1/")]
    for asker in (one for one in askers(two) if machines or not one.secret):
        client = APIClient(headers={"X-Request-ID": "the-same"}, raise_request_exception=False)
        if asker.secret:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {asker.secret}")
        elif asker.user:
            client.force_authenticate(asker.user)
        for address in everywhere:
            for method in (one for one in methods if not answered or one in address.methods):
                _ask_rest(walk, two, asker, client, address, method)
    return walk


def _ask_rest(walk: Walk, two: TwoDepartments, asker: Asker, client: APIClient, address: Address, method: str) -> None:
    of_part = is_of_a_part(address.name, address.parameters)
    named = address.parameters or (method not in READING and body_of(two, asker, address.name, method, NOT_THERE))
    words = [asker.own, *asker.kept, NOT_THERE] if named and method in address.methods else [asker.own]
    seen: dict[str, tuple[Any, str, str]] = {}
    for word in words:
        values = {name: key_of(two, address.name, name, word) for name in address.parameters}
        path = address.at(values).replace(".*", "no-such-address")
        key = str(next(iter(values.values()), ""))
        body = body_of(two, asker, address.name, method, word)
        sent = {} if method in READING else {"data": body, "format": "json", "headers": {"If-Match": "*"}}
        if address.name in MADE and method == "PUT":
            sent.pop("headers")
        named = path + (json.dumps(body) if sent else "")
        answer, text = walk.ask(asker, address, method, partial(getattr(client, method.lower()), path, **sent), named)
        seen[word] = (answer, text, key)
        refusal = expected_refusal(asker, address, method)
        about = (asker.name, method, named)
        if refusal:
            walk.expect(answer.status_code, refusal, *about)
        elif method == "OPTIONS":
            walk.expect(answer.status_code in (200, 204, 404), True, *about)
        elif method not in address.methods and address.name != "nothing":
            walk.expect(answer.status_code, 405, *about)
        else:
            walk.expect(answer.status_code in (401, 403), False, *about, "lets pass")
        if method == "GET" and address.name.endswith(("-list", "gaps", "contracts-flags")) and not refusal:
            for query in (query for one in (asker.own, *asker.kept) for query in filters_of(address.view, one, two)):
                walk.ask(asker, address, method, partial(client.get, f"{path}?{query}"), f"{path}?{query}")
    if not of_part or NOT_THERE not in seen or expected_refusal(asker, address, method) or method == "OPTIONS":
        return
    gone, says, key = seen[NOT_THERE]
    for word in asker.kept:
        answer, text, own = seen[word]
        about = (asker.name, method, address.template, word)
        if address.name in MADE and method == "PUT":
            walk.expect((answer.status_code, '"taken"' in text), (400, True), *about)
        else:
            walk.expect(
                (answer.status_code, without_names(text, own)), (gone.status_code, without_names(says, key)), *about
            )


def said(name: str, walk: Walk) -> None:
    print(  # what the matrix came to stands in the report of a run with -s
        f"\n{name}: {len(walk.addresses)} addresses, {len(walk.asked)} askers, {walk.asked.total():,} requests,"
        f" {len(walk.faults)} faults, {len(walk.leaks)} addresses leak"
    )


def test_every_address_of_the_rest_interface_as_everybody(two: TwoDepartments) -> None:
    walk = walk_rest(two, machines=True)
    said("REST, all methods", walk)
    assert walk.faults[:50] == []
    assert (len(walk.asked), walk.asked.total() > 10_000) == (13, True)


def test_the_own_department_is_there(two: TwoDepartments) -> None:
    """So that nothing is kept from everybody alike."""
    viewer = next(asker for asker in askers(two) if asker.name == f"{Role.VIEWER}, first")
    client = APIClient()
    client.force_authenticate(viewer.user)
    part = two.parts[FIRST]
    for path in (
        "contracts/AMARANTH-1", "contracts/AMARANTH-1/history", "contracts/AMARANTH-1/flags", "changes", "set-aside",
        f"flags/{part.rows['Flag'].pk}", "flags", "contracts", f"checks/{part.rows['Check'].uuid}",
    ):  # fmt: skip
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, b"AMARANTH" in answer.content) == (200, True), path


def test_row_level_security_alone_holds_for_the_rest_interface(two: TwoDepartments, no_filter: None) -> None:
    walk = walk_rest(two, ("GET", "POST", "PUT", "PATCH", "DELETE"), answered=True)
    said("REST, all methods, visible_to switched off", walk)
    assert walk.faults[:50] == []


def test_with_both_switched_off_the_walk_finds_what_leaks(
    two: TwoDepartments, no_filter: None, no_row_security: None
) -> None:
    walk = walk_rest(two, ("GET",))
    said("REST, GET, both switched off", walk)
    assert walk.leaks >= {
        "contracts-list", "contracts-detail", "contracts-history", "changes", "flags-list",
        "flags-detail", "messages-list", "messages-detail", "set-aside-list", "checks-list", "checks-detail",
        "jobs-results", "jobs-absent", "webhooks-list", "webhooks-detail", "webhook-deliveries-list",
    }  # fmt: skip


# --- The admin --------------------------------------------------------------------------------------------------------


def walk_admin(two: TwoDepartments, methods: tuple[str, ...] = ("GET", "POST")) -> Walk:
    """Every page for each row that carries a word; lists also searched for the words."""
    walk = Walk()
    pages = [one for one in addresses() if one.template.startswith("/admin/") and one.name not in ("logout", "")]
    for asker in (one for one in askers(two) if not one.secret):  # no machine logs in
        client = Client(raise_request_exception=False)
        if asker.user:
            client.force_login(asker.user)
        for page in pages:
            for method in methods:
                _ask_page(walk, two, asker, client, page, method)
    return walk


def _ask_page(walk: Walk, two: TwoDepartments, asker: Asker, client: Client, page: Address, method: str) -> None:
    model = next((one for one in two.parts[FIRST].rows if f"_{one.lower()}_" in page.name), None)
    seen: dict[str, tuple[int, str]] = {}
    for word in [asker.own, *asker.kept, NOT_THERE] if model and page.parameters else [asker.own]:
        part = two.parts.get(word)
        pk = part.rows[model].pk if model and part else GONE if model else 1
        values = {"content_type_id": 1, "name": "comment", "app_label": "contracts", "url": "x"}
        path = page.at(dict.fromkeys(page.parameters, pk) | values)
        path = re.sub(r"\^?\(\?P<app_label>.*?\)/\$", "contracts/", path)
        said = {"text": f"{NOT_THERE} comment"} if method == "POST" else {}
        answer, _ = walk.ask(asker, page, method, partial(getattr(client, method.lower()), path, said), path)
        seen[word] = (answer.status_code, answer.headers.get("Location", "").replace(str(pk), ""))
        if asker.user is None and page.name not in ("login", "jsi18n"):
            walk.expect(answer.status_code in (302, 403), True, asker.name, method, path)
    if method == "GET" and page.name.endswith("_changelist"):
        queries = [f"?q={word.upper()}" for word in asker.kept] + ["?state=all"]
        for query in queries:
            walk.ask(asker, page, method, partial(client.get, path + query), path + query)
    for word in asker.kept if NOT_THERE in seen else ():
        walk.expect(seen[word], seen[NOT_THERE], asker.name, method, page.template, word)


def test_every_page_of_the_admin_as_everybody(two: TwoDepartments) -> None:
    walk = walk_admin(two)
    said("admin, GET and POST", walk)
    assert walk.faults[:50] == []


def test_row_level_security_alone_holds_for_the_admin(two: TwoDepartments, no_filter: None) -> None:
    walk = walk_admin(two)
    said("admin, GET and POST, visible_to switched off", walk)
    assert walk.faults[:50] == []


def test_with_both_switched_off_the_walk_of_the_admin_finds_what_leaks(
    two: TwoDepartments, no_filter: None, no_row_security: None
) -> None:
    walk = walk_admin(two, ("GET",))
    said("admin, GET, both switched off", walk)
    assert walk.leaks >= {
        "index", "contracts_contract_changelist", "contracts_contract_change", "alerts_flag_changelist",
        "alerts_flag_change", "alerts_flagaction_changelist", "alerts_message_changelist", "alerts_message_change",
        "alerts_check_changelist", "alerts_check_change", "alerts_setaside_changelist",
    }  # fmt: skip
