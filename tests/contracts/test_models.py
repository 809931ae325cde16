"""What the database itself refuses of contracts, and who sees them."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError

from contracts.models import Contract, Line
from people.models import ChangeEntry, Department, User
from suppliers.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign():
    """Make a contract C-1 with the given facts."""
    firm = Organization.objects.create(reference="A")

    def make(reference="C-1", **facts):
        return Contract.objects.create(
            **{"reference": reference, "kind": "purchase", "supplier": firm, "buyer": firm, **facts}
        )

    return make


DAY, EVE = date(2026, 1, 2), date(2026, 1, 1)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("contract_reference_format", {"reference": "C/1"}),
        ("contract_kind_known", {"kind": "loan"}),
        ("contract_end_use_known", {"end_use": "agricultural"}),
        ("contract_negotiation_known", {"negotiation": "stalled"}),
        ("contract_closed_as_known", {"closed_as": "forgotten"}),
        ("contract_renewal_known", {"renewal": "never"}),
        ("contract_country_format", {"destination_country": "jp"}),
        ("contract_currency_format", {"currency": "YE"}),
        ("contract_term_in_order", {"effective_on": DAY, "expires_on": EVE}),
        ("contract_termination_in_order", {"termination_notice_on": DAY, "terminated_on": EVE}),
        ("contract_concluded_once", {"concluded_on": DAY, "concluded_at": datetime(2026, 1, 2, tzinfo=UTC)}),
        ("notice_days", {"notice_days": -1}),
    ],
)
def test_the_database_refuses(sign, constraint, facts):
    with pytest.raises(IntegrityError, match=constraint):
        sign(**facts)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("line_hs_code_format", {"hs_code": "28053"}),
        ("line_purity_range", {"purity": "100.1"}),
        ("line_amounts_not_negative", {"quantity": "-1"}),
        ("line_amounts_not_negative", {"delivered": "-0.001"}),
        ("line_shipping_in_order", {"ship_from": DAY, "ship_until": EVE}),
        ("line_number_once", {"number": 10}),
    ],
)
def test_the_database_refuses_a_line(sign, constraint, facts):
    contract = sign()
    Line.objects.create(contract=contract, number=10)
    with pytest.raises(IntegrityError, match=constraint):
        Line.objects.create(**{"contract": contract, "number": 20, **facts})


def test_a_line_that_changes_raises_the_version_of_its_contract_alone(sign):
    first, second = sign("C-1"), sign("C-2")
    Line.objects.bulk_create(Line(contract=contract, number=n) for contract in (first, second) for n in (10, 20))
    Line.objects.filter(contract=first).update(unit="kg")
    versions = dict(Contract.objects.values_list("reference", "version"))
    assert versions == {"C-1": 3, "C-2": 2}
    assert ChangeEntry.objects.filter(kind="contract").count() == 5


def test_null_is_kept_as_null(sign):
    contract = sign()
    Line.objects.create(contract=contract, number=10, control_codes=[], elements=None)
    (line,) = Contract.objects.all().facts()[0].lines
    assert (line.control_codes, line.elements, line.content, line.quantity) == ((), None, None, None)


def test_facts_take_three_queries(sign, django_assert_num_queries):
    for number in range(5):
        Line.objects.create(contract=sign(f"C-{number}"), number=10)
    with django_assert_num_queries(3):
        assert len(Contract.objects.all().facts()) == 5


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        (["viewer"], ["OURS"]),
        (["buyer"], ["OURS"]),
        (["policy_editor"], ["NOBODYS", "OURS"]),
        (["policy_publisher"], ["NOBODYS", "OURS"]),
        (["administrator"], ["NOBODYS", "OURS", "THEIRS"]),
        ([], ["OURS"]),
    ],
)
def test_contracts_are_seen_by_their_departments(sign, roles, seen):
    ours, theirs = Department.objects.create(reference="D-1"), Department.objects.create(reference="D-2")
    sign("OURS", department=ours)
    sign("THEIRS", department=theirs)
    sign("NOBODYS")
    user = User.objects.create_user("a@tocsin.example", roles=roles)
    user.departments.add(ours)
    assert [contract.reference for contract in Contract.objects.visible_to(user)] == seen


def test_nobody_sees_contracts_without_being_somebody(sign):
    sign()
    assert not Contract.objects.visible_to(AnonymousUser()).exists()
    inactive = User.objects.create_superuser("a@tocsin.example", is_active=False)
    assert not Contract.objects.visible_to(inactive).exists()
