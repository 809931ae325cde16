"""Critical dates of many contracts at once are those of each, found plainly one by one; stored ones as well."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import critical_dates
from contracts.columns import Dated
from contracts.copying import Reader, spans
from contracts.facts import ContractFacts, LineFacts
from contracts.models import Contract, Line
from contracts.stage import Calendar
from suppliers.models import Organization
from tests.contracts import one_by_one

DAYS = st.dates(date(2020, 1, 1), date(2029, 12, 31)) | st.sampled_from(
    [date(2024, 2, 29), date(2026, 1, 13), date(2026, 2, 28), date.max, date.min]
)
MAYBE_DAY = st.none() | DAYS
TODAY = st.dates(date(2022, 1, 1), date(2028, 12, 31))
AMOUNT = st.none() | st.sampled_from([Decimal(0), Decimal("2.5"), Decimal(100)])
LINES = st.builds(
    LineFacts,
    number=st.integers(1, 9),
    quantity=AMOUNT,
    delivered=AMOUNT,
    cancelled=AMOUNT,
    ship_until=MAYBE_DAY,
)
CONTRACTS = st.builds(
    ContractFacts,
    reference=st.just("C"),
    kind=st.sampled_from(["purchase", "framework", "call_off"]),
    supplier=st.just("S"),
    buyer=st.just("B"),
    negotiation=st.sampled_from([None, "draft"]),
    concluded_on=MAYBE_DAY,
    effective_on=MAYBE_DAY,
    expires_on=MAYBE_DAY,
    termination_notice_on=MAYBE_DAY,
    terminated_on=MAYBE_DAY,
    closed_as=st.sampled_from([None, None, None, "completed"]),
    renewal=st.sampled_from([None, "none", "option", "auto", "auto", "evergreen"]),
    notice_days=st.none() | st.integers(0, 400) | st.just(2**31 - 1),
    lines=st.lists(LINES, max_size=3).map(tuple),
)


def on(day: date) -> Calendar:
    """Noon in Tokyo."""
    at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    return Calendar(at=at, timezone="Asia/Tokyo", renewal_horizon_days=180)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(CONTRACTS, min_size=1, max_size=12), st.dates(date(2022, 1, 1), date(2028, 12, 31)), st.integers(0, 800)
)
def test_many_at_once_are_as_each_alone(contracts: list[ContractFacts], day: date, within: int) -> None:
    now, until = on(day), day + timedelta(days=within)
    found: dict[int, list[critical_dates.CriticalDate]] = {}
    for dates in critical_dates.all_dates_ahead(Dated.of(contracts), now, until):
        for row, ahead, term in zip(dates.rows.tolist(), dates.on.tolist(), dates.term.tolist(), strict=True):
            one = critical_dates.CriticalDate(date.fromordinal(ahead), dates.meaning, term)
            found.setdefault(row, []).append(one)
    for row, contract in enumerate(contracts):
        assert sorted(found.get(row, [])) == one_by_one.dates_ahead(contract, now, until)
        assert critical_dates.critical_dates(contract, now) == one_by_one.critical_dates(contract, now)


@pytest.mark.django_db
def test_stored_contracts_are_read_as_their_facts_say() -> None:
    seller = Organization.objects.create(reference="S", country="CN", kind="company")
    for number, (renewal, closed_as) in enumerate(
        [("auto", None), ("none", None), (None, None), ("auto", "completed")]
    ):
        contract = Contract.objects.create(
            reference=f"C-{number}",
            kind="framework" if number == 1 else "purchase",
            supplier=seller,
            buyer=seller,
            concluded_on=date(2024, 4, 1),
            effective_on=date(2024, 4, 1) if number else None,
            expires_on=date(2025, 3, 31),
            termination_notice_on=date(2026, 1, 1) if number == 2 else None,
            renewal=renewal,
            closed_as=closed_as,
            notice_days=60,
        )
        for line, until in enumerate([date(2026, 5, 1), None, date(2026, 4, 1)], 1):
            Line.objects.create(contract=contract, number=line, quantity=None if number else 5, ship_until=until)
    ((span, _),) = spans()
    read, facts = Reader().read_dates(span), Contract.objects.filter(closed_as=None).facts()
    now, until = on(date(2026, 1, 13)), date(2027, 12, 31)
    given = Dated.of(facts)
    assert read.ids.tolist() == list(
        Contract.objects.filter(closed_as=None).order_by("id").values_list("id", flat=True)
    )
    for ours, theirs in zip(
        critical_dates.all_dates_ahead(read, now, until),
        critical_dates.all_dates_ahead(given, now, until),
        strict=True,
    ):
        assert ours.meaning == theirs.meaning
        assert all(np.array_equal(one, other) for one, other in zip(ours[1:], theirs[1:], strict=True))
    found: dict[str, list[int]] = {}
    for one in critical_dates.all_dates_ahead(read, now, until):
        found.setdefault(one.meaning, []).extend(one.rows.tolist())
    assert {meaning: rows for meaning, rows in found.items() if rows} == {
        "notice_deadline": [0],
        "expiry": [0],
        "last_delivery": [0, 2],  # the framework's ceiling is not committed
    }
