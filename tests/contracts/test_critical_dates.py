"""What a contract's critical dates are on a day: its current term, leap days, and dates that mean nothing any more."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from contracts.critical_dates import critical_dates, dates_ahead
from contracts.facts import ContractFacts, LineFacts
from contracts.stage import Calendar


def on(day: date) -> Calendar:
    """Noon in Tokyo."""
    return Calendar(
        at=datetime(day.year, day.month, day.day, 3, tzinfo=UTC), timezone="Asia/Tokyo", renewal_horizon_days=180
    )


def contract(**facts) -> ContractFacts:
    lines = facts.pop("lines", ())
    return ContractFacts(
        **{
            "reference": "C",
            "kind": "purchase",
            "supplier": "S",
            "buyer": "B",
            "concluded_on": date(2020, 1, 1),
            **facts,
        },
        lines=tuple(LineFacts(number=number, **line) for number, line in enumerate(lines, 1)),
    )


def ahead(facts: ContractFacts, day: date) -> list[tuple[str, str]]:
    return [(found.on.isoformat(), found.meaning) for found in dates_ahead(facts, on(day))]


@pytest.mark.parametrize(
    ("begin", "end", "today", "expected"),
    [
        # a year: the same day of the next year
        ((2025, 4, 1), (2026, 3, 31), (2026, 3, 31), "2026-03-31"),
        ((2025, 4, 1), (2026, 3, 31), (2026, 4, 1), "2027-03-31"),
        ((2025, 4, 1), (2026, 3, 31), (2027, 3, 31), "2027-03-31"),
        ((2025, 4, 1), (2026, 3, 31), (2031, 12, 31), "2032-03-31"),
        # the last day of February is that of leap years too, and the other way round
        ((2025, 3, 1), (2026, 2, 28), (2027, 12, 1), "2028-02-29"),
        ((2023, 3, 1), (2024, 2, 29), (2024, 3, 1), "2025-02-28"),
        ((2023, 3, 1), (2024, 2, 29), (2027, 3, 1), "2028-02-29"),
        # begun on a leap day
        ((2024, 2, 29), (2025, 2, 28), (2027, 6, 1), "2028-02-29"),
        # the last day is the anniversary itself
        ((2025, 4, 1), (2026, 4, 1), (2026, 4, 2), "2027-04-01"),
        # three years: nobody said for how long it renews, so a year at most
        ((2022, 4, 1), (2025, 3, 31), (2026, 1, 13), "2026-03-31"),
        # half a year, a quarter and a month
        ((2025, 1, 1), (2025, 6, 30), (2025, 7, 1), "2025-12-31"),
        ((2025, 1, 31), (2025, 4, 29), (2025, 5, 1), "2026-04-29"),  # not quite a quarter
        ((2025, 1, 1), (2025, 3, 31), (2025, 10, 1), "2025-12-31"),
        ((2025, 1, 31), (2025, 2, 28), (2025, 4, 5), "2025-04-30"),
        # not a number of months, or nobody knows since when: a year
        ((2025, 1, 10), (2025, 6, 30), (2025, 7, 1), "2026-06-30"),
        (None, (2025, 6, 30), (2025, 7, 1), "2026-06-30"),
    ],
)
def test_a_contract_that_renews_by_itself_ends_with_its_current_term(begin, end, today, expected) -> None:
    facts = contract(
        effective_on=begin and date(*begin),
        expires_on=date(*end),
        renewal="auto",
        concluded_on=None,
        concluded_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    assert (expected, "expiry") in ahead(facts, date(*today))


def test_the_notice_deadline_of_the_next_term_follows_one_that_has_passed() -> None:
    facts = contract(effective_on=date(2025, 4, 1), expires_on=date(2026, 3, 31), renewal="auto", notice_days=90)
    assert ahead(facts, date(2025, 12, 31)) == [("2025-12-31", "notice_deadline"), ("2026-03-31", "expiry")]
    assert ahead(facts, date(2026, 1, 1)) == [("2026-03-31", "expiry"), ("2026-12-31", "notice_deadline")]
    assert [(one.on.isoformat(), one.term) for one in critical_dates(facts, on(date(2026, 1, 1)))] == [
        ("2025-04-01", 0),
        ("2025-12-31", 0),
        ("2026-03-31", 0),
        ("2026-12-31", 1),
    ]


def test_notice_longer_than_a_term_is_still_given_in_time() -> None:
    monthly = contract(effective_on=date(2025, 1, 1), expires_on=date(2025, 1, 31), renewal="auto", notice_days=60)
    assert ahead(monthly, date(2025, 6, 10)) == [("2025-06-30", "expiry"), ("2025-07-02", "notice_deadline")]


@pytest.mark.parametrize(("renewal", "found"), [("option", []), ("none", []), (None, []), ("evergreen", [])])
def test_others_have_no_date_after_their_end(renewal, found) -> None:
    facts = contract(expires_on=date(2026, 3, 31), renewal=renewal, notice_days=30)
    assert ahead(facts, date(2026, 4, 1)) == found


def test_a_contract_that_does_not_renew_needs_no_notice() -> None:
    facts = contract(expires_on=date(2026, 3, 31), renewal="none", notice_days=30)
    assert ahead(facts, date(2026, 1, 1)) == [("2026-03-31", "expiry")]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, ["notice_deadline", "expiry"]),
        ({"closed_as": "completed"}, []),
        ({"closed_as": "cancelled"}, []),
        ({"concluded_on": None, "negotiation": "draft"}, []),
        ({"concluded_on": date(2026, 1, 2)}, []),  # tomorrow
        ({"terminated_on": date(2026, 1, 1)}, []),
        # notice was given: it ends before it expires
        ({"termination_notice_on": date(2025, 12, 1), "terminated_on": date(2026, 2, 1)}, ["termination"]),
        ({"termination_notice_on": date(2025, 12, 1)}, ["expiry"]),
    ],
)
def test_dates_of_a_contract_that_has_ended_or_not_begun_mean_nothing(facts, found) -> None:
    kept = contract(**{"expires_on": date(2026, 3, 31), "renewal": "option", "notice_days": 30, **facts})
    assert [meaning for _, meaning in ahead(kept, date(2026, 1, 1))] == found


def test_the_last_delivery_is_that_of_lines_still_open() -> None:
    open_line = {
        "ship_until": date(2026, 2, 1),
        "quantity": Decimal(5),
        "delivered": Decimal(1),
        "cancelled": Decimal(0),
    }
    done = {**open_line, "ship_until": date(2026, 3, 1), "delivered": Decimal(4), "cancelled": Decimal(1)}
    assert ahead(contract(lines=[open_line, done]), date(2026, 1, 1)) == [("2026-02-01", "last_delivery")]
    assert ahead(contract(lines=[done]), date(2026, 1, 1)) == []
    unknown = {"ship_until": date(2026, 4, 1)}
    assert ahead(contract(lines=[open_line, done, unknown]), date(2026, 1, 1)) == [("2026-04-01", "last_delivery")]


def test_days_of_notice_beyond_the_calendar_do_no_harm() -> None:
    facts = contract(effective_on=date(2025, 4, 1), expires_on=date(2026, 3, 31), renewal="auto", notice_days=2**31 - 1)
    assert ("2026-03-31", "expiry") in ahead(facts, date(2026, 1, 1))
    assert ahead(facts, date(9999, 6, 1)) == []  # what ends with the calendar has no end
