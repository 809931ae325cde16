"""A world of two departments and of what belongs to neither, each full of a word that nobody else may read.

References are in capitals, for an answer may name what was asked for; everything else is in small letters, for which
nobody has asked. Users and departments have neutral addresses: they are nobody's secret.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from alerts import dispositions, jobs, messages
from alerts.bundle.many import Row
from alerts.checks import asking, releasing
from alerts.checks.rounds import look_again
from alerts.models import (
    BulkJob,
    Check,
    CheckTurn,
    Flag,
    FlagAction,
    FlagEvent,
    Message,
    ReminderStages,
    SetAside,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookType,
)
from alerts.runs import screen_pending
from alerts.webhooks import endpoints
from alerts.webhooks.queue import put_out
from alerts.writing import Writer
from contracts.models import Amendment, Contract, Line
from people import clock, credentials
from people.models import Department, Role, ServiceAccount, User
from people.scopes import SCOPES
from tests.alerts.conftest import World
from tests.checks.conftest import document
from tests.poison import POISON

FIRST, SECOND, NEITHER = "amaranth", "beryllia", "celadonx"
WORDS = (FIRST, SECOND, NEITHER)
NOT_THERE = "diopside"
BAN = {"effect": "ban", "scope": {"commodities": [{"hs": ["2846"]}]}}
POLL = ("contracts:read", "changes:read")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Part:
    """What carries one of the words; `department` is None for what belongs to neither."""

    word: str
    department: Department | None
    owner: User
    rows: dict[str, Any] = field(default_factory=dict)
    """A row of each kind, by the name of its model."""

    def reference(self, suffix: str) -> str:
        return f"{self.word.upper()}-{suffix}"


class TwoDepartments:
    """The world, its parts by their words, and those who ask."""

    def __init__(self, world: World) -> None:
        self.world = world
        second = Department.objects.create(reference="SEM", name="Semiconductors", mailbox="second@example.com")
        departments = {FIRST: world.magnets, SECOND: second, NEITHER: None}
        self.parts = {word: self._part(word, department) for word, department in departments.items()}
        self.change = world.change(measure=BAN)
        for part in self.parts.values():
            self._contracts(part)
        self._check()
        self._screen()
        for part in self.parts.values():
            self._work(part)
        look_again(at=clock.now())
        put_out()
        for part in self.parts.values():
            self._find(part)

    def _part(self, word: str, department: Department | None) -> Part:
        roles = [Role.BUYER, Role.POLICY_PUBLISHER] if department is None else [Role.BUYER]
        owner = self.world.user(f"owner{WORDS.index(word)}@example.com", roles=roles)
        if department is not None:
            owner.departments.set([department])
        return Part(word, department, owner)

    def _contracts(self, part: Part) -> None:
        said = {"title": f"{part.word} title", "owner": part.owner.email, "department": part.department}
        endpoint = WebhookEndpoint(
            reference=part.reference("HOOK"),
            url=f"https://{part.word}.example.com/",
            owner=part.owner,
            events=WebhookType.values,
        )
        endpoints.register(endpoint, by=part.owner)
        said_elsewhere = {**said, "owner": f"{part.word}@example.com"}
        framework = self.world.contract(part.reference("FW"), kind="framework", **said_elsewhere)
        contract = self.world.contract(
            part.reference("1"), line={"description": f"{part.word} line"}, expires_on="2026-03-31", **said
        )
        self.world.contract(part.reference("CO"), kind="call_off", framework=framework, **said)
        self.world.contract(part.reference("BAD"), provenance={part.owner.email: {}}, **said)
        Amendment.objects.create(contract=contract, summary=f"{part.word} amendment")
        Contract.objects.filter(pk=contract.pk).update(title=f"{part.word} title, changed")
        ReminderStages.objects.create(contract=contract, days=[5])

    def _check(self) -> None:
        for part in self.parts.values():
            line = {"description": f"{part.word} goods"}
            whose = part.department and part.department.reference
            sent = document(reference=part.reference("PO"), department=whose, line=line)
            asking.answer({"documents": [sent]}, by=part.owner, at=clock.now())
            row = Row(0, {"reference": part.reference("ROW"), "title": f"{part.word} row"})
            jobs.take_in("contracts", [row], by=part.owner, dry_run=False, source=part.owner.email)
        while jobs.store_some(at=clock.now()):
            pass

    def _screen(self) -> None:
        Line.objects.filter(contract__reference__endswith="-BAD").update(content=POISON)
        assert screen_pending(at=clock.now()) is not None
        messages.compose(at=clock.now())
        for message in Message.objects.all():
            written = Writer().write(message)
            message.subject, message.text, message.html, message.rendered_at = (*asdict(written).values(), clock.now())
            message.save()

    def _work(self, part: Part) -> None:
        flag = Flag.objects.get(contract__reference=part.reference("1"), kind="possible_termination")
        dispositions.comment(flag, text=f"{part.word} comment", by=part.owner, at=clock.now())
        dispositions.assign(flag, to=part.owner, by=part.owner, at=clock.now())
        check = Check.objects.get(reference=part.reference("PO"))
        today = clock.now().date()
        releasing.release(
            check, reason="other", text=f"{part.word} release", expires_on=today, by=part.owner, at=clock.now()
        )

    def _find(self, part: Part) -> None:
        contract = Contract.objects.get(reference=part.reference("1"))
        flag = Flag.objects.get(contract=contract, kind="possible_termination")
        found = {
            Contract: contract,
            Flag: flag,
            FlagEvent: flag.events.first(),
            FlagAction: flag.actions.first(),
            SetAside: SetAside.objects.get(reference=part.reference("BAD")),
            Message: Message.objects.filter(recipient=part.owner.email).first(),
            Check: Check.objects.get(reference=part.reference("PO")),
            CheckTurn: CheckTurn.objects.get(parent__reference=part.reference("PO")),
            WebhookEndpoint: WebhookEndpoint.objects.get(reference=part.reference("HOOK")),
            WebhookDelivery: WebhookDelivery.objects.filter(endpoint__reference=part.reference("HOOK")).first(),
            BulkJob: BulkJob.objects.get(by=part.owner),
        }
        part.rows = {model.__name__: row for model, row in found.items()}
        assert None not in part.rows.values()


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, and the words that are kept from them."""

    name: str
    user: User | None
    kept: frozenset[str]
    own: str = FIRST
    secret: str = ""
    """Of a machine, what it authenticates with."""
    scopes: frozenset[str] | None = None
    """Of a machine, all that its credential may be used for."""

    def has(self, *roles: str) -> bool:
        return self.user is not None and any(role in self.user.roles for role in roles)


def askers(world: TwoDepartments) -> Iterator[Asker]:
    """Each role alone in one department, who reads and writes in the other, policy roles in none, and nobody."""
    yield Asker("nobody", None, frozenset(WORDS))
    policy = [[Role.POLICY_EDITOR.value], [Role.POLICY_PUBLISHER.value]]
    everybody = [[], *([role] for role in Role.values)]
    for word, name, those in (
        (FIRST, "first", everybody),
        (SECOND, "second", [[Role.VIEWER.value], [Role.BUYER.value]]),
        ("", "no department", policy),
    ):
        for roles in those:
            seen = {word}
            if set(roles) & {Role.POLICY_EDITOR, Role.POLICY_PUBLISHER}:
                seen.add(NEITHER)
            if Role.ADMINISTRATOR in roles:
                seen |= set(WORDS)
            if not roles:
                seen = set()
            whose = f"{roles[0] if roles else 'without a role'}, {name}"
            user = User.objects.create_user(f"{whose.replace(', ', '.').replace(' ', '-')}@example.com", roles=roles)
            if word:
                user.departments.set([world.parts[word].department])
            yield Asker(whose, user, frozenset(WORDS) - seen, word or FIRST)
    yield from machines(world)


def machines(world: TwoDepartments) -> Iterator[Asker]:
    """A buyer's service account in the first department, once with all scopes and once with a poll's."""
    for name, scopes in (("every scope", frozenset(SCOPES)), ("two scopes", frozenset(POLL))):
        account = ServiceAccount.objects.create(email=f"{name.replace(' ', '-')}@example.com", roles=[Role.BUYER.value])
        account.departments.set([world.parts[FIRST].department])
        by = world.parts[FIRST].owner
        issued = credentials.issue(account, name=name, scopes=scopes, days=1, by=by, at=datetime.now(UTC))
        kept = frozenset(WORDS) - {FIRST}
        yield Asker(f"a machine with {name}", account, kept, FIRST, issued.secret, scopes)
