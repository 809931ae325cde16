"""Which contracts a change leads to, and that screening only those gives the flags of screening everything."""

from datetime import date
from decimal import Decimal

import pytest

from alerts import runs
from alerts.affected import affected_contracts
from alerts.changelog import unscreened
from alerts.models import Flag
from alerts.verification import verify
from contracts.models import Contract
from policies.models import Licence, PartyList, PartyListEntry, PolicyChange
from suppliers.models import Organization, Ownership
from tests.alerts.conftest import AT, World

EVERYTHING = "everything"


@pytest.fixture
def chain(world: World) -> World:
    return chained(world)


@pytest.fixture
def live_chain(live_world: World) -> World:
    """Of transactions that end: history tells what a snapshot saw of others, never of its own."""
    return chained(live_world)


def chained(world: World) -> World:
    """TOP holds MIDDLE, which holds LOW; each has a contract, and so has one that nobody holds."""
    held = None
    for reference in ("TOP", "MIDDLE", "LOW"):
        company = Organization.objects.create(reference=reference, country="CN", kind="company", owners_complete=True)
        if held is not None:  # a stake long over counts: nobody has to find the day on which it matters
            Ownership.objects.create(organization=company, owner=held, percent=60, until_on=date(2020, 1, 1))
        world.contract(f"C-{reference}", supplier=company)
        held = company
    world.contract("C-OTHER", supplier=world.private)
    listed = PartyList.objects.create(reference="LIST", timezone="Asia/Tokyo")
    PartyListEntry.objects.create(party_list=listed, organization=Organization.objects.get(reference="MIDDLE"))
    world.change(measure={"effect": "ban", "scope": {"parties": {"lists": ["LIST"], "roles": ["supplier"]}}})
    Licence.objects.create(reference="L-1", exporter=world.private, measures=["CN-REPORT"])
    runs.sweep(at=AT)
    return world


def led_to() -> set[str] | str:
    """The contracts to be screened for what has changed since the last run."""
    affected = affected_contracts(unscreened().entries)
    if affected.contracts is None:
        return EVERYTHING
    return set(Contract.objects.filter(id__in=affected.contracts).values_list("reference", flat=True))


def test_a_contract_leads_to_itself(chain: World) -> None:
    Contract.objects.filter(reference="C-TOP").update(title="renamed")
    assert led_to() == {"C-TOP"}


def test_an_organization_leads_to_the_contracts_of_all_it_holds(chain: World) -> None:
    Organization.objects.filter(reference="MIDDLE").update(country="JP")
    assert led_to() == {"C-MIDDLE", "C-LOW"}


def test_an_owner_that_is_gone_leads_through_all_tiers_below(chain: World) -> None:
    Ownership.objects.filter(organization__reference="MIDDLE").delete()
    assert led_to() == {"C-MIDDLE", "C-LOW"}


def test_an_organization_leads_to_contracts_in_which_it_buys_or_uses(chain: World) -> None:
    user = Organization.objects.create(reference="USER")
    chain.contract("C-USER", end_user=user)
    chain.contract("C-BUYER", buyer=user)
    runs.sweep(at=AT)
    Organization.objects.filter(reference="USER").update(country="US")
    assert led_to() == {"C-USER", "C-BUYER"}


def test_a_circle_of_owners_ends(chain: World) -> None:
    top, low = Organization.objects.get(reference="TOP"), Organization.objects.get(reference="LOW")
    Ownership.objects.create(organization=top, owner=low, percent=Decimal(5))
    assert led_to() == {"C-TOP", "C-MIDDLE", "C-LOW"}


def test_an_entry_leads_to_the_contracts_of_those_listed_before_and_after(chain: World) -> None:
    PartyListEntry.objects.update(organization=Organization.objects.get(reference="LOW"))
    assert led_to() == {"C-MIDDLE", "C-LOW"}
    runs.sweep(at=AT)
    PartyListEntry.objects.all().delete()
    assert led_to() == {"C-MIDDLE", "C-LOW"}


def test_a_list_that_no_measure_names_leads_nowhere(chain: World) -> None:
    other = PartyList.objects.create(reference="OTHER", timezone="Asia/Tokyo")
    PartyListEntry.objects.create(party_list=other, organization=chain.private)
    assert led_to() == set()


def test_a_licence_leads_to_its_exporters_contracts_before_and_after(chain: World) -> None:
    Licence.objects.update(exporter=Organization.objects.get(reference="TOP"))
    assert led_to() == {"C-OTHER", "C-TOP"}
    runs.sweep(at=AT)
    Licence.objects.all().delete()
    assert led_to() == {"C-OTHER", "C-TOP"}


def test_a_policy_in_effect_leads_everywhere_a_draft_nowhere(chain: World) -> None:
    draft = chain.change("DRAFT", status="draft")
    assert led_to() == set()
    PolicyChange.objects.filter(pk=draft.pk).update(status="published", timezone="Asia/Seoul")
    assert led_to() == EVERYTHING  # in a zone of its own every contract has new turns


def test_a_policy_in_effect_leads_everywhere_with_its_own_measures_alone(live_chain: World) -> None:
    draft = live_chain.change("DRAFT", status="draft")
    PolicyChange.objects.filter(pk=draft.pk).update(status="published")
    Contract.objects.filter(reference="C-TOP").update(title="renamed")
    assert led_to() == {"C-TOP"}
    assert affected_contracts(unscreened().entries).changes == {draft.pk}
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert (run.everything, run.changes, run.contracts) == (False, [draft.pk], Contract.objects.count())
    assert run.scope == [Contract.objects.get(reference="C-TOP").pk]
    assert verify(run).equal


def test_a_withdrawn_policy_leads_to_the_contracts_with_its_flags(chain: World) -> None:
    flagged = set(Flag.objects.open().values_list("contract__reference", flat=True))
    assert flagged == {"C-MIDDLE"}
    PolicyChange.objects.update(status="withdrawn")
    assert led_to() == flagged


def test_a_policy_that_is_gone_leads_everywhere(chain: World) -> None:
    draft = chain.change("DRAFT", status="draft")
    runs.sweep(at=AT)
    draft.delete()
    assert led_to() == EVERYTHING


def test_a_run_keeps_its_scope(chain: World) -> None:
    Organization.objects.filter(reference="MIDDLE").update(country="JP")
    run = runs.screen_pending(at=AT)
    assert run is not None
    assert run.scope is not None
    assert set(Contract.objects.filter(id__in=run.scope).values_list("reference", flat=True)) == {"C-MIDDLE", "C-LOW"}
    assert (run.everything, run.contracts) == (False, 2)
