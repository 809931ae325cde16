"""Contracts read from PostgreSQL as columns: a million of them in a few seconds, and in little memory.

Rows whose words are the same are the same text, and only distinct ones are parsed.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection

from contracts.columns import NO_LINE, Codes, Column, Contracts, Dated, Ids, Lines, Values
from contracts.days import NO_BEGIN, NO_END
from contracts.facts import AmendmentFacts, Amounts, Conclusion, Goods, Terms
from contracts.models import Amendment, Contract, Line
from contracts.reading import content, tariff_codes
from people.copying import Load, array_of, cached, columns, day, moment, number, read
from suppliers.models import Organization

BATCH = 50_000
"""Contracts read and screened together."""
LINES = 1_000_000
FEW = 1_000
MOST = 200_000
"""Distinct values kept from one reading to the next; beyond it they are met anew."""
NOBODY = -1

Parse = Callable[[list[Any]], list[Any]]
CONTRACTS = Contract._meta.db_table
LINE = Line._meta.db_table
ORGANIZATIONS = Organization._meta.db_table
TERMS: dict[str, Load] = dict(zip(Terms._fields, [*[str] * 6, int, str], strict=True))
CONCLUSION: dict[str, Load] = dict(zip(Conclusion._fields, [moment, day, str], strict=True))
GOODS: dict[str, Load] = {
    "hs_code": str,
    "tariff_codes": cached(lambda text: tariff_codes(json.loads(text))),
    "control_codes": array_of("text"),
    "elements": array_of("text"),
    "purity": number,
    "content": cached(lambda text: content(json.loads(text))),
    "origin_country": str,
}
AMOUNTS: dict[str, Load] = dict.fromkeys(Amounts._fields, number)


@dataclass(frozen=True, slots=True)
class Span:
    """Contracts by their ids, ascending.

    `whole` where they are all that there are from the first to the last, apart from those in `without`.
    """

    ids: Ids
    whole: bool = False
    without: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def halves(self) -> "tuple[Span, Span]":
        middle = len(self.ids) // 2
        return replace(self, ids=self.ids[:middle]), replace(self, ids=self.ids[middle:])

    def condition(self, column: str) -> str:
        """In SQL."""
        if not self.whole or not len(self.ids):
            return f"{column} = ANY('{{{','.join(map(str, self.ids.tolist()))}}}')"
        besides = f" AND {column} <> ALL('{{{','.join(map(str, self.without))}}}')" if self.without else ""
        return f"{column} BETWEEN {int(self.ids[0])} AND {int(self.ids[-1])}{besides}"


def spans(named: Sequence[int] | None = None, *, without: Sequence[int] = ()) -> Iterator[tuple[Span, Ids]]:
    """The stored contracts, ascending, with their versions: those that are named by their ids, or all but some.

    A span has at most BATCH contracts, and at most LINES lines unless its contracts are FEW.
    """
    for span, versions in _of_contracts(named, without):
        yield from _of_lines(span, versions)


def lines_of(span: Span) -> int:
    """How many lines the contracts have."""
    return Line.objects.extra(where=[span.condition("contract_id")]).count()  # noqa: S610


def _of_lines(span: Span, versions: Ids) -> Iterator[tuple[Span, Ids]]:
    """The span, or its parts where it has too many lines to be read at once."""
    if len(span) <= FEW or lines_of(span) <= LINES:
        yield span, versions
        return
    first, second = span.halves()
    yield from _of_lines(first, versions[: len(first)])
    yield from _of_lines(second, versions[len(first) :])


def _of_contracts(named: Sequence[int] | None, without: Sequence[int]) -> Iterator[tuple[Span, Ids]]:
    if named is not None:
        for start in range(0, len(named), BATCH):
            span = Span(np.array(named[start : start + BATCH], dtype=np.int64))
            yield span, _versions(f"WHERE {span.condition('id')} ORDER BY id")["version"]
        return
    last = 0
    while len((found := _versions(f"WHERE id > {last} ORDER BY id LIMIT {BATCH}"))["id"]):
        first, last = int(found["id"][0]), int(found["id"][-1])
        others = ~np.isin(found["id"], without)
        if others.any():
            absent = tuple(id for id in without if first <= id <= last)
            yield Span(found["id"][others], whole=True, without=absent), found["version"][others]


def _versions(condition: str) -> dict[str, Ids]:
    found, _ = columns({"id": ("id", "i8"), "version": ("version", "i8")}, f"FROM {CONTRACTS} {condition}")
    return found


def _day(column: str, missing: int) -> str:
    return f"COALESCE({column} - DATE '0001-01-01' + 1, {missing})"


DATES = {  # days as numbers, by the names that columns have
    "effective": (_day("c.effective_on", NO_BEGIN), "i4"),
    "expires": (_day("c.expires_on", NO_END), "i4"),
    "notice_given": (_day("c.termination_notice_on", NO_END), "i4"),
    "terminated": (_day("c.terminated_on", NO_END), "i4"),
}


class Reader:
    """Reads spans of contracts in whatever transaction it is called; what repeats is parsed once."""

    def __init__(self) -> None:
        self._terms = _Interned(_parser(TERMS, Terms._make))
        self._conclusions = _Interned(_parser(CONCLUSION, Conclusion._make))
        self._goods = _Interned(_parser(GOODS, _goods))
        self._amounts = _Interned(_parser(AMOUNTS, Amounts._make))
        self._amendments = _Interned(_amended)
        self._organizations = _Interned(_organizations)

    def read(self, span: Span) -> Contracts:
        """The contracts of the span that are not closed: a closed one can have no flag, whatever else it says."""
        self._forget()
        source = f"FROM {CONTRACTS} c WHERE {span.condition('c.id')} AND c.closed_as IS NULL ORDER BY c.id"
        fixed, (terms, conclusions) = columns(
            {
                "id": ("c.id", "i8"),
                "supplier": ("c.supplier_id", "i8"),
                "buyer": ("c.buyer_id", "i8"),
                "end_user": (f"COALESCE(c.end_user_id, {NOBODY})", "i8"),
                **DATES,
            },
            source,
            [f"c.{name}" for name in TERMS],
            [f"c.{name}" for name in CONCLUSION],
        )
        ids = fixed["id"]
        supplier, buyer, end_user = self._parties([fixed[role] for role in ("supplier", "buyer", "end_user")])
        return Contracts(
            ids=ids,
            terms=self._terms.column(terms),
            conclusion=self._conclusions.column(conclusions),
            amendments=self._amendments.column(_amendments(ids, span)),
            supplier=supplier,
            buyer=buyer,
            end_user=end_user,
            **{name: fixed[name] for name in DATES},
            lines=self._lines(ids, span),
            references=references_of,
        )

    def read_dates(self, span: Span) -> Dated:
        """The same as far as their own days go: of their lines only those to be delivered by some day."""
        self._forget()
        open_ = f"{span.condition('c.id')} AND c.closed_as IS NULL"
        fixed, (terms, conclusions) = columns(
            {"id": ("c.id", "i8"), **DATES},
            f"FROM {CONTRACTS} c WHERE {open_} ORDER BY c.id",
            [f"c.{name}" for name in TERMS],
            [f"c.{name}" for name in CONCLUSION],
        )
        lines, (amounts,) = columns(
            {"contract": ("c.id", "i8"), "ship_until": (_day("l.ship_until", NO_END), "i4")},
            f"FROM {CONTRACTS} c JOIN {LINE} l ON l.contract_id = c.id WHERE {open_} AND l.ship_until IS NOT NULL"
            " ORDER BY c.id, l.number",
            [f"l.{name}" for name in AMOUNTS],
        )
        return Dated(
            ids=fixed["id"],
            terms=self._terms.column(terms),
            conclusion=self._conclusions.column(conclusions),
            **{name: fixed[name] for name in DATES},
            line_contract=np.searchsorted(fixed["id"], lines["contract"]).astype(np.int32),
            amounts=self._amounts.column(amounts),
            ship_until=lines["ship_until"],
        )

    def _lines(self, ids: Ids, span: Span) -> Lines:
        # The span's condition is said of both tables: PostgreSQL infers no range from a join, and would read all lines.
        source = (
            f"FROM {CONTRACTS} c LEFT JOIN {LINE} l ON l.contract_id = c.id AND {span.condition('l.contract_id')}"
            f" WHERE {span.condition('c.id')} AND c.closed_as IS NULL ORDER BY c.id, l.number"
        )
        fixed, (goods, amounts) = columns(
            {
                "contract": ("c.id", "i8"),
                "number": (f"COALESCE(l.number, {NO_LINE})", "i4"),
                "ship_from": (_day("l.ship_from", NO_BEGIN), "i4"),
                "ship_until": (_day("l.ship_until", NO_END), "i4"),
            },
            source,
            [f"l.{name}" for name in GOODS],
            [f"l.{name}" for name in AMOUNTS],
        )
        return Lines(
            contract=np.searchsorted(ids, fixed["contract"]).astype(np.int32),
            number=fixed["number"],
            goods=self._goods.column(goods),
            amounts=self._amounts.column(amounts),
            ship_from=fixed["ship_from"],
            ship_until=fixed["ship_until"],
        )

    def _parties(self, roles: Sequence[Ids]) -> list[Column]:
        distinct, rows = np.unique(np.concatenate(roles), return_inverse=True)
        numbers = self._organizations.numbers(distinct.tolist())[rows]
        return [Column(self._organizations, part) for part in np.split(numbers, len(roles))]

    def _forget(self) -> None:
        for name, interned in vars(self).items():
            if len(interned) > MOST:
                setattr(self, name, _Interned(interned.parse))


class _Interned(Values):
    """Values by the keys they are read as; a key is parsed once."""

    def __init__(self, parse: Parse) -> None:
        super().__init__()
        self.parse = parse
        self._numbers: dict[Hashable, int] = {}

    def column(self, keys: Sequence[Hashable]) -> Column:
        return Column(self, self.numbers(keys))

    def numbers(self, keys: Sequence[Hashable]) -> Codes:
        """The number of each key's value. Whatever parsing raises, nothing half known stays behind."""
        numbers, before = self._numbers, len(self._numbers)
        found = np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), np.int32, len(keys))
        fresh = list(islice(numbers, before, None))
        try:
            self.known += self.parse(fresh)
        except Exception:
            for key in fresh:
                del numbers[key]
            raise
        return found


def _parser(loads: dict[str, Load], make: Callable[[list[Any]], Hashable]) -> Parse:
    in_order = [*loads.values()]
    return lambda rows: [make(values) for values in read(rows, in_order)]


def _goods(values: list[Any]) -> Goods:
    goods = Goods._make(values)
    return goods if goods.tariff_codes else goods._replace(tariff_codes=())


def _amended(made: list[tuple[AmendmentFacts, ...]]) -> list[tuple[AmendmentFacts, ...]]:
    return made


def _organizations(ids: list[int]) -> list[str | None]:
    """Their references; none of NOBODY."""
    numbers, (references,) = columns(
        {"id": ("id", "i8")}, f"FROM {ORGANIZATIONS} WHERE {Span(np.array(ids)).condition('id')}", ["reference"]
    )
    known = dict(zip(numbers["id"].tolist(), (reference for (reference,) in read(references, [str])), strict=True))
    return [known.get(id) for id in ids]


def _amendments(ids: Ids, span: Span) -> list[tuple[AmendmentFacts, ...]]:
    """Of each contract, in the order recorded."""
    made: defaultdict[int, list[AmendmentFacts]] = defaultdict(list)
    selected = f"contract_id, made_on, increases_quantity_or_term FROM {Amendment._meta.db_table}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {selected} WHERE {span.condition('contract_id')} ORDER BY id")
        for contract, made_on, increases in cursor.fetchall():
            made[contract].append(AmendmentFacts(made_on, increases))
    return [tuple(made.get(id, ())) for id in ids.tolist()]


def references_of(contracts: Ids) -> list[str]:
    """The references of contracts by their ids, in the same order."""
    condition = Span(np.unique(contracts)).condition("id")
    found, (rows,) = columns({"id": ("id", "i8")}, f"FROM {CONTRACTS} WHERE {condition} ORDER BY id", ["reference"])
    known = [reference for (reference,) in read(rows, [str])]
    return [known[row] for row in np.searchsorted(found["id"], contracts).tolist()]
