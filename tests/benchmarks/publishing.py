"""P1: a policy change is published that hits a quarter of a million contracts; flags and events are written."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db.models import F

from alerts.models import Flag, FlagEvent
from alerts.pinning import pinning
from alerts.policy import ConfirmationNeeded, publish
from alerts.resident import resident
from alerts.runs import screen_pending
from contracts.models import Contract, Line
from contracts.stage import NOT_CONCLUDED, is_open, renewal_ahead, stage
from people.models import User
from policies.models import PolicyChange
from tests.benchmarks import limits, world
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import PUBLISHER
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=1)
PART = 10
"""The naive way is timed on every tenth contract."""
OVER = ("completed", "cancelled", "terminated")
EXPECTED = 0.225
"""Flags of the draft per contract."""


def measure(size: Size, first: bool) -> Measured:
    """Publishing beside the limit; in the first round beside the naive way, too, and in a process that holds none."""
    owners = owners_to_confirm()
    warm_up()
    limits.scan()
    before = limits.last_ids(FlagEvent, Flag)
    took, opened = seconds(lambda: publish_the_draft(owners))
    if not opened or not (size.trial or 0.7 * EXPECTED < opened / size.contracts < 1.3 * EXPECTED):
        raise RuntimeError(f"the draft opened {opened} flags on {size.contracts} contracts: something is wrong")
    limit = limits.scan() + limits.insert_again(
        before, {Flag: "contract_id, measure_id, kind", FlagEvent: "flag_id, id"}
    )
    operation = f"publish: {opened:,} flags opened, events written, in a process that holds the contracts"
    versus = "sequential scan + sorted insert of the same rows"
    findings = [Finding("P1", operation, took, versus, limit, at_most=2.5)]
    if first:
        versus = "ORM loop, from a tenth"
        findings.append(Finding("P1", operation, took, versus, PART * naive(before), at_least=60))
        limits.take_away(before)
        versus, operation = findings[0].versus, "publish: the same, first in a new process"
        findings.append(Finding("P1", operation, publish_anew(owners), versus, limit, at_most=2.5))
    return Measured(findings)


def owners_to_confirm() -> int:
    """The number of owners that has to be confirmed, as a publisher learns it."""
    try:
        publish(draft(), by=publisher(), at=AT, confirm_owners=-1)
    except ConfirmationNeeded as needed:
        return needed.owners
    raise RuntimeError("the draft was published without confirmation: it hits too few owners")


def warm_up() -> None:
    """A worker has been at work before: it screens one contract that was saved."""
    contract = Contract.objects.order_by("id")[0]
    Contract.objects.filter(pk=contract.pk).update(title=f"{contract.title} ")
    if screen_pending(at=AT) is None:
        raise RuntimeError("a contract was saved and nothing was screened")


def publish_the_draft(owners: int) -> int:
    """Publish it and screen what that changes; how many flags opened."""
    publish(draft(), by=publisher(), at=AT, confirm_owners=owners)
    run = screen_pending(at=AT)
    if run is None or run.updated or run.closed:
        raise RuntimeError("the publication was not screened, or changed other flags")
    return run.opened


def publish_anew(owners: int) -> float:
    """Seconds to publish the draft once more, by a process that has forgotten all it held."""
    PolicyChange.objects.filter(pk=draft().pk).update(status=PolicyChange.Status.DRAFT)
    screen_pending(at=AT)
    resident.forget()
    pinning.forget()
    return seconds(lambda: publish_the_draft(owners))[0]


def naive(before: dict[Any, int]) -> float:
    """Seconds for a tenth of the contracts, each looked at and its flags saved one by one, as a first version would.

    It has to open the flags that were opened before; those are taken away first.
    """
    found: defaultdict[tuple[int, str], list[FlagEvent]] = defaultdict(list)
    for event in FlagEvent.objects.filter(id__gt=before[FlagEvent]).select_related("flag").iterator():
        if event.flag.contract_id % PART == 0:
            found[event.flag.contract_id, event.flag.kind].append(event)
    limits.take_away(before)
    contracts = Contract.objects.annotate(part=F("id") % PART).filter(part=0).prefetch_related("lines").order_by("id")
    took, written = seconds(lambda: [*chain(*(_save_alone(one, found) for one in contracts.iterator(chunk_size=2000)))])
    if sorted(written) != sorted(found):
        raise RuntimeError(f"one by one {len(written)} flags open, not the same {len(found)}")
    return took


def _save_alone(contract: Contract, found: Mapping[tuple[int, str], list[FlagEvent]]) -> Iterator[tuple[int, str]]:
    for kind in sorted(_kinds(contract)):
        for event in found.get((contract.pk, kind), ()):
            flag = event.flag
            flag.pk = event.pk = None
            flag.save(force_insert=True)
            event.flag = flag
            event.save(force_insert=True)
        yield contract.pk, kind


def _kinds(contract: Any) -> set[str]:
    """The kinds of flags that the draft opens on a contract: a ban, in force since yesterday and without end."""
    lines = [line for line in contract.lines.all() if _may_hit(line)]
    stands, framework = stage(contract, world.NOW), contract.kind == "framework"
    if not lines or stands in OVER:
        return set()
    if stands in NOT_CONCLUDED:
        return {"no_new_contracts"}
    kinds = set()
    if any(is_open(line, framework=framework) is not False and _ships(line, contract) for line in lines):
        kinds.add("possible_termination")
    if renewal_ahead(contract, world.NOW) is not False or (framework and stands in ("concluded", "active")):
        kinds.add("no_new_contracts")
    return kinds


def _may_hit(line: Line) -> bool:
    code, origin = line.hs_code, line.origin_country
    return (code is None or code[:2] in world.DRAFT_CHAPTERS) and (origin is None or origin in world.DRAFT_ORIGINS)


def _ships(line: Line, contract: Contract) -> bool:
    """Whether a day is left on which it may still be delivered."""
    return not (contract.terminated_on and line.ship_from and line.ship_from >= contract.terminated_on)


def draft() -> PolicyChange:
    return PolicyChange.objects.get(reference=world.draft().change)


def publisher() -> User:
    return User.objects.get(email=PUBLISHER)
