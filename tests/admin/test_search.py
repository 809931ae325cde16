"""Contracts and flags are found by words in their texts, by whoever may see them, and by an index."""

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse

from alerts.models import Flag
from contracts.models import Contract

NAMED = "contract__reference"


def found(client, page, words):
    """The references on the first page of a list."""
    text = client.get(reverse(f"admin:{page}_changelist"), {"q": words}).content.decode()
    return {reference for reference in Contract.objects.values_list("reference", flat=True) if f">{reference}<" in text}


@pytest.mark.parametrize(
    ("words", "sought"),
    [
        ("mag-2021-ce", "reference"),
        ("CERIUM carb", "title"),
        ("赤霞", "supplier__name"),
        ("moriwaki", "owner"),
    ],
)
def test_contracts_are_found_by_what_stands_in_their_texts(administrator, words, sought):
    expected = Contract.objects.all()
    for word in words.split():
        expected = expected.filter(**{f"{sought}__icontains": word})
    references = set(expected.values_list("reference", flat=True))
    assert references
    assert found(administrator, "contracts_contract", words) == references


def test_every_word_has_to_be_there_and_signs_mean_themselves(administrator):
    Contract.objects.filter(reference="MAG-2021-CE-26").update(title=r"50% of it \ under_score")
    for words in ("50%", "under_score", "\\", "50% moriwaki"):
        assert found(administrator, "contracts_contract", words) == {"MAG-2021-CE-26"}
    for words in ("5%f", "under-score", "under.score", "50% nobody-of-that-name"):
        assert found(administrator, "contracts_contract", words) == set()


def test_flags_are_found_by_their_contracts_and_their_policy_changes(administrator):
    assert "MAG-2021-CE-26" in found(administrator, "alerts_flag", "cerium")
    change = Flag.objects.open().order_by("id")[0].measure.change.reference
    flagged = set(
        Flag.objects.open().filter(measure__change__reference__icontains=change).values_list(NAMED, flat=True)
    )
    assert flagged
    assert found(administrator, "alerts_flag", change.lower()) == flagged


def test_a_word_finds_nobody_elses_contracts(opened):
    mine = opened("buyer", departments=("MAGNET",))
    everything = set(Contract.objects.values_list("reference", flat=True))
    of_magnet = set(Contract.objects.filter(department__reference="MAGNET").values_list("reference", flat=True))
    seen = found(mine, "contracts_contract", "2025")
    assert seen
    assert seen <= of_magnet < everything


def test_the_owners_function_has_an_index_for_it(january):
    """PostgreSQL uses none for the running role, which row-level security may hold back."""
    sought = "SELECT id FROM contracts_contract WHERE reference ILIKE '%cer%' OR title ILIKE '%cer%'"
    place, owner = connection.settings_dict, settings.DATABASE_OWNER
    with psycopg.connect(host=place["HOST"], dbname=place["NAME"], user=owner["USER"]) as owning:
        owning.execute("SET enable_seqscan = off")
        plan = "\n".join(row for (row,) in owning.execute(f"EXPLAIN {sought}").fetchall())
        (definer,) = owning.execute("SELECT prosecdef FROM pg_proc WHERE proname = 'contracts_found'").fetchone()
    assert "contract_words" in plan
    assert definer
