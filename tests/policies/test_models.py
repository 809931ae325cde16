"""What the database itself refuses of policies, and which measures count."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError

from people.models import ChangeEntry
from policies.facts import CommodityEntry, MeasureFacts, Period, Scope
from policies.models import Evidence, Licence, Measure, PartyList, PartyListEntry, PolicyChange
from suppliers.models import Organization

pytestmark = pytest.mark.django_db

SINCE_JANUARY = [{"status": "in_force", "from": "2026-01-06"}]


def announce(reference="CN-1", status="published", **facts):
    return PolicyChange.objects.create(reference=reference, timezone="Asia/Shanghai", status=status, **facts)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("policychange_formality_known", {"formality": "rumour"}),
        ("policychange_status_known", {"status": "secret"}),
        ("policychange_country_format", {"authority_country": "CHN"[:2].lower()}),
    ],
)
def test_the_database_refuses_a_change(constraint, facts):
    with pytest.raises(IntegrityError, match=constraint):
        announce(**facts)


@pytest.mark.parametrize(
    ("constraint", "facts"),
    [
        ("evidence_stance_known", {"stance": "doubts"}),
        ("evidence_reliability_known", {"reliability": "G"}),
        ("evidence_credibility_known", {"credibility": "0"}),
    ],
)
def test_the_database_refuses_evidence(constraint, facts):
    with pytest.raises(IntegrityError, match=constraint):
        Evidence.objects.create(change=announce(), **facts)


def test_a_key_names_one_measure_of_a_change():
    change = announce()
    Measure.objects.create(change=change, key="1", effect="ban", timeline=SINCE_JANUARY)
    with pytest.raises(IntegrityError, match="measure_key_once"):
        Measure.objects.create(change=change, key="1", effect="watch", timeline=SINCE_JANUARY)


def test_an_unknown_effect_is_refused():
    with pytest.raises(IntegrityError, match="measure_effect_known"):
        Measure.objects.create(change=announce(), key="1", effect="frown", timeline=SINCE_JANUARY)


def test_a_licence_does_not_end_before_it_begins():
    firm = Organization.objects.create(reference="A")
    with pytest.raises(IntegrityError, match="licence_validity_in_order"):
        Licence.objects.create(reference="L", exporter=firm, valid_from=date(2026, 1, 2), valid_until=date(2026, 1, 1))


def test_only_measures_of_published_changes_that_are_not_retired_count(django_assert_num_queries):
    published = announce("CN-1", announced_on=date(2026, 1, 6), formality="official")
    scope = {"commodities": [{"hs": ["280530"]}], "buyer_countries": []}
    Measure.objects.create(change=published, key="1", effect="ban", timeline=SINCE_JANUARY, scope=scope)
    Measure.objects.create(
        change=published, key="2", effect="ban", timeline=[], retired_at=datetime(2026, 1, 7, tzinfo=UTC)
    )
    for status in ("draft", "withdrawn", None):
        Measure.objects.create(change=announce(f"X-{status}", status), key="1", effect="ban", timeline=[])
    with django_assert_num_queries(1):
        facts = Measure.objects.published().facts()
    assert facts == [
        MeasureFacts(
            change="CN-1",
            key="1",
            effect="ban",
            timezone="Asia/Shanghai",
            timeline=(Period("in_force", date(2026, 1, 6)),),
            formality="official",
            status="published",
            announced_on=date(2026, 1, 6),
            scope=Scope(commodities=(CommodityEntry(hs=("280530",)),)),
        )
    ]


def test_parts_raise_the_version_of_their_change_and_list():
    change = announce()
    Measure.objects.create(change=change, key="1", effect="ban", timeline=SINCE_JANUARY)
    Evidence.objects.create(change=change)
    party_list = PartyList.objects.create(reference="US-1", timezone="America/New_York")
    PartyListEntry.objects.create(party_list=party_list, organization=Organization.objects.create(reference="A"))
    versions = ChangeEntry.objects.exclude(kind="organization").order_by("id").values_list("reference", "version")
    assert list(versions) == [("CN-1", 1), ("CN-1", 2), ("CN-1", 3), ("US-1", 1), ("US-1", 2)]
