"""Preview, publication by a second person, confirmation of large ones; a preview leaves no trace."""

import time
from collections.abc import Callable
from datetime import date
from io import StringIO
from json import dumps, loads
from pathlib import Path

import pghistory
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from alerts import runs
from alerts.bundle.parse import Bundle, examine
from alerts.bundle.store import store
from alerts.policy import ConfirmationNeeded, NotPublishable, publish
from alerts.preview import preview
from alerts.preview_report import as_json
from people.models import User
from policies.models import Measure, PolicyChange
from tests.alerts.conftest import AT, World


def every_row() -> dict[str, str]:
    """A digest of the contents of every table."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        found = {}
        for table in tables:
            cursor.execute(f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM "{table}" AS t')
            found[table] = cursor.fetchone()[0]
    return found


def bundle(**change: object) -> Bundle:
    """Of the stored change, with what it would say."""
    found = examine(dumps({"policy_changes": [{"reference": "CN-REPORT", "timezone": "Asia/Shanghai", **change}]}))
    assert not found.problems
    return found.bundle


def narrower(**measure: object) -> Bundle:
    """The same measure, for heading 2805 only."""
    scope = {"commodities": [{"hs": ["280530"]}], "supplier_controlled_by_state": "CN"}
    return bundle(
        measures=[
            {
                "key": "existing",
                "effect": "termination_considered",
                "timeline": [{"status": "in_force", "from": "2026-01-10"}],
                "scope": scope,
                **measure,
            }
        ]
    )


@pytest.fixture
def portfolio(world: World) -> World:
    """Two contracts of one owner, one of another without a price, and one with a private seller."""
    world.contract("C-1")
    world.contract("C-2", line={"hs_code": "280530"})
    world.contract("C-3", owner="ren@example.com", department=None, line={"unit_price": None})
    world.contract("C-4", supplier=world.private)
    return world


def test_a_draft_shows_whom_it_would_hit(portfolio: World) -> None:
    portfolio.change(status="draft")
    shown = as_json(preview(["CN-REPORT"], at=AT), seen_by=None)
    figures = {"flags": 3, "needs_review": 0, "contracts": 3, "owners": 2, "departments": 1}
    money = {"exposure": [{"amount": "2400000.00", "currency": "JPY"}], "exposure_not_established": 1}
    assert shown["flagged_now"]["flags"] == 0
    assert shown["flagged_then"] == {**figures, **money}
    rows = shown["newly_flagged"].pop("rows")
    assert shown["newly_flagged"] == {**figures, **money}
    assert [row["contract"] for row in rows] == ["C-1", "C-2", "C-3"]
    assert rows[2]["owner"] == "ren@example.com"
    assert shown["owners_told"] == 2


def test_what_a_preview_shows_is_what_publishing_does(portfolio: World) -> None:
    change = portfolio.change(status="draft")
    foreseen = preview(["CN-REPORT"], at=AT).after.verdicts()
    publish(change, by=portfolio.user("publisher@example.com"), at=AT)
    runs.screen_pending(at=AT)
    assert preview(["CN-REPORT"], at=AT).before.verdicts() == foreseen
    assert len(foreseen) == 3


def test_a_change_of_a_published_one_is_shown_as_a_difference(portfolio: World) -> None:
    portfolio.change()
    shown = as_json(preview(["CN-REPORT"], at=AT, bundle=narrower()), seen_by=None)
    assert {part: shown[part]["flags"] for part in ("flagged_now", "flagged_then")} == {
        "flagged_now": 3,
        "flagged_then": 1,
    }
    assert [row["contract"] for row in shown["no_longer_flagged"]["rows"]] == ["C-1", "C-3"]
    assert shown["newly_flagged"]["rows"] == shown["changed"]["rows"] == []
    assert shown["owners_told"] == 2  # of what closes they are told, too


def test_an_official_text_in_place_of_a_report_changes_flags(portfolio: World) -> None:
    portfolio.change()
    outlook = preview(["CN-REPORT"], at=AT, bundle=bundle(formality="official"))
    assert [verdict.basis for verdict in outlook.changed.verdicts()] == ["in_force"] * 3
    assert outlook.owners_told == 2


@pytest.mark.parametrize("status", ["draft", "published"])
@pytest.mark.parametrize("changed", [None, narrower])
def test_a_preview_leaves_every_table_as_it_was(
    portfolio: World, status: str, changed: Callable[[], Bundle] | None
) -> None:
    portfolio.change(status=status)
    runs.screen_pending(at=AT)
    before = every_row()
    preview(["CN-REPORT"], at=AT, bundle=changed() if changed else None)
    assert every_row() == before


def test_the_figures_are_of_all_contracts_and_the_rows_of_those_one_may_see(portfolio: World) -> None:
    portfolio.change(status="draft")
    editor = portfolio.user("editor@example.com", roles=["policy_editor"])
    shown = as_json(preview(["CN-REPORT"], at=AT), seen_by=editor)
    assert shown["newly_flagged"]["contracts"] == 3
    assert [row["contract"] for row in shown["newly_flagged"]["rows"]] == ["C-3"]  # it has no department


def stored_by(user: User, **change: object) -> PolicyChange:
    store(bundle(**change), source=user.email, at=AT)
    return PolicyChange.objects.get()


@pytest.mark.django_db(transaction=True)
def test_whoever_edited_it_last_does_not_publish_it(live_world: World, settings: Settings) -> None:
    anna, ben = live_world.user("anna@example.com"), live_world.user("ben@example.com")
    change = stored_by(anna, title="First")
    with pytest.raises(NotPublishable, match="somebody else has to publish"):
        publish(change, by=anna, at=AT)
    stored_by(ben, title="Second")
    with pytest.raises(NotPublishable, match="somebody else"):
        publish(change, by=ben, at=AT)
    with pghistory.context(user=anna.pk):  # as the admin does
        Measure.objects.create(
            change=change,
            key="1",
            effect="ban",
            timeline=[{"status": "in_force", "from": "2026-01-01"}],
            scope={"contracts": ["X"]},
        )
    with pytest.raises(NotPublishable, match="somebody else"):
        publish(change, by=anna, at=AT)
    settings.TWO_PERSON_PUBLICATION = False
    assert publish(change, by=anna, at=AT).status == "published"
    settings.TWO_PERSON_PUBLICATION = True
    PolicyChange.objects.update(status="draft")  # by nobody we know
    assert publish(change, by=ben, at=AT).status == "published"


def test_a_file_that_was_loaded_is_nobodys_edit(world: World) -> None:
    store(bundle(), source="load", at=AT)
    assert publish(PolicyChange.objects.get(), by=world.user("anna@example.com"), at=AT).status == "published"


@pytest.mark.parametrize("confirmed", [None, 1, 3])
def test_more_owners_than_the_blast_radius_take_a_confirmation_that_names_them(
    portfolio: World, settings: Settings, confirmed: int | None
) -> None:
    settings.BLAST_RADIUS = 1
    change, by = portfolio.change(status="draft"), portfolio.user("publisher@example.com")
    with pytest.raises(ConfirmationNeeded, match='"confirm_owners": 2') as needed:
        publish(change, by=by, at=AT, confirm_owners=confirmed)
    assert needed.value.owners == 2
    assert PolicyChange.objects.get().status == "draft"
    assert publish(change, by=by, at=AT, confirm_owners=2).status == "published"


def test_the_command_previews_what_is_stored_and_files(portfolio: World, tmp_path: Path, settings: Settings) -> None:
    settings.CLOCK_START, settings.CLOCK_STARTED_REAL = AT, time.time()
    portfolio.change(status="draft")
    file = tmp_path / "draft.json"
    measure = {
        "key": "1",
        "effect": "ban",
        "timeline": [{"status": "in_force", "from": "2026-02-01"}],
        "scope": {"parties": {"lists": ["L-1"], "roles": ["supplier"]}},
    }
    file.write_text(
        dumps(
            {
                "party_lists": [
                    {"reference": "L-1", "timezone": "Asia/Shanghai", "entries": [{"organization": "JADE"}]}
                ],
                "policy_changes": [{"reference": "NEW-1", "timezone": "Asia/Shanghai", "measures": [measure]}],
            }
        )
    )
    before = every_row()

    def output(what: str) -> dict[str, object]:
        out = StringIO()
        call_command("preview", what, stdout=out)
        found: dict[str, object] = loads(out.getvalue())
        return found

    assert output("CN-REPORT")["newly_flagged"]["contracts"] == 3  # type: ignore[index]
    shown = output(str(file))
    assert shown["policy_changes"] == ["NEW-1"]
    assert [row["act_by"] for row in shown["newly_flagged"]["rows"]] == ["2026-02-01"]  # type: ignore[index]
    assert every_row() == before
    with pytest.raises(CommandError, match="neither a policy change nor a file"):
        output("NOBODY")


def test_dates_are_days_of_the_authority(portfolio: World) -> None:
    portfolio.change(status="draft", announced_on=date(2026, 1, 14))
    assert not preview(["CN-REPORT"], at=AT).after  # not announced yet
