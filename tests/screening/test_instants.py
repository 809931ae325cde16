"""Nothing changes between one turn of time and the next, in any world, and the turns come where the calendar says."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note

from alerts.screening import Policies, Verdict, compile_policies
from alerts.screening.instants import Turns
from contracts.columns import Contracts
from contracts.facts import ContractFacts
from contracts.instants import moment
from contracts.stage import Calendar
from policies.facts import Affiliates, Grandfathering, LicenceFacts, ListEntry, Parties, PartyListFacts, Period, Scope
from suppliers.facts import OrganizationFacts, Stake
from tests.screening.small import CONTRACT, MEASURE, SELLER, line, period
from tests.screening.worlds import World, randoms, worlds

SECOND = timedelta(seconds=1)


def of_contract(turns: Turns, contract: ContractFacts) -> datetime | None:
    (turn,) = turns.of_contracts(Contracts.of([contract])).tolist()
    return moment(turn)


def unchanged(before: list[Verdict], after: list[Verdict], world: World, at: datetime) -> bool:
    """The same flags, a day to act by that follows today apart."""
    if [replace(one, act_by=date.min) for one in before] != [replace(one, act_by=date.min) for one in after]:
        return False
    zones = {measure.name: measure.timezone for measure in world.policies.measures}
    for old, new in zip(before, after, strict=True):
        days = (at.astimezone(ZoneInfo(zone)).date() for zone in (zones[new.measure], world.calendar.timezone))
        if old.act_by != new.act_by and max(old.act_by, new.act_by) > max(days):
            return False
    return True


@given(worlds(), randoms)
def test_nothing_changes_before_the_next_turn(world: World, random: Random):
    turns = Turns(world.policies, world.calendar)
    policies = compile_policies(world.policies, world.calendar)
    end = turns.of_policies()
    for contract in world.contracts:
        ahead = [turn for turn in (end, of_contract(turns, contract)) if turn is not None]
        assert all(turn > world.calendar.at for turn in ahead)
        last = min(ahead, default=world.calendar.at.astimezone(UTC) + timedelta(days=4000)) - timedelta(microseconds=1)
        before = policies.screen([contract])
        now = world.calendar.at.astimezone(UTC)  # where an hour later is an hour later, whatever the clocks do
        span = (last - now).total_seconds()
        for at in {last, now + timedelta(seconds=random.randrange(int(span) + 1))}:
            note(f"{contract.reference} at {at}")
            then = compile_policies(world.policies, replace(world.calendar, at=at)).screen([contract])
            assert unchanged(before, then, world, at)


@given(worlds())
def test_walking_from_turn_to_turn_comes_to_an_end(world: World):
    """A clock that stood still for years needs no more steps than there are dates."""
    at = world.calendar.at
    for _ in range(500):
        turns = Turns(world.policies, replace(world.calendar, at=at))
        together = turns.of_contracts(Contracts.of(world.contracts)).tolist()
        assert list(map(moment, together)) == [of_contract(turns, contract) for contract in world.contracts]
        ahead = [turns.of_policies(), *map(moment, together)]
        step = min((turn for turn in ahead if turn is not None), default=None)
        if step is None:
            return
        assert step > at
        at = step
    raise AssertionError("time does not end")


def at(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def next_turns(
    now: datetime,
    contract: ContractFacts = CONTRACT,
    *,
    zone: str = "Asia/Tokyo",
    organizations: tuple[OrganizationFacts, ...] = (SELLER,),
    lists: tuple[PartyListFacts, ...] = (),
    licences: tuple[LicenceFacts, ...] = (),
    horizon: int = 180,
    **measure: object,
) -> tuple[datetime | None, datetime | None]:
    policies = Policies(
        measures=[replace(MEASURE, **measure)],
        organizations={one.reference: one for one in organizations},
        lists={one.reference: one for one in lists},
        licences=licences,
    )
    turns = Turns(policies, Calendar(now, zone, horizon))
    return turns.of_policies(), of_contract(turns, contract)


NOW = datetime(2026, 3, 1, tzinfo=UTC)
BRUSSELS, NEW_YORK, SHANGHAI, TOKYO = "Europe/Brussels", "America/New_York", "Asia/Shanghai", "Asia/Tokyo"
PARTIES = Scope(parties=Parties(("supplier",), lists=("L",)))


@pytest.mark.parametrize(
    ("facts", "turn"),
    [
        # announced in the authority's zone
        ({"announced_on": date(2026, 3, 5)}, at("2026-03-05", SHANGHAI)),
        # in force from the day after the clocks went forward in Brussels: 22:00 UTC, no longer 23:00
        (
            {"timeline": (period("in_force", "2026-03-30"),), "timezone": BRUSSELS},
            datetime(2026, 3, 29, 22, tzinfo=UTC),
        ),
        # and on the very day, which is an hour short: it still begins at 23:00 UTC
        (
            {"timeline": (period("in_force", "2026-03-29"),), "timezone": BRUSSELS},
            datetime(2026, 3, 28, 23, tzinfo=UTC),
        ),
        # a suspension that ends on the leap day
        (
            {"timeline": (period("in_force", "2026-01-01"), period("suspended", "2026-01-01", "2028-02-29"))},
            at("2028-03-01", SHANGHAI),
        ),
        # the end of a wind-down, in New York after its clocks went forward on 8 March
        (
            {
                "scope": Scope(exempt_concluded_before=Grandfathering(date(2026, 1, 1), date(2026, 3, 8), None)),
                "timezone": NEW_YORK,
            },
            datetime(2026, 3, 9, 4, tzinfo=UTC),
        ),
        # an entry of a list counts by the list's own zone
        (
            {"scope": PARTIES, "lists": (PartyListFacts("L", NEW_YORK, (ListEntry("SELLER", date(2026, 3, 4)),)),)},
            at("2026-03-04", NEW_YORK),
        ),
        # its last day ends with the day
        (
            {"scope": PARTIES, "lists": (PartyListFacts("L", TOKYO, (ListEntry("SELLER", None, date(2026, 3, 4)),)),)},
            at("2026-03-05", TOKYO),
        ),
        # a stake that begins, in the measure's zone
        (
            {
                "scope": Scope(supplier_controlled_by_state="CN"),
                "organizations": (replace(SELLER, owners=(Stake("SAC", from_on=date(2026, 4, 1)),)),),
            },
            at("2026-04-01", SHANGHAI),
        ),
        # nobody asks who owns whom
        ({"organizations": (replace(SELLER, owners=(Stake("SAC", from_on=date(2026, 4, 1)),)),)}, None),
        # a licence granted under the change becomes valid
        (
            {"licences": (LicenceFacts("X", "SELLER", measures=("P",), valid_from=date(2026, 4, 2)),)},
            at("2026-04-02", SHANGHAI),
        ),
        # one granted under another does not matter
        ({"licences": (LicenceFacts("X", "SELLER", measures=("Q",), valid_from=date(2026, 4, 2)),)}, None),
        # a draft turns nothing
        ({"status": "draft", "announced_on": date(2026, 3, 5)}, None),
        # the last day there is
        ({"timeline": (Period("in_force", date(2026, 1, 1), date.max),)}, None),
    ],
)
def test_turns_of_policies(facts: dict[str, object], turn: datetime | None):
    assert next_turns(NOW, **facts)[0] == turn


OPEN = replace(CONTRACT, expires_on=None)


@pytest.mark.parametrize(
    ("contract", "turn"),
    [
        (OPEN, None),
        (replace(OPEN, effective_on=date(2026, 3, 2)), at("2026-03-02", TOKYO)),
        (replace(OPEN, termination_notice_on=date(2026, 3, 3)), at("2026-03-03", TOKYO)),
        # the termination: in Tokyo for its stage, an hour before the measure's Shanghai
        (replace(OPEN, terminated_on=date(2026, 3, 4)), at("2026-03-04", TOKYO)),
        (replace(OPEN, terminated_on=date(2026, 3, 1)), None),
        (replace(OPEN, closed_as="completed", effective_on=date(2026, 3, 2)), None),
        # expired from the day after, also where that is a leap day
        (replace(OPEN, expires_on=date(2028, 2, 28), renewal="none"), at("2028-02-29", TOKYO)),
        # the renewal window: 180 days before the deadline of 30 days' notice, counted over a leap day
        (replace(OPEN, expires_on=date(2028, 8, 31), renewal="auto", notice_days=30), at("2028-02-03", TOKYO)),
        # inside the window: the deadline passes
        (replace(OPEN, expires_on=date(2026, 6, 30), renewal="auto", notice_days=30), at("2026-06-01", TOKYO)),
        # a shipment is overdue from the day after its last, first in Tokyo
        (replace(OPEN, lines=(line(ship_until=date(2026, 3, 10)),)), at("2026-03-11", TOKYO)),
        (replace(OPEN, concluded_on=None, concluded_at=NOW + SECOND), NOW + SECOND),
        (replace(OPEN, concluded_on=None, concluded_at=NOW), None),
        # a date of conclusion is a day in its own zone
        (
            replace(OPEN, concluded_on=date(2026, 3, 9), concluded_timezone=NEW_YORK),
            datetime(2026, 3, 9, 4, tzinfo=UTC),
        ),
        (replace(OPEN, expires_on=date.max, renewal="none"), None),
        # notice longer than the calendar reaches back
        (replace(OPEN, expires_on=date(2027, 1, 1), renewal="auto", notice_days=2_000_000), at("2027-01-02", TOKYO)),
    ],
)
def test_turns_of_a_contract(contract: ContractFacts, turn: datetime | None):
    assert next_turns(NOW, contract)[1] == turn


def test_a_delivery_turns_in_the_zone_of_every_measure():
    """Overdue in New York hours after Tokyo: both are turns."""
    contract = replace(OPEN, lines=(line(ship_until=date(2026, 3, 10)),))
    first = next_turns(NOW, contract, timezone=NEW_YORK)[1]
    assert first == at("2026-03-11", TOKYO)
    assert next_turns(first, contract, timezone=NEW_YORK)[1] == at("2026-03-11", NEW_YORK)


def test_affiliates_are_asked_about_owners_too():
    rule = Affiliates(Decimal(50), "gte", aggregate=True)
    scope = Scope(parties=Parties(("supplier",), named=("SAC",), affiliates=rule))
    owned = replace(SELLER, owners=(Stake("SAC", until_on=date(2026, 3, 31)),))
    assert next_turns(NOW, scope=scope, organizations=(owned,))[0] == at("2026-04-01", SHANGHAI)
