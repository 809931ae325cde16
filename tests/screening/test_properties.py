"""What must hold of every world, whatever the rules say in detail."""

from dataclasses import replace
from random import Random

from hypothesis import given, note, settings

from alerts.screening import Clearances, Policies, Verdict, compile_policies, would_clear_if
from policies.facts import CommodityEntry, MeasureFacts, Scope
from suppliers.facts import OrganizationFacts, Stake
from tests.screening.filling import filled, unknowns
from tests.screening.worlds import World, legal_owners, randoms, worlds

Key = tuple[str, str, str]


def fewer(divisor: int) -> settings:
    """The profile's number of examples divided, for what takes long."""
    return settings(max_examples=settings.default.max_examples // divisor)


def screened(world: World) -> list[Verdict]:
    return compile_policies(world.policies, world.calendar).screen(world.contracts)


def keys(verdicts: list[Verdict]) -> set[Key]:
    return {verdict.key for verdict in verdicts}


@fewer(2)
@given(worlds(), randoms)
def test_learning_a_fact_never_turns_nothing_into_a_flag(world: World, random: Random):
    before = keys(screened(world))
    facts = [fact for fact in unknowns(world) if fact.values]
    random.shuffle(facts)
    for fact in facts[:4]:
        value = random.choice(fact.values)
        note(f"{fact.contract} {fact.path} = {value!r}")
        assert keys(screened(filled(world, fact.contract, fact.path, value))) <= before


@fewer(2)
@given(worlds(), randoms)
def test_learning_of_another_owner_never_turns_nothing_into_a_flag(world: World, random: Random):
    """Where `owners_complete` is not true; for the affiliates of parties undisclosed owners change nothing by law."""
    measures = [replace(measure, scope=replace(measure.scope, parties=None)) for measure in world.policies.measures]
    organizations = dict(world.policies.organizations)
    open_ones = [one for one in organizations.values() if not one.owners_complete and one.kind in ("company", None)]
    world = replace(world, policies=replace_policies(world.policies, measures=measures))
    before = keys(screened(world))
    for organization in open_ones:
        stake = Stake(random.choice(list(organizations)), controls=random.choice((None, True, False)))
        if not legal_owners([*organization.owners, stake]):
            continue
        more = {**organizations, organization.reference: with_owner(organization, stake)}
        assert keys(screened(replace(world, policies=replace_policies(world.policies, organizations=more)))) <= before


def with_owner(organization: OrganizationFacts, stake: Stake) -> OrganizationFacts:
    return replace(organization, owners=(*organization.owners, stake))


def replace_policies(policies: Policies, **changes: object) -> Policies:
    fields = ("measures", "organizations", "lists", "licences")
    return Policies(**{field: changes.get(field, getattr(policies, field)) for field in fields})


@fewer(2)
@given(worlds(), randoms)
def test_the_order_of_what_is_given_makes_no_difference(world: World, random: Random):
    def shuffled(values):
        values = list(values)
        random.shuffle(values)
        return tuple(values)

    def entries(values: tuple[CommodityEntry, ...]) -> tuple[CommodityEntry, ...]:
        return shuffled(
            replace(
                entry,
                hs=shuffled(entry.hs),
                control_codes=shuffled(entry.control_codes),
                elements=shuffled(entry.elements),
                tariff=tuple((country, shuffled(codes)) for country, codes in entry.tariff),
            )
            for entry in values
        )

    def scope(one: Scope) -> Scope:
        parties = one.parties and replace(
            one.parties,
            roles=shuffled(one.parties.roles),
            lists=shuffled(one.parties.lists),
            named=shuffled(one.parties.named),
        )
        return replace(
            one,
            commodities=entries(one.commodities),
            except_commodities=entries(one.except_commodities),
            origin_countries=shuffled(one.origin_countries),
            buyer_countries=shuffled(one.buyer_countries),
            contracts=shuffled(one.contracts),
            parties=parties,
        )

    def line(one):
        return replace(
            one,
            control_codes=one.control_codes and shuffled(one.control_codes),
            elements=one.elements and shuffled(one.elements),
            content=one.content and shuffled(one.content),
        )

    old = world.policies
    policies = Policies(
        measures=shuffled(
            replace(one, timeline=shuffled(one.timeline), scope=scope(one.scope)) for one in old.measures
        ),
        organizations=dict(
            shuffled(
                (reference, replace(one, owners=shuffled(one.owners))) for reference, one in old.organizations.items()
            )
        ),
        lists=dict(
            shuffled((reference, replace(one, entries=shuffled(one.entries))) for reference, one in old.lists.items())
        ),
        licences=shuffled(
            replace(one, commodities=entries(one.commodities), measures=shuffled(one.measures)) for one in old.licences
        ),
    )
    contracts = shuffled(
        replace(one, amendments=shuffled(one.amendments), lines=shuffled(line(each) for each in one.lines))
        for one in world.contracts
    )
    assert screened(World(policies, contracts, world.calendar)) == screened(world)


@fewer(2)
@given(worlds())
def test_withdrawing_a_change_removes_exactly_its_flags(world: World):
    before = screened(world)

    def status(measure: MeasureFacts, change: str):
        return "withdrawn" if measure.change == change else measure.status

    for change in {measure.change for measure in world.policies.measures}:
        measures = [replace(measure, status=status(measure, change)) for measure in world.policies.measures]
        after = screened(replace(world, policies=replace_policies(world.policies, measures=measures)))
        assert after == [verdict for verdict in before if not verdict.measure.startswith(change + "/")]


@fewer(2)
@given(worlds())
def test_a_contract_alone_has_the_flags_it_has_among_all(world: World):
    policy_set = compile_policies(world.policies, world.calendar)
    together = policy_set.screen(world.contracts)
    for contract in world.contracts:
        assert policy_set.screen([contract]) == [one for one in together if one.contract == contract.reference]


@fewer(2)
@given(worlds())
def test_a_measure_alone_raises_the_flags_it_raises_among_all(world: World):
    together = screened(world)
    for measure in world.policies.measures:
        alone = screened(replace(world, policies=replace_policies(world.policies, measures=[measure])))
        assert alone == [verdict for verdict in together if verdict.measure == measure.name]


def alone_with(world: World, verdict: Verdict) -> World:
    """The world reduced to the verdict's contract and measure."""
    return World(
        replace_policies(
            world.policies, measures=[one for one in world.policies.measures if one.name == verdict.measure]
        ),
        tuple(one for one in world.contracts if one.reference == verdict.contract),
        world.calendar,
    )


@fewer(10)
@given(worlds(), randoms)
def test_every_value_that_would_clear_a_flag_clears_it(world: World, random: Random):
    verdicts = screened(world)
    random.shuffle(verdicts)
    for verdict in verdicts[:3]:
        small = alone_with(world, verdict)
        for clearing in would_clear_if(verdict, small.contracts[0], world.policies, world.calendar):
            assert clearing.values
            for value in clearing.values:
                note(f"{verdict.key}: {clearing.field} = {value!r}")
                assert verdict.key not in keys(screened(filled(small, verdict.contract, clearing.field, value)))


@fewer(5)
@given(worlds())
def test_what_would_clear_many_flags_is_what_would_clear_each(world: World):
    policy_set = compile_policies(world.policies, world.calendar)
    contracts = {contract.reference: contract for contract in world.contracts}
    flags = [(verdict, contracts[verdict.contract]) for verdict in policy_set.screen(world.contracts)]
    together = list(Clearances(world.policies, policy_set).of_all(flags))
    assert together == [would_clear_if(*flag, world.policies, world.calendar) for flag in flags]


@fewer(15)
@given(worlds(), randoms)
def test_every_single_fact_that_clears_a_flag_is_named(world: World, random: Random):
    verdicts = screened(world)
    random.shuffle(verdicts)
    for verdict in verdicts[:2]:
        small = alone_with(world, verdict)
        named = {one.field for one in would_clear_if(verdict, small.contracts[0], world.policies, world.calendar)}
        facts = [fact for fact in unknowns(small) if fact.path not in named]
        random.shuffle(facts)
        for fact in facts[:5]:
            for value in fact.values:
                note(f"{verdict.key}: {fact.path} = {value!r}")
                assert verdict.key in keys(screened(filled(small, fact.contract, fact.path, value)))
