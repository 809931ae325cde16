"""State control, affiliates and lists at their edges."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from policies.facts import Affiliates, ListEntry, Parties, PartyListFacts, Scope
from suppliers.facts import OrganizationFacts
from tests.screening.small import SELLER, calendar, certainty, contract, measure, policies, stake

YES, MAYBE, NO = "matched", "needs_review", None

STATE = OrganizationFacts("STATE", "CN", "state_body")
INDIA = OrganizationFacts("INDIA", "IN", "state_body")
SOMEWHERE = OrganizationFacts("SOMEWHERE", None, "state_body")
PERSON = OrganizationFacts("PERSON", "CN", "person")
VEILED = OrganizationFacts("VEILED", "SG", "company")


def company(reference, *owners, complete=True):
    return OrganizationFacts(reference, "CN", "company", tuple(owners), complete)


def seller(*owners, complete=True):
    return company("SELLER", *owners, complete=complete)


CONTROLLED_BY_CN = measure(Scope(supplier_controlled_by_state="CN"))


@pytest.mark.parametrize(
    ("organizations", "expected"),
    [
        ([replace(SELLER, kind="state_body")], YES),  # the state itself
        ([replace(SELLER, kind="state_body", country="IN")], NO),  # another state
        ([replace(SELLER, kind="state_body", country=None)], MAYBE),  # a state, nobody knows which
        ([replace(SELLER, kind="person")], NO),  # a person
        ([replace(SELLER, kind=None)], MAYBE),  # nobody knows what it is
        ([replace(SELLER, kind=None, owners=(stake("STATE", "50.01"),))], YES),  # certain whatever it is
        ([seller(stake("STATE", "50.01", False))], YES),  # more than 50, whatever `controls` says
        ([seller(stake("STATE", "50", False))], NO),  # exactly 50 is not more, and no control
        ([seller(stake("STATE", "50"))], MAYBE),  # exactly 50, control not established
        ([seller(stake("STATE", "1", True))], YES),  # control with any percentage
        ([seller(stake("STATE", None, True))], YES),  # and with none known
        ([seller(stake("STATE", None, False))], MAYBE),  # a null percentage counts as 100
        ([seller(stake("STATE", "20"))], MAYBE),  # null control at 20 is not less than 20
        ([seller(stake("STATE", "19.99"))], NO),  # below 20 null control is none
        ([seller(stake("STATE", "19.99"), complete=False)], MAYBE),  # but others may be hiding
        ([seller(stake("STATE", "19.99"), complete=None)], MAYBE),  # or nobody said
        ([seller()], NO),  # no owner above 5 %, completely so
        ([seller(complete=None)], MAYBE),  # undisclosed
        ([seller(stake("STATE", "19"), stake("VEILED", "19"))], NO),  # together 38, each below 20
        ([seller(stake("STATE", "30", False), stake("VEILED", "20", False))], NO),  # together exactly 50
        ([seller(stake("STATE", "30", False), stake("VEILED", "20.01", False))], MAYBE),  # together more than 50
        ([seller(stake("PERSON", "100", True))], NO),  # owners that are certainly not do not count
        ([seller(stake("INDIA", "100", True))], NO),  # nor do other states
        ([seller(stake("SOMEWHERE", "100", True))], MAYBE),  # a state of an unknown country may be it
        ([seller(stake("M", "51")), company("M", stake("STATE", "51"))], YES),  # through a tier: not multiplied
        ([seller(stake("M", "51")), company("M", stake("STATE", "50", False))], NO),  # a tier that is certainly not
        # Two that own each other and nobody else: the smallest set leaves both in doubt.
        ([seller(stake("M", "60")), company("M", stake("SELLER", "60"))], MAYBE),
        # The same with little enough: each may hold 50, no control.
        ([seller(stake("M", "50", False)), company("M", stake("SELLER", "50", False))], NO),
        # A cycle with the state in it ends, and is certain all around.
        ([seller(stake("M", "51")), company("M", stake("SELLER", "40"), stake("STATE", "51"))], YES),
        # A company that owns itself is no one's proof.
        ([seller(stake("SELLER", "60"))], MAYBE),
        ([seller(stake("SELLER", "60"), stake("STATE", "40", True))], YES),
        # Certainly goes first: a person or another state's body that the state holds is certain ...
        ([replace(SELLER, kind="person", owners=(stake("STATE", "60"),))], YES),
        ([replace(SELLER, kind="state_body", country="IN", owners=(stake("STATE", "60"),))], YES),
        # ... also when it is an owner: then it may not be left out of those who may be.
        ([seller(stake("M", "49")), OrganizationFacts("M", None, "person", (stake("STATE", "60"),))], MAYBE),
    ],
)
def test_state_control(organizations, expected):
    around = [STATE, INDIA, SOMEWHERE, PERSON, VEILED, *organizations]
    assert certainty(policies(CONTROLLED_BY_CN, around)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-02-28T23:59:59+08:00", NO),  # the day before the first in Shanghai
        ("2026-03-01T00:00:00+08:00", YES),  # the first day, in the measure's zone (01:00 in Tokyo)
        ("2026-03-02T00:59:59+09:00", YES),  # the 2nd in Tokyo, still the 1st in Shanghai
        ("2026-03-02T01:00:00+09:00", NO),  # the day after the last
    ],
)
def test_ownership_counts_from_its_first_to_its_last_day_in_the_measures_zone(at, expected):
    one_day = replace(stake("STATE", "51"), from_on=date(2026, 3, 1), until_on=date(2026, 3, 1))
    world = policies(CONTROLLED_BY_CN, [STATE, seller(one_day)])
    assert certainty(world, now=calendar(at)) == expected


def affiliates(percent="50", operator="gte", aggregate=True):
    return Affiliates(Decimal(percent), operator, aggregate)


@pytest.mark.parametrize(
    ("rule", "organizations", "expected"),
    [
        (affiliates(), [seller(stake("LISTED", "50"))], YES),  # at the threshold
        (affiliates(operator="gt"), [seller(stake("LISTED", "50"))], NO),  # which is not above it
        (affiliates(operator="gt"), [seller(stake("LISTED", "50.01"))], YES),  # this is
        (affiliates(), [seller(stake("LISTED", "49.99"), complete=None)], NO),  # undisclosed owners change nothing
        (affiliates(), [seller(stake("LISTED", None))], MAYBE),  # may be 100
        (affiliates(), [seller(stake("LISTED", "30"), stake("NAMED", "20"))], YES),  # added up
        (affiliates(aggregate=False), [seller(stake("LISTED", "30"), stake("NAMED", "20"))], NO),  # one alone
        (affiliates(aggregate=False), [seller(stake("LISTED", "30"), stake("NAMED", None))], MAYBE),  # may alone
        (affiliates(), [seller(stake("LISTED", "30"), stake("VEILED", "70"))], NO),  # strangers do not count
        (affiliates(), [seller(stake("M", "50")), company("M", stake("LISTED", "50"))], YES),  # tier by tier
        (affiliates(), [seller(stake("M", "50")), company("M", stake("LISTED", None))], MAYBE),  # an unknown holder
        (affiliates(), [seller(stake("M", "49")), company("M", stake("LISTED", None))], NO),  # too small anyway
        # Two that hold each other, and no party: nobody is an affiliate, not even possibly.
        (affiliates(), [seller(stake("M", "60")), company("M", stake("SELLER", "60"))], NO),
        # A cycle that a party holds.
        (affiliates(), [seller(stake("M", "30"), stake("LISTED", "20")), company("M", stake("SELLER", "50"))], NO),
        (affiliates(), [seller(stake("M", "60")), company("M", stake("SELLER", "40"), stake("NAMED", "50"))], YES),
        (None, [seller(stake("LISTED", "50"))], MAYBE),  # no affiliates rule: would be one at 50, aggregated
        (None, [seller(stake("LISTED", "30"), stake("NAMED", "20"))], MAYBE),  # added up
        (None, [seller(stake("LISTED", "49.99"))], NO),  # would not be one
        (None, [seller(stake("LISTED", None))], MAYBE),  # would be in doubt
        (None, [SELLER], NO),  # nothing to do with it
    ],
)
def test_affiliates(rule, organizations, expected):
    parties = Parties(("supplier",), lists=("L",), named=("NAMED",), affiliates=rule)
    lists = [PartyListFacts("L", "Asia/Shanghai", (ListEntry("LISTED"),))]
    around = [company("LISTED"), company("NAMED"), VEILED, *organizations]
    assert certainty(policies(measure(Scope(parties=parties)), around, lists)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T13:59:59+09:00", NO),  # 23:59:59 on 28 February in New York, the list's zone
        ("2026-03-01T14:00:00+09:00", YES),  # the entry's first day begins
        ("2026-03-03T13:59:59+09:00", YES),  # the end of its last day
        ("2026-03-03T14:00:00+09:00", NO),  # the day after
    ],
)
def test_an_entry_counts_from_its_first_to_its_last_day_in_the_lists_zone(at, expected):
    entry = ListEntry("SELLER", date(2026, 3, 1), date(2026, 3, 2))
    lists = [PartyListFacts("L", "America/New_York", (entry,))]
    world = policies(measure(Scope(parties=Parties(("supplier",), lists=("L",)))), lists=lists)
    assert certainty(world, now=calendar(at)) == expected


@pytest.mark.parametrize(
    ("roles", "end_user", "expected"),
    [
        (("supplier",), None, NO),  # not the one in this role
        (("buyer",), None, YES),  # the named one
        (("end_user",), None, MAYBE),  # a role with nobody given
        (("supplier", "end_user"), None, MAYBE),  # one certainly not, one unknown
        (("buyer", "end_user"), None, YES),  # one certain is enough
        (("supplier", "end_user"), "SELLER", NO),  # nobody in either role
    ],
)
def test_roles_are_or_ed(roles, end_user, expected):
    world = policies(measure(Scope(parties=Parties(roles, named=("BUYER",)))))
    assert certainty(world, contract(end_user=end_user)) == expected
