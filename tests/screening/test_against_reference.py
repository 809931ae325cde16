"""The core and the slow reference say the same of every small world."""

from hypothesis import given

from alerts.screening import compile_policies
from tests.screening import reference
from tests.screening.worlds import World, worlds


@given(worlds())
def test_the_core_raises_exactly_the_flags_of_the_reference(world: World):
    verdicts = compile_policies(world.policies, world.calendar).screen(world.contracts)
    assert [reference.as_flag(verdict) for verdict in verdicts] == reference.screen(
        world.policies, world.contracts, world.calendar
    )
