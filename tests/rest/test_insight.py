"""Data gaps and alternatives over REST, each within one's departments."""

import pytest

from alerts.models import Flag


def test_gaps_are_those_of_ones_own_contracts(administrator, caller):
    whole = administrator.get("/api/v1/gaps").json()
    # In review without a missing fact: 5 resumptions that nobody confirmed, an option and an evergreen to judge.
    assert (whole["flags"], Flag.objects.open().filter(certainty="needs_review").count()) == (12, 19)
    assert whole["by_field"][0]["contracts"] >= 1
    own = caller("buyer", departments=("MAGNET",)).get("/api/v1/gaps").json()
    assert 0 < own["flags"] < whole["flags"]
    assert own == administrator.get("/api/v1/gaps?department=MAGNET").json()


@pytest.mark.parametrize(("query", "status"), [("currency=USD", 200), ("colour=red", 400), ("kind=x", 400)])
def test_gaps_take_the_filters_of_flags(administrator, query, status):
    assert administrator.get(f"/api/v1/gaps?{query}").status_code == status


def test_alternatives_are_given_line_by_line(administrator, caller):
    flag = Flag.objects.filter(contract__reference="MAG-2024-NDPR-01").get()
    answer = administrator.get(f"/api/v1/flags/{flag.pk}/alternatives")
    assert answer.status_code == 200
    assert [line["line"] for line in answer.json()["lines"]] == flag.lines
    own = caller("buyer", departments=("MAGNET",)).get(f"/api/v1/flags/{flag.pk}/alternatives")
    assert own.status_code == 200
    other = caller("buyer", "viewer", departments=("SEMICON",)).get(f"/api/v1/flags/{flag.pk}/alternatives")
    assert other.status_code == 404
    assert administrator.get(f"/api/v1/flags/{flag.pk}/alternatives?x=1").status_code == 400
