"""P1: a policy change is published that hits a quarter of a million contracts; flags and events are written."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerts.models import Flag, FlagEvent
from alerts.policy import ConfirmationNeeded, publish
from alerts.portfolio import stored_policies
from alerts.runs import screen_pending
from alerts.screening import PolicySet, compile_policies
from contracts.models import Contract
from people.models import User
from policies.models import PolicyChange
from tests.benchmarks import limits, world
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import PUBLISHER
from tests.benchmarks.world import Size

AT = world.NOW.at + timedelta(minutes=1)
PART = 10
"""The naive way is timed on every tenth contract."""
EXPECTED = 0.23
"""Flags of the draft per contract."""


def measure(size: Size, first: bool) -> Measured:
    """Publishing beside the limit; in the first round beside the naive way, too."""
    owners = owners_to_confirm()
    warm_up()
    limits.scan()
    before = limits.last_ids(FlagEvent, Flag)
    took, opened = seconds(lambda: publish_the_draft(owners))
    if not 0.7 * EXPECTED < opened / size.contracts < 1.3 * EXPECTED:
        raise RuntimeError(f"the draft opened {opened} flags on {size.contracts} contracts: something is wrong")
    limit = limits.scan() + limits.insert_again(
        before, {Flag: "contract_id, measure_id, kind", FlagEvent: "flag_id, id"}
    )
    operation = f"publish: {opened:,} flags opened, events written"
    versus = "sequential scan + sorted insert of the same rows"
    findings = [Finding("P1", operation, took, versus, limit, at_most=2.5)]
    if first:
        versus = "ORM loop, from a tenth"
        findings.append(Finding("P1", operation, took, versus, PART * naive(before), at_least=60))
    return Measured(findings)


def owners_to_confirm() -> int:
    """The number of owners that has to be confirmed, as a publisher learns it."""
    try:
        publish(_draft(), by=_publisher(), at=AT, confirm_owners=-1)
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
    publish(_draft(), by=_publisher(), at=AT, confirm_owners=owners)
    run = screen_pending(at=AT)
    if run is None or run.updated or run.closed:
        raise RuntimeError("the publication was not screened, or changed other flags")
    return run.opened


def naive(before: dict[Any, int]) -> float:
    """Seconds for a tenth of the contracts, each read, screened and saved alone, as a first version would do it.

    It has to find the flags that were found before; those are taken away first.
    """
    draft = replace(world.draft(), status="published")
    policy_set = compile_policies(replace(stored_policies(), measures=[draft]), world.NOW)
    ids = list(Contract.objects.order_by("id").values_list("id", flat=True)[::PART])
    found = {
        (flag.contract.reference, flag.kind): (flag, event)
        for event in FlagEvent.objects.filter(id__gt=before[FlagEvent]).select_related("flag__contract").order_by("id")
        if (flag := event.flag).contract_id % PART == ids[0] % PART
    }
    limits.take_away(before)
    took, written = seconds(lambda: sum(_save_alone(pk, policy_set, found) for pk in ids))
    if written != len(found):
        raise RuntimeError(f"screened one by one {written} flags open, not {len(found)}")
    return took


def _save_alone(pk: int, policy_set: PolicySet, found: dict[tuple[str, str], tuple[Flag, FlagEvent]]) -> int:
    verdicts = policy_set.screen(Contract.objects.filter(pk=pk).facts())
    for verdict in verdicts:
        flag, event = found[verdict.contract, verdict.kind]
        flag.pk = event.pk = None
        flag.save(force_insert=True)
        event.flag = flag
        event.save(force_insert=True)
    return len(verdicts)


def _draft() -> PolicyChange:
    return PolicyChange.objects.get(reference=world.draft().change)


def _publisher() -> User:
    return User.objects.get(email=PUBLISHER)
