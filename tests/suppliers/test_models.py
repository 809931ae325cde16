"""What the database itself refuses of organizations, and what it logs whoever writes."""

from contextlib import nullcontext
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from people.models import ChangeEntry
from suppliers.facts import OrganizationFacts, Stake
from suppliers.models import Organization, OrganizationName, Ownership

pytestmark = pytest.mark.django_db


@pytest.fixture
def firms():
    """A and its possible owners B and C."""
    return Organization.objects.bulk_create([Organization(reference=reference) for reference in "ABC"])


def versions(reference):
    return list(ChangeEntry.objects.filter(reference=reference).order_by("id").values_list("version", flat=True))


def check_deferred():
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("reference", ["", "A B", "A/B", "Ä", "A" * 65, "A\n"])
def test_an_ill_formed_reference_is_refused(reference):
    with pytest.raises(Exception, match=r"organization_reference_format|value too long"), transaction.atomic():
        Organization.objects.create(reference=reference)


def test_a_reference_is_unique(firms):
    with pytest.raises(IntegrityError, match="reference"):
        Organization.objects.create(reference="A")


@pytest.mark.parametrize("percent", ["-0.01", "100.01"])
def test_a_share_lies_between_0_and_100(firms, percent):
    a, b, _ = firms
    with pytest.raises(IntegrityError, match="ownership_percent_range"):
        Ownership.objects.create(organization=a, owner=b, percent=percent)


def test_a_holding_does_not_end_before_it_begins(firms):
    a, b, _ = firms
    with pytest.raises(IntegrityError, match="ownership_days_in_order"):
        Ownership.objects.create(organization=a, owner=b, from_on=date(2026, 1, 2), until_on=date(2026, 1, 1))


@pytest.mark.parametrize(
    ("first", "second", "legal"),
    [
        ({"percent": "60"}, {"percent": "40"}, True),
        ({"percent": "60"}, {"percent": "40.01"}, False),
        ({"percent": "60"}, {"percent": None}, True),  # not established adds nothing
        ({"percent": "60", "until_on": "2025-12-31"}, {"percent": "60", "from_on": "2026-01-01"}, True),
        ({"percent": "60", "until_on": "2026-01-01"}, {"percent": "60", "from_on": "2026-01-01"}, False),
    ],
)
def test_the_shares_of_a_day_add_up_to_at_most_100_whoever_writes_them(firms, first, second, legal):
    a, b, c = firms
    refused = nullcontext() if legal else pytest.raises(IntegrityError, match="more than 100 percent")
    with refused, transaction.atomic():
        Ownership.objects.bulk_create([Ownership(organization=a, owner=b, **first)])
        Ownership.objects.create(organization=a, owner=c, **second)
        check_deferred()


def test_a_share_that_grows_beyond_100_by_an_update_is_refused(firms):
    a, b, c = firms
    refused = pytest.raises(IntegrityError, match="more than 100 percent")
    with refused, transaction.atomic():
        Ownership.objects.create(organization=a, owner=b, percent="60")
        Ownership.objects.create(organization=a, owner=c, percent="40")
        Ownership.objects.filter(owner=c).update(percent="41")
        check_deferred()


@pytest.mark.parametrize(
    ("first", "second", "legal"),
    [
        ((None, "2025-12-31"), ("2026-01-01", None), True),  # one after the other
        ((None, "2026-01-01"), ("2026-01-01", None), False),  # both on 1 January
        ((None, None), ("2026-01-01", "2026-01-01"), False),  # one day within an open period
    ],
)
def test_an_owner_appears_at_most_once_on_any_day(firms, first, second, legal):
    a, b, _ = firms
    Ownership.objects.create(organization=a, owner=b, from_on=first[0], until_on=first[1])
    Ownership.objects.create(organization=a, owner=b, from_on=second[0], until_on=second[1])
    if legal:
        check_deferred()
    else:
        with pytest.raises(IntegrityError, match="ownership_owner_once_on_any_day"):
            check_deferred()


def test_two_owners_and_two_holdings_may_share_their_days(firms):
    a, b, c = firms
    Ownership.objects.bulk_create(
        [Ownership(organization=a, owner=b), Ownership(organization=a, owner=c), Ownership(organization=b, owner=c)]
    )
    check_deferred()


def test_one_statement_raises_the_version_once_however_many_parts_it_changes(firms):
    a, b, c = firms
    Ownership.objects.bulk_create([Ownership(organization=a, owner=b), Ownership(organization=a, owner=c)])
    assert versions("A") == [1, 2]
    Ownership.objects.update(percent="10")
    assert versions("A") == [1, 2, 3]
    Ownership.objects.all().delete()
    assert versions("A") == [1, 2, 3, 4]
    assert versions("B") == [1]


def test_a_statement_that_changes_nothing_raises_no_version(firms):
    a, b, _ = firms
    Ownership.objects.create(organization=a, owner=b, percent="10")
    Ownership.objects.update(percent="10")
    Organization.objects.update(name=None)
    a.save()
    assert versions("A") == [1, 2]


def test_another_source_for_the_same_facts_raises_no_version(firms):
    a, b, _ = firms
    Ownership.objects.create(organization=a, owner=b)
    Ownership.objects.update(provenance={"erp": {}})
    Organization.objects.update(provenance={"erp": {}})
    assert versions("A") == [1, 2]


def test_a_part_that_moves_raises_the_version_of_both_objects(firms):
    a, b, _ = firms
    OrganizationName.objects.create(organization=a, name="Alpha")
    OrganizationName.objects.update(organization=b)
    assert versions("A") == [1, 2, 3]
    assert versions("B") == [1, 2]


def test_a_stale_version_that_is_saved_is_ignored(firms):
    a, *_ = firms
    Organization.objects.filter(reference="A").update(name="Alpha")
    a.name = "Beta"
    a.save()
    a.refresh_from_db()
    assert (a.name, a.version) == ("Beta", 3)


def test_raw_sql_cannot_bypass_the_log(firms):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE suppliers_organization SET name = 'x', version = 40 WHERE reference = 'A'")
        cursor.execute("INSERT INTO suppliers_organizationname (organization_id, name) VALUES (%s, 'y')", [firms[0].pk])
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (xid,) = cursor.fetchone()
    assert versions("A") == [1, 2, 3]
    assert set(ChangeEntry.objects.values_list("xid", flat=True)) == {xid}


def test_a_deleted_organization_leaves_an_entry_after_its_last_version(firms):
    Organization.objects.filter(reference="C").delete()
    assert versions("C") == [1, 2]


def test_entries_are_settled_only_when_no_older_transaction_runs(firms):
    assert ChangeEntry.objects.count() == 3
    assert not ChangeEntry.objects.settled().exists()  # this very transaction is still running


def test_history_keeps_every_row_but_no_version_that_parts_raised(firms):
    a, b, _ = firms
    Ownership.objects.create(organization=a, owner=b, percent="10")
    Ownership.objects.update(percent="20")
    Ownership.objects.all().delete()
    assert list(a.events.values_list("pgh_label", flat=True)) == ["insert"]
    held = Ownership._meta.get_field("organization").model.pgh_event_model.objects.order_by("pgh_id")
    assert [(event.pgh_label, event.percent) for event in held] == [("insert", 10), ("update", 20), ("delete", 20)]


def test_facts_take_two_queries(firms, django_assert_num_queries):
    a, b, c = firms
    Ownership.objects.create(organization=a, owner=c, percent="31.21", controls=True, from_on=date(2026, 1, 1))
    Ownership.objects.create(organization=a, owner=b)
    with django_assert_num_queries(2):
        facts = Organization.objects.all().facts()
    assert facts[0] == OrganizationFacts(
        "A", owners=(Stake("B"), Stake("C", facts[0].owners[1].percent, True, date(2026, 1, 1)))
    )
    assert str(facts[0].owners[1].percent.normalize()) == "31.21"
