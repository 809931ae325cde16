"""However the world came to be what it is, its flags are those that screening everything from nothing would raise."""

import os
from datetime import date, datetime, timedelta
from random import Random

import pytest
from pytest_django import Settings

from alerts import runs
from alerts.difference import Content, only_today_moved
from alerts.models import Flag
from alerts.portfolio import PinnedPolicies
from contracts.models import Contract
from policies.models import Licence, Measure, PartyListEntry, PolicyChange
from suppliers.models import Organization, Ownership
from tests.alerts import stored_worlds as put
from tests.screening.worlds import Draw, World

STEPS = 14
SEEDS = int(os.environ.get("WORLDS", "8"))


def flags_differ_from_nothing(at: datetime) -> list[str]:
    """The flags that are open and should not be, or should be and are not, or say something else."""
    pinned = PinnedPolicies.at(at)
    assert pinned.left_out == ()
    desired = {one.key: one for one in pinned.policy_set.screen(Contract.objects.facts())}
    differing: list[str] = []
    for flag in Flag.objects.open().select_related("contract", "measure__change"):
        measure = f"{flag.measure.change.reference}/{flag.measure.key}"
        has = flag.verdict(flag.contract.reference, measure)
        should = desired.pop(has.key, None)
        if should is None:
            differing.append(f"{has.key} should be closed")
        elif has != should and not only_today_moved(Content.of(has), Content.of(should), pinned.today[measure]):
            differing.append(f"{has} should be {should}")
    return [*differing, *(f"{key} should be open" for key in desired)]


def change_something(random: Random, other: World) -> str:
    """One change of a stored world, mostly towards another one."""
    policies = other.policies
    what = random.choice(
        ["contract"] * 3
        + ["organization"] * 4
        + ["list"] * 2
        + ["licence"] * 2
        + ["change"] * 2
        + ["stake gone", "entry gone", "licence gone", "contract gone", "change gone", "withdrawn", "published"]
        + ["retired", "country"]
    )
    if what == "contract":
        put.put_contract(random.choice(other.contracts))
    elif what == "organization":
        put.put_organization(random.choice(list(policies.organizations.values())))
    elif what == "list":
        put.put_list(random.choice(list(policies.lists.values())))
    elif what == "licence" and policies.licences:
        put.put_licence(random.choice(policies.licences))
    elif what == "change":
        change = random.choice(policies.measures).change
        put.put_change([measure for measure in policies.measures if measure.change == change])
    elif what == "country":
        Organization.objects.filter(pk=some(random, Organization)).update(country=random.choice(["CN", "JP", None]))
    elif what == "stake gone":
        Ownership.objects.filter(pk=some(random, Ownership)).delete()
    elif what == "entry gone":
        PartyListEntry.objects.filter(pk=some(random, PartyListEntry)).delete()
    elif what == "licence gone":
        Licence.objects.filter(pk=some(random, Licence)).delete()
    elif what == "contract gone":
        gone = some(random, Contract)
        Contract.objects.get(pk=gone).lines.all().delete() if gone else None
        Contract.objects.get(pk=gone).amendments.all().delete() if gone else None
        Contract.objects.filter(pk=gone)._raw_delete("default")  # type: ignore[attr-defined]
    elif what == "change gone":
        change = some(random, PolicyChange)
        if not Flag.objects.filter(measure__change=change).exists():
            PolicyChange.objects.filter(pk=change).delete()
    elif what == "retired":
        Measure.objects.filter(pk=some(random, Measure)).update(retired_at="2026-01-01T00:00Z")
    elif what in ("withdrawn", "published"):
        PolicyChange.objects.filter(pk=some(random, PolicyChange)).update(status=what)
    return what


def some(random: Random, model: type) -> int | None:
    ids = list(model.objects.order_by("pk").values_list("pk", flat=True))
    return random.choice(ids) if ids else None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_flags_equal_a_screening_from_nothing(db: None, settings: Settings, seed: int) -> None:
    random = Random(seed)
    worlds = [Draw(random).world() for _ in range(4)]
    base, at = worlds[0], worlds[0].calendar.at
    settings.TIME_ZONE = base.calendar.timezone
    settings.RENEWAL_HORIZON_DAYS = base.calendar.renewal_horizon_days
    put.put_world(base)
    runs.sweep(at=at)
    told = ["stored"]
    assert flags_differ_from_nothing(at) == [], told
    for _ in range(STEPS):
        if random.random() < 0.3:
            at += timedelta(seconds=random.choice([60, 3600, 6 * 3600, 86400, 3 * 86400]))
            told.append(f"{at}")
            runs.sweep(at=at)
        else:
            told += [change_something(random, random.choice(worlds)) for _ in range(random.choice([1, 1, 1, 3]))]
            runs.screen_pending(at=at)
        assert flags_differ_from_nothing(at) == [], told


def test_the_comparison_notices(db: None, settings: Settings) -> None:
    world = next(w for seed in range(100) if any((w := Draw(Random(seed)).world()).contracts))
    put.put_world(world)
    runs.sweep(at=world.calendar.at)
    before = flags_differ_from_nothing(world.calendar.at)
    flag = Flag.objects.open().first()
    if flag is not None:
        Flag.objects.filter(pk=flag.pk).update(act_by=date(2020, 1, 1), basis="announced", certainty="needs_review")
        assert len(flags_differ_from_nothing(world.calendar.at)) == len(before) + 1
