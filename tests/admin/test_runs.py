"""The page of a run holds its manifest; contracts that cannot be screened are listed with what is wrong with them."""

import pytest
from django.urls import reverse

from alerts.models import ScreeningRun
from tests.poison import FAULT, poisoned
from tests.telling import OF_ADMIN

MAGNETS, SEMICON = "MAG-2024-NDPR-01", "SEM-2025-GA-01"
SET_ASIDE = "admin:alerts_setaside_changelist"


@pytest.fixture
def run(january):
    return poisoned(MAGNETS, SEMICON)


def page(client, run):
    return client.get(reverse("admin:alerts_screeningrun_change", args=[run.pk])).content.decode()


def test_the_page_of_a_run_has_its_manifest(administrator, run):
    ScreeningRun.objects.filter(pk=run.pk).update(
        policies_set_aside=[{"name": "licence X", "error": "AttributeError: no"}]
    )
    text = page(administrator, run)
    ((bucket, total),) = run.buckets.items()
    for words in (run.digest, run.policy_version, f"{bucket} {total}", "licence X", "AttributeError: no", "DY-27"):
        assert words in text
    assert f"verify-run {run.pk}" in text
    assert "2 contracts could not be screened" in text


def test_a_run_of_everything_says_so(administrator, run):
    assert "Every contract: 68." in page(administrator, ScreeningRun.objects.of_everything().earliest("pk"))


def test_other_departments_contracts_are_not_on_it(opened, run):
    text = page(opened("buyer", departments=("SEMICON",)), run)
    assert SEMICON in text
    assert MAGNETS not in text
    assert "MAG-2025-DY-27" not in text
    assert "2 more, which are deleted, of other departments or beyond the first thousand." in text


def test_what_cannot_be_screened_is_listed_in_plain_words_with_a_link(administrator, run):
    listed = administrator.get(reverse(SET_ASIDE))
    text = listed.content.decode()
    contract = listed.context["cl"].result_list[0]
    assert reverse("admin:contracts_contract_change", args=[contract.contract_id]) in text
    assert reverse("admin:alerts_screeningrun_change", args=[run.pk]) in text
    assert text.count(FAULT) == 2
    first = administrator.get(reverse("admin:index")).content.decode()
    assert "2 contracts cannot be screened" in first
    assert reverse(SET_ASIDE) in first


def test_a_buyer_is_shown_those_of_the_own_departments(opened, run):
    buyer = opened("buyer", departments=("MAGNET",))
    text = buyer.get(reverse(SET_ASIDE)).content.decode()
    assert MAGNETS in text
    assert SEMICON not in text
    assert "1 contracts cannot be screened" in buyer.get(reverse("admin:index")).content.decode()


def test_the_list_of_runs_reads_no_manifest(administrator, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(10 + OF_ADMIN) as queries:
        administrator.get(reverse("admin:alerts_screeningrun_changelist"))
    assert not [query for query in queries.captured_queries if '"buckets"' in query["sql"] or '"scope"' in query["sql"]]
