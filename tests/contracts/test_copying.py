"""Contracts read by COPY say what their facts say, and what cannot be read leaves nothing half known behind."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from contracts.columns import Column, Contracts
from contracts.copying import Reader, Span, spans
from contracts.models import Contract, Line
from tests.alerts import stored_worlds as put
from tests.alerts.conftest import World, world
from tests.screening.worlds import Draw

__all__ = ["world"]

OF_CONTRACT = ("terms", "conclusion", "amendments", "supplier", "buyer", "end_user")
DAYS = ("effective", "expires", "notice_given", "terminated")


def plain(contracts: Contracts) -> dict[str, list[object]]:
    """Every column, value by value."""

    def values(column: Column) -> list[object]:
        return [column.values.known[row] for row in column.rows]

    lines = contracts.lines
    return {
        **{name: values(getattr(contracts, name)) for name in OF_CONTRACT},
        **{name: getattr(contracts, name).tolist() for name in DAYS},
        **{f"line {name}": values(getattr(lines, name)) for name in ("goods", "amounts")},
        **{f"line {name}": getattr(lines, name).tolist() for name in ("contract", "number", "ship_from", "ship_until")},
    }


@pytest.mark.parametrize("seed", range(20))
def test_columns_read_are_those_made_of_the_facts(db: None, seed: int) -> None:
    random = Random(seed)
    reader = Reader()
    for _ in range(3):
        put.put_world(Draw(random).world())
        ids = dict(Contract.objects.values_list("reference", "id"))
        facts = sorted(
            (one for one in Contract.objects.facts() if one.closed_as is None), key=lambda f: ids[f.reference]
        )
        expected = replace(Contracts.of(facts), ids=np.array([ids[one.reference] for one in facts]))
        everything = np.array(sorted(ids.values()), dtype=np.int64)
        for span in (Span(everything), Span(everything, whole=True)):
            read = reader.read(span)
            assert read.ids.tolist() == expected.ids.tolist()
            assert plain(read) == plain(expected)
            assert read.references(read.ids) == [one.reference for one in facts]


def test_words_with_tabs_and_backslashes_come_through(world: World) -> None:
    codes = ["tab\there", "back\\slash", "new\nline", 'quo"te', "comma,", "{brace}", "NULL", "", "\\N"]
    contract = world.contract("C-1")
    Line.objects.filter(contract=contract).update(
        control_codes=codes,
        tariff_codes={"CN": "28\t05", "JP": 'a"b\\c'},
        content=[{"origin": "CN", "value_share": "0.10"}, {"origin": None, "value_share": None}],
        purity=Decimal("99.9"),
        ship_until=date(9999, 12, 31),
    )
    ids = np.array([contract.pk])
    assert plain(Reader().read(Span(ids))) == plain(Contracts.of(Contract.objects.facts()))


def test_a_value_that_cannot_be_read_is_not_half_known(world: World) -> None:
    good, bad = world.contract("C-1"), world.contract("C-2")
    Line.objects.filter(contract=bad).update(content=[{"origin": "CN", "value_share": "a lot"}])
    reader = Reader()
    for _ in range(2):
        with pytest.raises(ArithmeticError):
            reader.read(Span(np.array([good.pk, bad.pk])))
    assert len(reader.read(Span(np.array([good.pk])))) == 1


def test_spans_are_all_contracts_but_some(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [world.contract(f"C-{number}").pk for number in range(7)]
    Contract.objects.filter(pk=ids[6]).update(title="renamed")
    monkeypatch.setattr("contracts.copying.BATCH", 3)

    def read(*named: list[int], **besides: list[int]) -> list[tuple[list[int], list[int]]]:
        return [(span.ids.tolist(), versions.tolist()) for span, versions in spans(*named, **besides)]

    assert read() == [(ids[:3], [2, 2, 2]), (ids[3:6], [2, 2, 2]), (ids[6:], [3])]
    assert read(without=[ids[1], *ids[3:6]]) == [([ids[0], ids[2]], [2, 2]), (ids[6:], [3])]
    assert read([ids[0], ids[2], ids[5], ids[6]]) == [([ids[0], ids[2], ids[5]], [2, 2, 2]), ([ids[6]], [3])]
    monkeypatch.setattr("contracts.copying.FEW", 1)
    monkeypatch.setattr("contracts.copying.LINES", 2)  # each contract has one
    assert [part for part, _ in read()] == [ids[:1], ids[1:3], ids[3:4], ids[4:6], ids[6:]]
    (first, _), *_ = spans(without=[ids[1], *ids[3:6]])
    assert Reader().read(first).ids.tolist() == [ids[0], ids[2]]
