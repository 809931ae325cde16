"""Timelines, the contract's days, stages and renewals at their edges."""

from dataclasses import replace
from datetime import date

import pytest

from tests.screening.small import calendar, contract, day, flags, line, measure, period, policies

STOP, NEW = "possible_termination", "no_new_contracts"


@pytest.mark.parametrize(
    ("timeline", "ship", "expected"),
    [
        # In force from today.
        ([("in_force", "2026-03-01")], (None, None), "matched in_force 2026-03-01"),
        # In force for its last day.
        ([("in_force", "2026-01-01", "2026-03-01")], (None, None), "matched in_force 2026-03-01"),
        # Over since yesterday.
        ([("in_force", "2026-01-01", "2026-02-28")], (None, None), None),
        # From tomorrow: announced.
        ([("in_force", "2026-03-02")], (None, None), "matched announced 2026-03-02"),
        # The last day of delivery is the first that bites.
        ([("in_force", "2026-05-01")], (None, "2026-05-01"), "matched announced 2026-05-01"),
        # The last day of delivery is the day before.
        ([("in_force", "2026-05-01")], (None, "2026-04-30"), None),
        # The first day of delivery is the last that bites.
        ([("in_force", "2026-01-01", "2026-05-01")], ("2026-05-01", "2026-06-01"), "matched in_force 2026-05-01"),
        ([("in_force", "2026-01-01", "2026-05-01")], ("2026-05-02", "2026-06-01"), None),
        # Suspended on its last day, and back without a word the day after.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-02-01", "2026-03-01")],
            (None, None),
            "needs_review resumption_unconfirmed 2026-03-02",
        ),
        # Suspended until yesterday.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-02-01", "2026-02-28")],
            (None, None),
            "needs_review resumption_unconfirmed 2026-03-01",
        ),
        # A suspension without an end leaves nothing.
        ([("in_force", "2026-01-01"), ("suspended", "2026-02-01", None)], (None, None), None),
        # Before the suspension it bites and is confirmed.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-04-01", "2026-05-01")],
            (None, "2026-03-31"),
            "matched in_force 2026-03-01",
        ),
        # Deliveries on both sides: matched by the days before.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-04-01", "2026-05-01")],
            (None, None),
            "matched in_force 2026-03-01",
        ),
        # Deliveries only after it: today is a confirmed biting day, but none is met.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-04-01", "2026-05-01")],
            ("2026-05-02", None),
            "needs_review resumption_unconfirmed 2026-05-02",
        ),
        # A new period that begins the day after the last confirms.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-02-01", "2026-02-28"), ("in_force", "2026-03-01")],
            (None, None),
            "matched in_force 2026-03-01",
        ),
        # A new period that begins on the suspension's last day does not.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-02-01", "2026-02-28"), ("in_force", "2026-02-28")],
            (None, None),
            "needs_review resumption_unconfirmed 2026-03-01",
        ),
        # What confirmed has ended: after its end the old period is unconfirmed again.
        (
            [
                ("in_force", "2026-01-01"),
                ("suspended", "2026-02-01", "2026-02-28"),
                ("in_force", "2026-03-01", "2026-03-31"),
            ],
            ("2026-04-01", None),
            "needs_review resumption_unconfirmed 2026-04-01",
        ),
        # Confirmed after the first suspension, not after the second.
        (
            [
                ("in_force", "2026-01-01"),
                ("suspended", "2026-01-10", "2026-01-20"),
                ("in_force", "2026-01-21"),
                ("suspended", "2026-02-01", "2026-02-28"),
            ],
            (None, None),
            "needs_review resumption_unconfirmed 2026-03-01",
        ),
        # Two suspensions that overlap: the later last day counts.
        (
            [
                ("in_force", "2026-01-01"),
                ("suspended", "2026-01-10", "2026-02-10"),
                ("suspended", "2026-02-01", "2026-02-28"),
                ("in_force", "2026-02-11"),
            ],
            (None, None),
            "needs_review resumption_unconfirmed 2026-03-01",
        ),
        # Suspended and over before the measure began at all.
        (
            [("suspended", "2025-01-01", "2025-12-31"), ("in_force", "2026-01-01")],
            (None, None),
            "matched in_force 2026-03-01",
        ),
        # Unconfirmed today, confirmed later: announced, and to act by the first day that bites.
        (
            [("in_force", "2026-01-01"), ("suspended", "2026-02-01", "2026-02-28"), ("in_force", "2026-04-01")],
            (None, None),
            "matched announced 2026-03-01",
        ),
        # A gap between two periods without any suspension needs no confirmation.
        (
            [("in_force", "2026-01-01", "2026-01-31"), ("in_force", "2026-03-01")],
            (None, None),
            "matched in_force 2026-03-01",
        ),
        # A single leap day, after the contract's end: an end before the first day leaves the first day alone.
        ([("in_force", "2028-02-29", "2028-02-29")], ("2028-02-29", None), "matched announced 2028-02-29"),
    ],
)
def test_timelines(timeline, ship, expected):
    of = contract(line(ship_from=day(ship[0]), ship_until=day(ship[1])))
    world = policies(measure(timeline=tuple(period(*one) for one in timeline)))
    assert flags(world, of) == ({STOP: expected} if expected else {})


@pytest.mark.parametrize(
    ("formality", "basis"),
    [
        ("official", "in_force"),  # a published instrument
        ("reported", "reported"),  # a report stands in place of in_force
        ("oral", "reported"),  # so does a spokesperson
        (None, "in_force"),  # not established is not "reported"
    ],
)
def test_formality(formality, basis):
    world = policies(measure(formality=formality))
    assert flags(world) == {STOP: f"matched {basis} 2026-03-01"}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T00:59:59+09:00", {}),  # 23:59:59 on 28 February in Shanghai: not announced yet
        ("2026-03-01T01:00:00+09:00", {STOP: "matched in_force 2026-03-01"}),  # the day of the announcement begins
    ],
)
def test_nothing_before_the_announcement(at, expected):
    assert flags(policies(measure(announced_on=date(2026, 3, 1))), now=calendar(at)) == expected


@pytest.mark.parametrize(
    ("ship", "expires_on", "expected"),
    [
        (
            (None, "2026-02-28"),
            "2027-03-31",
            "2026-06-01",
        ),  # overdue since yesterday: no end
        ((None, "2026-03-01"), "2027-03-31", None),  # due today
        ((None, None), "2026-05-31", None),  # the contract's end is the line's
        ((None, None), "2026-06-01", "2026-06-01"),  # on the first day that bites
        ((None, None), None, "2026-06-01"),  # no end
        (("2026-06-15", None), "2026-04-30", "2026-06-15"),  # begins after the contract ends: the first day alone
        (("2026-06-15", None), "2026-02-28", "2026-06-15"),  # begins after an end already past: no end
        (("2026-01-01", "2026-06-01"), "2026-03-31", "2026-06-01"),  # the line's own end goes before the contract's
    ],
)
def test_the_days_of_delivery(ship, expires_on, expected):
    of = contract(line(ship_from=day(ship[0]), ship_until=day(ship[1])), expires_on=day(expires_on))
    found = flags(policies(measure(timeline=(period("in_force", "2026-06-01"),))), of)
    assert found == ({STOP: f"matched announced {expected}"} if expected else {})


@pytest.mark.parametrize(
    ("terminated_on", "in_force_from", "expected"),
    [
        ("2026-06-02", "2026-06-01", {STOP: "matched announced 2026-06-01"}),  # the day before is the last, and bites
        ("2026-06-01", "2026-06-01", {}),  # the last day is 31 May
        ("2026-03-02", "2026-01-01", {STOP: "matched in_force 2026-03-01"}),  # today is the last day
        ("2026-03-01", "2026-01-01", {}),  # terminated today
    ],
)
def test_deliveries_stop_the_day_before_the_termination(terminated_on, in_force_from, expected):
    world = policies(measure(timeline=(period("in_force", in_force_from),)))
    assert flags(world, contract(terminated_on=day(terminated_on))) == expected


def test_no_day_is_left_where_it_is_later_already_in_the_measures_zone():
    """23:00 on 28 February in Tokyo is 1 March on Kiritimati; the contract ends with 28 February."""
    world, now = policies(measure(timezone="Pacific/Kiritimati")), calendar("2026-02-28T23:00:00+09:00")
    assert flags(world, contract(terminated_on=date(2026, 3, 1)), now) == {}
    assert flags(world, contract(terminated_on=date(2026, 3, 2)), now) == {STOP: "matched in_force 2026-03-01"}


def test_a_framework_calls_off_until_the_day_before_its_termination():
    framework = contract(line(quantity=None), kind="framework")
    world = policies(measure(timeline=(period("in_force", "2026-06-01"),)))
    assert flags(world, framework) == {NEW: "matched announced 2026-06-01"}
    assert flags(world, replace(framework, terminated_on=date(2026, 6, 2))) == {NEW: "matched announced 2026-06-01"}
    assert flags(world, replace(framework, terminated_on=date(2026, 6, 1))) == {}


def test_signing_does_not_stop_with_a_termination():
    draft = contract(concluded_on=None, negotiation="draft", terminated_on=date(2026, 4, 1))
    world = policies(measure(timeline=(period("in_force", "2026-06-01"),)))
    assert flags(world, draft) == {NEW: "matched announced 2026-06-01"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"concluded_on": None}, {NEW}),  # not concluded, whatever is known of the negotiation
        ({"concluded_on": day("2026-03-02"), "negotiation": "draft"}, {NEW}),  # tomorrow
        ({"concluded_on": day("2026-03-01")}, {STOP}),  # from the start of today on
        ({"concluded_on": day("2026-03-01"), "concluded_timezone": "America/New_York"}, {NEW}),  # not yet the 1st there
        ({"concluded_on": day("2026-03-01"), "concluded_timezone": "Pacific/Kiritimati"}, {STOP}),  # long since
        ({"termination_notice_on": day("2026-03-01"), "renewal": "evergreen"}, {STOP}),  # terminating from today
        ({"termination_notice_on": day("2026-03-02"), "renewal": "evergreen"}, {STOP, NEW}),  # not before tomorrow
        ({"effective_on": day("2026-03-02")}, {STOP}),  # concluded, not yet effective
        ({"expires_on": day("2026-03-01"), "renewal": "option", "notice_days": 0}, {STOP, NEW}),  # its last day
        ({"expires_on": day("2026-02-28"), "renewal": "option"}, {STOP}),  # expired, with open quantity
        ({"expires_on": day("2026-02-28"), "renewal": None}, {STOP}),  # a null renewal keeps nothing alive
        ({"expires_on": day("2026-02-28"), "renewal": "auto"}, {STOP, NEW}),  # renewed by itself, and will again
        ({"closed_as": "completed"}, set()),  # closed goes first
        ({"closed_as": "cancelled", "concluded_on": None}, set()),  # also before conclusion
        ({"concluded_on": None, "terminated_on": day("2026-03-01")}, set()),  # terminated before it was concluded
    ],
)
def test_stages(facts, expected):
    assert set(flags(policies(measure()), contract(**facts))) == expected


@pytest.mark.parametrize(
    ("at", "expires_on", "renewal", "notice_days", "expected"),
    [
        # Notice deadline 30 June; the horizon of 180 days begins on 1 January.
        ("2026-01-01", "2026-08-29", "auto", 60, "matched in_force 2026-06-30"),  # its first day
        ("2025-12-31", "2026-08-29", "auto", 60, None),  # the day before
        ("2026-06-30", "2026-08-29", "auto", 60, "matched in_force 2026-06-30"),  # the deadline itself
        ("2026-07-01", "2026-08-29", "auto", 60, "matched in_force 2026-07-01"),  # past it: act today
        ("2026-08-29", "2026-08-29", "auto", 60, "matched in_force 2026-08-29"),  # the last day
        ("2026-08-30", "2026-08-29", "auto", 60, "matched in_force 2026-08-30"),  # it has renewed by itself
        ("2026-08-30", "2026-08-29", "option", 60, None),  # an option that nobody used has expired
        ("2026-06-30", "2026-08-29", "option", 60, "needs_review in_force 2026-06-30"),  # an option is not certain
        ("2025-01-01", "2026-08-29", "evergreen", 60, "needs_review in_force 2026-06-30"),  # evergreen always
        ("2026-06-30", None, "evergreen", None, "needs_review in_force 2026-06-30"),  # without any day: act today
        ("2026-01-01", "2026-08-29", None, 60, "needs_review in_force 2026-06-30"),  # renewal not established
        ("2025-01-01", "2026-08-29", None, 60, "needs_review in_force 2026-06-30"),  # it may be evergreen
        ("2026-08-30", "2026-08-29", None, 60, None),  # an expired contract's null renewal is none
        ("2026-06-30", "2026-08-29", "none", 60, None),  # none
        # Notice not established: 180 days before the end are ahead whatever it is; farther off it may be.
        ("2026-03-02", "2026-08-29", "auto", None, "matched in_force 2026-03-02"),
        ("2026-03-01", "2026-08-29", "auto", None, "needs_review in_force 2026-03-01"),
        ("2026-03-02", "2026-08-29", "auto", 0, "matched in_force 2026-08-29"),  # no notice: to the last day
        ("2026-03-01", "2026-08-29", "auto", 0, None),  # the day before that horizon
        ("2026-03-01", None, "auto", 60, "needs_review in_force 2026-03-01"),  # an end not established decides
        ("2026-03-01", None, "auto", None, "needs_review in_force 2026-03-01"),
        # Leap days: thirty days before 30 March 2028 is 29 February.
        ("2028-02-29", "2028-03-30", "auto", 30, "matched in_force 2028-02-29"),
        ("2028-03-01", "2028-03-30", "auto", 30, "matched in_force 2028-03-01"),
        ("2027-09-02", "2028-03-30", "auto", 30, "matched in_force 2028-02-29"),  # 180 days before the leap day
        ("2027-09-01", "2028-03-30", "auto", 30, None),
        ("2028-02-29", "2028-02-29", "auto", 0, "matched in_force 2028-02-29"),  # ends on a leap day
        ("2028-03-01", "2028-02-29", "option", 0, None),  # and is over the day after
    ],
)
def test_renewals(at, expires_on, renewal, notice_days, expected):
    world = policies(measure(effect="new_contracts_refused", timeline=(period("in_force", "2024-01-01"),)))
    of = contract(expires_on=day(expires_on), renewal=renewal, notice_days=notice_days)
    assert flags(world, of, calendar(f"{at}T09:00:00+09:00")) == ({NEW: expected} if expected else {})


def test_a_ban_bars_an_option_with_certainty():
    of = contract(line(delivered=line().quantity), expires_on=date(2026, 4, 30), renewal="option", notice_days=30)
    assert flags(policies(measure()), of) == {NEW: "matched in_force 2026-03-31"}
    assert flags(policies(measure()), replace(of, renewal=None)) == {NEW: "needs_review in_force 2026-03-31"}


def test_a_termination_to_come_ends_all_renewing():
    of = contract(expires_on=date(2026, 4, 30), renewal="auto", notice_days=30, terminated_on=date(2026, 4, 1))
    assert set(flags(policies(measure()), of)) == {STOP}


@pytest.mark.parametrize(
    ("quantity", "delivered", "cancelled", "expected"),
    [
        (100, 60, 39, "matched"),  # one open
        (100, 60, 40, None),  # none
        (100, 120, 0, None),  # more than ordered
        (100, None, 99, "needs_review"),  # one may be open
        (100, None, 100, None),  # nothing may, whatever was delivered
        (100, 99, None, "needs_review"),
        (100, 100, None, None),
        (None, 5, 0, "needs_review"),  # nobody knows what was ordered
        (0, None, None, None),  # nothing was
    ],
)
def test_open_quantity(quantity, delivered, cancelled, expected):
    of = contract(line(quantity=quantity, delivered=delivered, cancelled=cancelled))
    found = flags(policies(measure()), of)
    assert found == ({STOP: f"{expected} in_force 2026-03-01"} if expected else {})


def test_a_line_that_meets_a_kind_twice_acts_by_the_earlier_day():
    """An evergreen framework: calling off is barred from 1 June, the renewal (needs review) may be stopped today."""
    of = contract(line(quantity=None), kind="framework", renewal="evergreen", expires_on=None)
    world = policies(measure(effect="new_contracts_refused", timeline=(period("in_force", "2026-06-01"),)))
    assert flags(world, of) == {NEW: "matched announced 2026-03-01"}
