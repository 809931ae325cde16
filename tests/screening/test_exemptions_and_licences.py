"""Grandfathering over zones and changes of the clock, and the first and last day of a licence."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from contracts.facts import AmendmentFacts
from policies.facts import CommodityEntry, Grandfathering, LicenceFacts, Scope
from tests.screening.small import calendar, certainty, contract, day, flags, line, measure, period, policies

YES, MAYBE, NO = "matched", "needs_review", None
STOP, NEW = "possible_termination", "no_new_contracts"


def exempting(cut_off, timezone="Asia/Shanghai", performed_by=None, lost_after=None):
    rule = Grandfathering(date.fromisoformat(cut_off), day(performed_by), day(lost_after))
    return measure(Scope(exempt_concluded_before=rule), timezone=timezone, timeline=(period("in_force", "2024-01-01"),))


@pytest.mark.parametrize(
    ("zone", "cut_off", "concluded_at", "expected"),
    [
        ("Asia/Shanghai", "2026-01-06", "2026-01-06T00:59:59+09:00", NO),  # a second before midnight in Shanghai
        ("Asia/Shanghai", "2026-01-06", "2026-01-06T01:00:00+09:00", YES),  # midnight itself is not before
        ("America/New_York", "2026-03-08", "2026-03-08T04:59:59+00:00", NO),  # before the clock changes: five hours
        ("America/New_York", "2026-03-08", "2026-03-08T05:00:00+00:00", YES),
        ("America/New_York", "2026-03-09", "2026-03-09T03:59:59+00:00", NO),  # and after: four
        ("America/New_York", "2026-03-09", "2026-03-09T04:00:00+00:00", YES),
        ("Pacific/Kiritimati", "2026-01-06", "2026-01-05T09:59:59+00:00", NO),  # fourteen hours ahead
        ("Pacific/Kiritimati", "2026-01-06", "2026-01-05T10:00:00+00:00", YES),
    ],
)
def test_the_cut_off_is_midnight_in_the_authoritys_zone(zone, cut_off, concluded_at, expected):
    of = contract(concluded_on=None, concluded_at=datetime.fromisoformat(concluded_at))
    now = calendar("2026-04-01T09:00:00+09:00")
    assert certainty(policies(exempting(cut_off, zone)), of, now) == expected


@pytest.mark.parametrize(
    ("zone", "cut_off", "concluded_on", "own_zone", "expected"),
    [
        # The same zone: the day before is wholly before, the day itself not at all.
        ("Europe/Brussels", "2026-03-29", "2026-03-28", "Europe/Brussels", NO),
        ("Europe/Brussels", "2026-03-29", "2026-03-29", "Europe/Brussels", YES),
        # The day of 23 hours ends at midnight all the same.
        ("Europe/Brussels", "2026-03-30", "2026-03-29", "Europe/Brussels", NO),
        # And the day of 25 hours: 24 hours after its start it is not over.
        ("Europe/Brussels", "2026-10-26", "2026-10-25", "Europe/Brussels", NO),
        ("America/New_York", "2026-11-02", "2026-11-01", "America/New_York", NO),
        ("America/New_York", "2026-03-09", "2026-03-08", "America/New_York", NO),
        # Own zone ahead of the authority's: the day itself began before the cut-off.
        ("Europe/Brussels", "2026-03-29", "2026-03-29", "Asia/Tokyo", MAYBE),
        ("Europe/Brussels", "2026-03-29", "2026-03-28", "Asia/Tokyo", NO),
        ("Europe/Brussels", "2026-03-29", "2026-03-30", "Asia/Tokyo", YES),  # begins at 17:00 on the 29th
        # Own zone behind it: the day before ends after the cut-off.
        ("Asia/Tokyo", "2026-03-08", "2026-03-07", "America/New_York", MAYBE),
        ("Asia/Tokyo", "2026-03-08", "2026-03-06", "America/New_York", NO),
        ("Asia/Tokyo", "2026-03-08", "2026-03-08", "America/New_York", YES),
        # A day apart at most: Kiritimati is 25 hours before Midway, 19 before New York in winter.
        ("America/New_York", "2026-01-06", "2026-01-06", "Pacific/Kiritimati", MAYBE),
        ("America/New_York", "2026-01-06", "2026-01-07", "Pacific/Kiritimati", YES),
        ("Pacific/Midway", "2026-01-06", "2026-01-06", "Pacific/Kiritimati", NO),  # over an hour before it begins there
        ("Pacific/Midway", "2026-01-06", "2026-01-07", "Pacific/Kiritimati", MAYBE),
        # No zone of its own: the business time zone, Tokyo.
        ("Asia/Shanghai", "2026-01-06", "2026-01-06", None, MAYBE),
        ("Asia/Tokyo", "2026-01-06", "2026-01-05", None, NO),
    ],
)
def test_a_day_of_conclusion_may_lie_on_both_sides_of_the_cut_off(zone, cut_off, concluded_on, own_zone, expected):
    of = contract(concluded_on=day(concluded_on), concluded_timezone=own_zone)
    now = calendar("2026-12-01T09:00:00+09:00")
    assert certainty(policies(exempting(cut_off, zone)), of, now) == expected


@pytest.mark.parametrize(
    ("ship_until", "concluded_on", "expected"),
    [
        ("2028-02-29", "2024-01-01", {}),  # performed by the leap day, inclusive
        ("2028-03-01", "2024-01-01", {STOP: "matched in_force 2028-03-01"}),  # the day after is in scope
        # Exemption unknown until the leap day, certainly none after it: matched, to act by the first day it may hold.
        ("2028-03-01", "2025-01-01", {STOP: "matched in_force 2026-03-01"}),
        ("2028-02-29", "2025-01-01", {STOP: "needs_review in_force 2026-03-01"}),
    ],
)
def test_performed_by(ship_until, concluded_on, expected):
    world = policies(exempting("2025-01-01", performed_by="2028-02-29"))
    of = contract(line(ship_until=day(ship_until)), concluded_on=day(concluded_on), expires_on=None)
    assert flags(world, of) == expected


@pytest.mark.parametrize(
    ("made_on", "increases", "expected"),
    [
        ("2025-06-17", True, NO),  # on the day is not after it
        ("2025-06-18", True, YES),  # after it: lost
        ("2025-06-18", False, NO),  # it increased nothing
        ("2025-06-18", None, MAYBE),  # it may have
        ("2025-06-17", None, NO),  # whatever it did, it was in time
        (None, True, MAYBE),  # it may have been late
        (None, False, NO),  # it was harmless whenever it was made
        (None, None, MAYBE),  # neither known
        ("2099-01-01", True, YES),  # also one dated after today
    ],
)
def test_an_amendment_may_end_the_exemption(made_on, increases, expected):
    of = contract(amendments=(AmendmentFacts(day(made_on), increases),))
    assert certainty(policies(exempting("2025-06-17", lost_after="2025-06-17")), of) == expected
    if expected != NO:  # the same amendment without a rule against it
        assert certainty(policies(exempting("2025-06-17")), of) == NO
        # Among others the certain one decides.
        both = replace(of, amendments=(*of.amendments, AmendmentFacts(date(2026, 1, 1), True)))
        assert certainty(policies(exempting("2025-06-17", lost_after="2025-06-17")), both) == YES


def test_the_exemption_is_for_running_deliveries_alone():
    world = policies(exempting("2025-06-17"))
    ahead = contract(expires_on=date(2026, 4, 30), renewal="auto", notice_days=30)
    assert flags(world, ahead) == {NEW: "matched in_force 2026-03-31"}
    assert flags(world, contract(kind="framework")) == {NEW: "matched in_force 2026-03-01"}
    assert flags(world, contract(kind="call_off", framework="F")) == {}
    # Whether the exemption is known makes no difference there.
    unknown = contract(kind="framework", concluded_on=date(2025, 6, 17))
    assert flags(world, unknown) == {STOP: MAYBE + " in_force 2026-03-01", NEW: YES + " in_force 2026-03-01"}


ASKS = measure(effect="licence_required")
GRANTED = LicenceFacts(
    reference="X",
    exporter="SELLER",
    measures=("P/1",),
    commodities=(CommodityEntry(hs=("28",)),),
    valid_from=date(2026, 3, 1),
    valid_until=date(2026, 6, 30),
)


def covered(licence=GRANTED, of=None, at="2026-03-01T09:00:00+09:00", licences=()):
    world = policies(ASKS, licences=[licence, *licences])
    return certainty(world, of or contract(line(ship_until=date(2026, 6, 30))), calendar(at)) is None


@pytest.mark.parametrize(
    ("first", "last", "at", "expected"),
    [
        (None, "2026-06-30", "2026-03-01T09:00:00+09:00", True),  # from today, its first day, to its last
        (None, "2026-07-01", "2026-03-01T09:00:00+09:00", False),  # a day too long
        (None, "2026-06-30", "2026-03-01T00:30:00+09:00", False),  # still 28 February in the measure's zone
        ("2026-03-01", "2026-06-30", "2026-02-01T09:00:00+09:00", True),  # the line begins with the licence
        ("2026-02-28", "2026-06-30", "2026-02-01T09:00:00+09:00", False),  # a day too early
        ("2026-07-01", None, "2026-03-01T09:00:00+09:00", False),  # wholly after it
        (None, "2026-02-28", "2026-03-01T09:00:00+09:00", False),  # overdue: no last day
        ("2026-06-30", "2026-06-30", "2026-03-01T09:00:00+09:00", True),  # its last day alone
    ],
)
def test_the_first_and_last_of_the_days_lie_in_the_licence(first, last, at, expected):
    of = contract(line(ship_from=day(first), ship_until=day(last)))
    assert covered(of=of, at=at) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"measures": ("P",)}, True),  # granted under the change
        ({"measures": ("P/2",)}, False),  # under another measure of it
        ({"measures": ("Q", "P/1")}, True),  # under this one too
        ({"measures": ()}, False),  # under none
        ({"exporter": "BUYER"}, False),  # somebody else's
        ({"consignee": "BUYER", "end_user": "BUYER"}, True),  # the contract's own
        ({"consignee": "SELLER"}, False),  # another consignee
        ({"end_user": "SELLER"}, False),  # another end user
        ({"commodities": ()}, False),  # for nothing
        ({"commodities": (CommodityEntry(hs=("28053010",)),)}, False),  # not with certainty
        ({"commodities": (CommodityEntry(hs=("85",)), CommodityEntry(elements=("Dy",)))}, True),  # one entry of two
        ({"valid_until": None}, False),  # no validity at all
        ({"valid_from": None}, True),  # an open beginning
    ],
)
def test_what_a_licence_covers(changes, expected):
    assert covered(replace(GRANTED, **changes)) is expected


def test_two_licences_in_a_row_do_not_cover_what_neither_covers_alone():
    next_one = replace(GRANTED, reference="Y", valid_from=date(2026, 7, 1), valid_until=date(2026, 12, 31))
    of = contract(line(ship_until=date(2026, 7, 31)))
    assert not covered(of=of, licences=[next_one])
    assert covered(of=of, licences=[replace(next_one, valid_from=date(2026, 3, 1))])


def test_a_termination_ends_the_days_that_must_be_covered():
    of = contract(line(ship_until=date(2026, 2, 1)), terminated_on=date(2026, 7, 1))
    assert covered(of=of)  # overdue, but nothing is delivered after 30 June
    assert not covered(of=replace(of, terminated_on=date(2026, 7, 2)))


def test_an_end_user_that_is_not_established_is_not_the_licences():
    of = contract(line(ship_until=date(2026, 6, 30)), end_user=None)
    assert not covered(replace(GRANTED, end_user="BUYER"), of)
    assert covered(replace(GRANTED, end_user=None), of)


def test_a_signature_is_covered_to_the_contracts_end():
    draft = contract(line(ship_until=date(2026, 4, 1)), concluded_on=None, expires_on=date(2026, 6, 30))
    assert covered(of=draft)
    assert not covered(of=replace(draft, expires_on=date(2026, 7, 1)))
    assert not covered(of=replace(draft, expires_on=None))
