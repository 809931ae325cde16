"""What a source's statement may change of what others stated."""

from datetime import UTC, datetime

import pytest

from people.provenance import by_field, merge, record

MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 13, tzinfo=UTC)


def stated(**facts):
    """An object whose facts the ERP stated on Monday."""
    return facts, merge(None, {}, facts, source="erp", at=MONDAY).provenance


def test_a_new_object_keeps_who_stated_each_fact_and_when():
    merged = merge(None, {}, {"title": "Nd", "end_use": None}, source="erp", at=MONDAY)
    assert merged.values == {"title": "Nd"}
    assert merged.provenance == {"erp": {"2026-01-12T00:00:00+00:00": ["title"]}}


def test_a_missing_key_leaves_its_value():
    stored, provenance = stated(title="Nd", currency="JPY")
    merged = merge(stored, provenance, {"title": "Pr"}, source="erp", at=TUESDAY)
    assert merged.values == {"title": "Pr"}
    assert by_field(merged.provenance)["currency"] == {"erp": MONDAY.isoformat()}


def test_another_value_takes_the_place_of_the_old_and_of_its_source():
    stored, provenance = stated(end_use="civil")
    merged = merge(stored, provenance, {"end_use": "military"}, source="ann@tocsin.example", at=TUESDAY)
    assert merged.values == {"end_use": "military"}
    assert by_field(merged.provenance) == {"end_use": {"ann@tocsin.example": TUESDAY.isoformat()}}


@pytest.mark.parametrize(
    ("source", "erased"),
    [
        ("erp", True),  # takes back what it said itself
        ("plm", False),  # knows nothing; the ERP's fact stays
    ],
)
def test_null_erases_only_what_the_same_source_stated(source, erased):
    stored, provenance = stated(end_use="civil")
    merged = merge(stored, provenance, {"end_use": None}, source=source, at=TUESDAY)
    assert merged.values == ({"end_use": None} if erased else {})


def test_a_fact_that_two_sources_state_outlives_the_one_that_takes_it_back():
    stored, provenance = stated(end_use="civil")
    confirmed = merge(stored, provenance, {"end_use": "civil"}, source="plm", at=TUESDAY)
    assert confirmed.values == {}
    withdrawn = merge(stored, confirmed.provenance, {"end_use": None}, source="erp", at=TUESDAY)
    assert withdrawn.values == {}
    assert by_field(withdrawn.provenance) == {"end_use": {"plm": TUESDAY.isoformat()}}
    assert merge(stored, withdrawn.provenance, {"end_use": None}, source="plm", at=TUESDAY).values == {"end_use": None}


def test_a_fact_that_a_person_set_is_not_erased_by_a_source():
    provenance = record({}, ["end_use"], source="ann@tocsin.example", at=MONDAY)
    merged = merge({"end_use": "civil"}, provenance, {"end_use": None}, source="erp", at=TUESDAY)
    assert merged.values == {}


def test_a_fact_of_unknown_origin_is_not_erased_even_by_a_source_that_repeated_it():
    repeated = merge({"end_use": "civil"}, {}, {"end_use": "civil"}, source="erp", at=MONDAY)
    assert merge({"end_use": "civil"}, repeated.provenance, {"end_use": None}, source="erp", at=TUESDAY).values == {}


def test_the_same_statement_again_changes_nothing():
    stored, provenance = stated(title="Nd", currency=None)
    merged = merge(stored, provenance, {"title": "Nd", "currency": None}, source="erp", at=TUESDAY)
    assert merged.values == {}
    assert merged.provenance is provenance


def test_a_null_list_empties_what_its_source_listed():
    stored, provenance = stated(supersedes=["CN-1"])
    merged = merge(stored, provenance, {"supersedes": None}, source="erp", at=TUESDAY, lists={"supersedes"})
    assert merged.values == {"supersedes": []}


@pytest.mark.parametrize(("known", "learned"), [("concluded_on", "concluded_at"), ("concluded_at", "concluded_on")])
def test_a_date_and_an_instant_of_conclusion_supersede_one_another(known, learned):
    stored, provenance = stated(**{known: "then"})
    merged = merge(stored, provenance, {learned: "now", known: None}, source="plm", at=TUESDAY)
    assert merged.values == {learned: "now", known: None}
    assert by_field(merged.provenance) == {learned: {"plm": TUESDAY.isoformat()}}
