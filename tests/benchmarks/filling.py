"""The portfolio written into a real database by COPY, as if it had been loaded long ago: with its history and log.

Triggers are off while it is written, so what they would have written is written here.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from config.roles import owning_role
from contracts.facts import ContractFacts, LineFacts
from contracts.models import Amendment, Contract, Line
from contracts.reading import CONTRACT_COLUMNS, LINE_COLUMNS
from people.models import ChangeEntry, Department, User
from suppliers.facts import OrganizationFacts
from suppliers.models import Organization, Ownership
from tests.alerts.stored_worlds import put_change, put_licence, put_list
from tests.benchmarks import world
from tests.benchmarks.portfolio import Held, Portfolio
from tests.benchmarks.world import Good, Size

SOURCE = "erp@tocsin.example"
PUBLISHER = "publisher@tocsin.example"
BUYER = "buyer@tocsin.example"
"""Sees the first department's contracts only."""
SINCE = "2025-11-03T00:00:00+00:00"
LOGGED = {Organization: ChangeEntry.Kind.ORGANIZATION, Contract: ChangeEntry.Kind.CONTRACT}
PARTIES = ("supplier", "buyer", "end_user", "framework")
_PLAIN = [column for column in CONTRACT_COLUMNS if column not in PARTIES]
CONTRACT = ("id", "reference", "title", "supplier_id", "buyer_id", "end_user_id", *_PLAIN)
LINE = ("id", "contract_id", "number", "description", "unit", "tariff_codes", "control_codes", "elements", "content")
Row = Sequence[Any]


def fill(size: Size) -> None:
    """Fill an empty database; a few minutes for a million contracts."""
    with owning_role():
        with transaction.atomic():
            _execute("SET LOCAL session_replication_role = replica")
            ids = _people_and_organizations(size)
            _contracts(size, ids)
            _say("history and change log")
            for model in (Organization, Ownership, Contract, Line, Amendment):
                _keep_history(model)
            for model, kind in LOGGED.items():
                _log(model, kind)
            for model in (Department, User, Organization, Ownership, Contract, Line, Amendment):
                _continue_after(model)
        _say("policies")
        _policies(size)
        # As if everything up to here had been screened: what is to come is one screening of everything.
        _execute(
            "INSERT INTO alerts_screeningcursor (id, xid, ahead)"
            " VALUES (1, pg_snapshot_xmin(pg_current_snapshot())::text::bigint, '{}')"
        )
        _say("vacuum")
        _execute("VACUUM (ANALYZE)")


def owner(number: int) -> str:
    return f"owner-{number}@tocsin.example"


def _people_and_organizations(size: Size) -> dict[str, int]:
    """The ids of the organizations by reference."""
    departments = range(size.departments)
    rows = ((n + 1, f"D-{n}", f"Department {n}", f"department-{n}@tocsin.example", "{}") for n in departments)
    _copy(Department, ("id", "reference", "name", "mailbox", "provenance"), rows)
    emails = [*(owner(number) for number in range(size.owners)), SOURCE, PUBLISHER, BUYER]
    roles = {SOURCE: "{administrator}", PUBLISHER: "{policy_publisher}"}
    columns = ("id", "email", "password", "is_superuser", "is_active", "roles", "provenance")
    users = ((n + 1, email, "!", "f", "t", roles.get(email, "{buyer}"), "{}") for n, email in enumerate(emails))
    _copy(User, columns, users)

    known = world.organizations(size)
    ids = {reference: number + 1 for number, reference in enumerate(known)}
    columns = ("id", "reference", "name", "country", "kind", "is_supplier", "owners_complete", "provenance", "version")
    _copy(Organization, columns, (_organization(ids[one.reference], one) for one in known.values()))
    stakes = [(ids[one.reference], stake) for one in known.values() for stake in one.owners]
    columns = ("id", "organization_id", "owner_id", "percent", "controls", "provenance")
    rows = ((n + 1, held, ids[s.owner], s.percent, s.controls, "{}") for n, (held, s) in enumerate(stakes))
    _copy(Ownership, columns, rows)
    return ids


def _organization(id: int, one: OrganizationFacts) -> Row:
    sells = one.reference.startswith("O-")
    name = f"Invented Trading Company {one.reference}"
    stated = _provenance(("country", "kind", "name", "owners", "owners_complete"))
    return id, one.reference, name, one.country, one.kind, sells, one.owners_complete, stated, 1


def _contracts(size: Size, organizations: dict[str, int]) -> None:
    lines = amendments = contracts = 0
    for block in Portfolio(size).blocks():
        numbered = list(enumerate(block, contracts + 1))
        columns = (*CONTRACT, "owner", "department_id", "provenance", "version")
        _copy(Contract, columns, (_contract(id, held, organizations) for id, held in numbered))
        of_lines = [(id, *pair) for id, held in numbered for pair in zip(held.facts.lines, held.goods, strict=True)]
        columns = (*LINE, *LINE_COLUMNS, "provenance")
        _copy(Line, columns, (_line(n, id, facts, good) for n, (id, facts, good) in enumerate(of_lines, lines + 1)))
        made = [(id, amendment) for id, held in numbered for amendment in held.facts.amendments]
        rows = ((n, id, a.made_on, a.increases_quantity_or_term) for n, (id, a) in enumerate(made, amendments + 1))
        _copy(Amendment, ("id", "contract_id", "made_on", "increases_quantity_or_term"), rows)
        contracts += len(block)
        lines += len(of_lines)
        amendments += len(made)
        _say(f"{contracts:,} of {size.contracts:,} contracts, {lines:,} lines", again=contracts < size.contracts)


def _contract(id: int, held: Held, organizations: dict[str, int]) -> Row:
    facts = held.facts
    title = f"Supply of {held.goods[0].description.lower()}"
    whose = None if held.owner is None else owner(held.owner)
    return (
        id,
        facts.reference,
        title,
        organizations[facts.supplier],
        organizations[facts.buyer],
        organizations[facts.end_user] if facts.end_user else None,
        *(getattr(facts, column) for column in _PLAIN),
        whose,
        None if held.department is None else held.department + 1,
        _provenance(_stated(facts, held)),
        1,
    )


def _stated(facts: ContractFacts, held: Held) -> tuple[str, ...]:
    names = [column for column in CONTRACT_COLUMNS if getattr(facts, column) is not None]
    names += ["lines", "reference", "title"]
    names += ["amendments"] if facts.amendments else []
    names += ["owner"] if held.owner is not None else []
    names += ["department"] if held.department is not None else []
    return tuple(names)


def _line(id: int, contract: int, facts: LineFacts, good: Good) -> Row:
    values = tuple(getattr(facts, column) for column in LINE_COLUMNS)
    stated = [column for column, value in zip(LINE_COLUMNS, values, strict=True) if value is not None]
    stated += [name for name in ("control_codes", "elements", "content") if getattr(facts, name) is not None]
    stated += ["tariff_codes"] if facts.tariff_codes else []
    return (
        id,
        contract,
        facts.number,
        good.description,
        "kg",
        *_codes(good),
        *values,
        _provenance((*stated, "description", "number", "unit")),
    )


@lru_cache(maxsize=world.GOODS)
def _codes(good: Good) -> tuple[str | None, ...]:
    """Tariff codes, control codes, elements and content as columns hold them."""
    parts = [{"origin": part.origin, "value_share": str(part.value_share)} for part in good.content or ()]
    return (
        json.dumps(dict(good.tariff_codes)) if good.tariff_codes else None,
        None if good.control_codes is None else "{" + ",".join(good.control_codes) + "}",
        None if good.elements is None else "{" + ",".join(good.elements) + "}",
        None if good.content is None else json.dumps(parts),
    )


@lru_cache
def _provenance(stated: tuple[str, ...]) -> str:
    return json.dumps({SOURCE: {SINCE: sorted(stated)}})


def _policies(size: Size) -> None:
    """Through the models: their triggers write the history and the log."""
    User.objects.get(email=BUYER).departments.set([Department.objects.get(reference="D-0")])
    for party_list in world.lists(size).values():
        put_list(party_list)
    published = world.measures(size)
    for change in dict.fromkeys(measure.change for measure in published):
        put_change([measure for measure in published if measure.change == change])
    put_change([world.draft()])
    for licence in world.licences(size, published):
        put_licence(licence)


def _copy(model: Any, columns: Sequence[str], rows: Iterable[Row]) -> None:
    names = ", ".join(columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _keep_history(model: Any) -> None:
    """The first row of every object's history, as its trigger would have written it."""
    history, own = model.pgh_event_model._meta, model._meta.db_table
    columns = ", ".join(_tracked(history.concrete_fields))
    _execute(
        f"INSERT INTO {history.db_table} (pgh_created_at, pgh_label, pgh_obj_id, {columns})"
        f" SELECT %s, 'insert', id, {columns} FROM {own} ORDER BY id",
        SINCE,
    )


def _tracked(fields: Iterable[Any]) -> Iterator[str]:
    return (field.column for field in fields if not field.column.startswith("pgh_"))


def _log(model: Any, kind: str) -> None:
    log = ChangeEntry._meta.db_table
    _execute(
        f"INSERT INTO {log} (kind, object_id, reference, version, at)"
        f" SELECT %s, id, reference, version, %s FROM {model._meta.db_table} ORDER BY id",
        kind,
        SINCE,
    )


def _continue_after(model: Any) -> None:
    """New rows are numbered after those that were copied."""
    table = model._meta.db_table
    _execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def _execute(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def _say(what: str, *, again: bool = False) -> None:
    """Progress on standard error; `again`: the line is written over by the next."""
    print(f"\r\x1b[K  filling: {what}", end="\r" if again else "\n", file=sys.stderr, flush=True)
