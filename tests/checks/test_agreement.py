"""A check says what the flags say: one core decides both."""

from collections import defaultdict
from dataclasses import replace

from hypothesis import given

from alerts.checks.decisions import Asked, decide
from alerts.screening import PURPOSES, Purpose, Verdict, compile_policies
from contracts.facts import ContractFacts
from contracts.stage import LIVE, NOT_CONCLUDED, Calendar, renewal_ahead, stage
from tests.screening.worlds import World, worlds


def step(contract: ContractFacts, now: Calendar) -> Purpose | None:
    """The step whose columns of the effect table are those in which the contract stands by itself."""
    at_stage = stage(contract, now)
    if at_stage in NOT_CONCLUDED:
        return "new_contract"
    if at_stage not in LIVE:
        return None
    ahead = renewal_ahead(contract, now)
    return "renewal" if ahead else None if ahead is None else "amendment"


@given(worlds())
def test_a_check_of_a_contract_finds_its_flags(world: World) -> None:
    policy_set = compile_policies(world.policies, world.calendar)
    flags: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in policy_set.screen(world.contracts):
        flags[verdict.contract].append(verdict)
    for contract in world.contracts:
        purpose = step(contract, world.calendar)
        if purpose is not None and (purpose, contract.renewal) != ("renewal", "none"):
            assert policy_set.asked(purpose).screen([contract]) == flags[contract.reference]


@given(worlds())
def test_where_a_flag_is_a_check_is_never_clear(world: World) -> None:
    """Also of a contract whose renewal is not established, which is asked about as if it were renewed."""
    policy_set = compile_policies(world.policies, world.calendar)
    for verdict in policy_set.screen(world.contracts):
        (contract,) = (one for one in world.contracts if one.reference == verdict.contract)
        purpose = step(contract, world.calendar) or "renewal"
        assert policy_set.asked(purpose).screen([contract])


@given(worlds())
def test_a_line_is_decided_as_if_it_were_alone(world: World) -> None:
    policy_set = compile_policies(world.policies, world.calendar)
    asked = [Asked(contract, purpose) for contract in world.contracts for purpose in PURPOSES]
    for one, decided in zip(asked, decide(policy_set, asked), strict=True):
        assert list(decided.lines) == [line.number for line in one.facts.lines]
        for line in one.facts.lines:
            (alone,) = decide(policy_set, [Asked(replace(one.facts, lines=(line,)), one.purpose)])
            assert decided.lines[line.number] == alone.decision
