"""Draft revisions: an edit of what is published waits, apart, until a second person publishes it too."""

import json
import time
from datetime import timedelta
from io import StringIO
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError
from pytest_django import Settings

from alerts import runs
from alerts.bundle.single import single
from alerts.bundle.store import store
from alerts.editors import edited_last
from alerts.models import Flag
from alerts.policy import (
    ConfirmationNeeded,
    NotPublishable,
    discard_revision,
    needs_another_person,
    publish,
    revise,
    withdraw,
)
from alerts.preview import preview
from alerts.revisions import Difference, differences, pending, preview_pending, whole
from people.models import User
from people.provenance import by_field
from policies.models import Measure, PolicyChange, PolicyChangeRevision
from tests.alerts.conftest import AT, World, live_world
from tests.alerts.test_preview import every_row

__all__ = ["live_world"]

LATER = AT + timedelta(hours=1)
EXISTING = {
    "key": "existing",
    "effect": "termination_considered",
    "timeline": [{"status": "in_force", "from": "2026-01-10"}],
}
NARROW = {**EXISTING, "scope": {"commodities": [{"hs": ["280530"]}], "supplier_controlled_by_state": "CN"}}
BAN = {**EXISTING, "key": "ban", "effect": "ban", "scope": {"supplier_countries": ["CN"]}}


@pytest.fixture
def published(world: World) -> PolicyChange:
    """A change on two contracts; one is for heading 2805."""
    return told(world)


def told(world: World) -> PolicyChange:
    world.contract("C-1")
    world.contract("C-2", line={"hs_code": "280530"}, owner="ren@example.com")
    change = world.change()
    runs.screen_pending(at=AT)
    assert open_flags() == {"C-1 existing", "C-2 existing"}
    change.refresh_from_db()
    return change


def open_flags() -> set[str]:
    flags = Flag.objects.open().values_list("contract__reference", "measure__key")
    return {f"{contract} {measure}" for contract, measure in flags}


def edit(by: User, **sent: object) -> PolicyChangeRevision | None:
    change = PolicyChange.objects.get()
    said = {"reference": change.reference, "timezone": "Asia/Shanghai", **sent}
    return revise(change, single("policy_changes", said, change.reference), by=by, at=AT)


@pytest.fixture
def anna(world: World) -> User:
    return world.user("anna@example.com")


@pytest.fixture
def ben(world: World) -> User:
    return world.user("ben@example.com")


def test_an_edit_leaves_what_is_in_force_alone(published: PolicyChange, anna: User) -> None:
    before = every_row()
    edit(anna, title="Narrower", measures=[NARROW])
    after = every_row()
    assert {table for table in after if after[table] != before[table]} == {"policies_policychangerevision"}
    assert runs.screen_pending(at=LATER) is None  # nothing that could be screened


def test_it_comes_into_force_when_somebody_else_publishes_it(published: PolicyChange, anna: User, ben: User) -> None:
    edit(anna, title="Narrower", measures=[NARROW])
    assert publish(published, by=ben, at=LATER).title == "Narrower"
    runs.screen_pending(at=LATER)
    assert open_flags() == {"C-2 existing"}
    revision = PolicyChangeRevision.objects.get()
    assert (revision.ended_as, revision.ended_by, revision.ended_at) == ("published", ben, LATER)
    change = PolicyChange.objects.get()
    assert by_field(change.provenance)["title"] == {"anna@example.com": LATER.isoformat()}
    assert change.status == "published"
    assert (edited_last(change, anna), edited_last(change, ben)) == (True, False)


def test_what_is_foreseen_is_what_happens(published: PolicyChange, anna: User, ben: User) -> None:
    edit(anna, measures=[NARROW, BAN])
    outlook = preview_pending(published, at=AT)
    assert {verdict.contract for verdict in outlook.no_longer_flagged.verdicts()} == {"C-1"}
    assert {(v.contract, v.measure) for v in outlook.newly_flagged.verdicts()} == {
        ("C-1", "CN-REPORT/ban"),
        ("C-2", "CN-REPORT/ban"),
    }
    foreseen = outlook.after.verdicts()
    publish(published, by=ben, at=AT)
    runs.screen_pending(at=AT)
    assert preview(["CN-REPORT"], at=AT).before.verdicts() == foreseen
    assert open_flags() == {"C-1 ban", "C-2 existing", "C-2 ban"}


def test_the_command_previews_it(published: PolicyChange, anna: User, settings: Settings) -> None:
    settings.CLOCK_START, settings.CLOCK_STARTED_REAL = AT, time.time()
    edit(anna, measures=[NARROW])
    out = StringIO()
    call_command("preview", "CN-REPORT", stdout=out)
    shown = json.loads(out.getvalue())
    assert [row["contract"] for row in shown["no_longer_flagged"]["rows"]] == ["C-1"]


def test_a_measure_that_is_gone_is_retired_and_one_that_comes_back_is_the_same(
    published: PolicyChange, anna: User, ben: User
) -> None:
    old = Measure.objects.get()
    edit(anna, measures=[BAN])
    publish(published, by=ben, at=LATER)
    runs.screen_pending(at=LATER)
    old.refresh_from_db()
    assert old.retired_at == LATER
    assert open_flags() == {"C-1 ban", "C-2 ban"}
    edit(ben, measures=[EXISTING])  # what is not said of it stays
    publish(published, by=anna, at=LATER)
    old.refresh_from_db()
    assert (old.retired_at, old.scope["supplier_controlled_by_state"]) == (None, "CN")
    assert Measure.objects.get(retired_at__isnull=False).key == "ban"


def test_what_differs_is_named_by_its_place(published: PolicyChange, anna: User) -> None:
    now = whole(published)
    revision = edit(anna, title="Narrower", measures=[NARROW, BAN])
    assert revision is not None
    assert differences(revision) == [
        Difference("measures/ban", None, {**BAN, "title": None, "timeline": [{**BAN["timeline"][0], "until": None}]}),
        Difference("measures/existing/scope/commodities", [{"hs": ["280530", "2846"]}], [{"hs": ["280530"]}]),
        Difference("title", "State sellers consider ending contracts", "Narrower"),
    ]
    assert {**revision.outcome, "title": now["title"], "measures": now["measures"]} == now


def test_a_later_edit_takes_the_place_of_an_earlier_one_and_all_are_kept(
    published: PolicyChange, anna: User, ben: User
) -> None:
    first = edit(anna, title="First")
    assert edit(anna, title="First") == first  # the same again is no edit
    second = edit(ben, title="First")
    assert second is not None
    assert pending(published) == second
    assert list(PolicyChangeRevision.objects.order_by("pk").values_list("by__email", "ended_as")) == [
        ("anna@example.com", "replaced"),
        ("ben@example.com", None),
    ]
    assert (needs_another_person(published, anna), needs_another_person(published, ben)) == (False, True)


def test_an_edit_that_alters_nothing_leaves_nothing_pending(published: PolicyChange, anna: User, ben: User) -> None:
    assert edit(anna, **whole(published)) is None
    edit(ben, title="Other")
    assert edit(anna, title=published.title) is None
    assert pending(published) is None
    assert PolicyChangeRevision.objects.get().ended_as == "discarded"


def test_whoever_edited_it_last_does_not_publish_it(published: PolicyChange, anna: User, settings: Settings) -> None:
    edit(anna, title="Other")
    with pytest.raises(NotPublishable, match="you edited CN-REPORT last"):
        publish(published, by=anna, at=AT)
    assert PolicyChange.objects.get().title == "State sellers consider ending contracts"
    settings.TWO_PERSON_PUBLICATION = False
    assert publish(published, by=anna, at=AT).title == "Other"


def test_many_owners_take_a_confirmation(published: PolicyChange, anna: User, ben: User, settings: Settings) -> None:
    settings.BLAST_RADIUS = 1
    edit(anna, measures=[BAN])
    for number in (None, 1):
        with pytest.raises(ConfirmationNeeded) as needed:
            publish(published, by=ben, at=AT, confirm_owners=number)
        assert needed.value.owners == 2
    assert pending(published) is not None
    publish(published, by=ben, at=AT, confirm_owners=2)
    assert pending(published) is None


def test_what_cannot_be_compiled_is_refused_and_stays_pending(published: PolicyChange, anna: User, ben: User) -> None:
    edit(anna, title="Other", measures=[{**EXISTING, "timeline": []}])
    with pytest.raises(NotPublishable, match="CN-REPORT/existing: a contradiction: no period of the timeline"):
        publish(published, by=ben, at=AT)
    assert PolicyChange.objects.get().title == "State sellers consider ending contracts"
    assert Measure.objects.get().timeline == EXISTING["timeline"]
    assert pending(published) is not None


def test_a_change_that_was_altered_meanwhile_is_not_overwritten(published: PolicyChange, anna: User, ben: User) -> None:
    """As a file that is loaded alters it: by one of its measures alone."""
    edit(anna, title="Other")
    loaded = {"reference": "CN-REPORT", "timezone": "Asia/Shanghai", "status": "published", "measures": [NARROW]}
    store(single("policy_changes", loaded, "CN-REPORT"), source="load", at=AT)
    before = published.version
    published.refresh_from_db()
    assert published.version > before
    with pytest.raises(NotPublishable, match=f"version {before} then, {published.version} now"):
        publish(published, by=ben, at=AT)
    assert PolicyChange.objects.get().title == "State sellers consider ending contracts"
    edit(anna, title="Other")  # made again
    assert publish(published, by=ben, at=AT).title == "Other"
    assert Measure.objects.get().scope == NARROW["scope"]


def test_what_it_refers_to_and_is_gone_is_named(published: PolicyChange, anna: User, ben: User, world: World) -> None:
    edit(anna, measures=[{**BAN, "scope": {"parties": {"named": ["JADE"], "roles": ["supplier"]}}}])
    world.private.delete()
    with pytest.raises(NotPublishable, match="measures/0/scope/parties/named/0: there is no JADE"):
        publish(published, by=ben, at=AT)


def test_only_the_revision_that_was_seen_is_published(published: PolicyChange, anna: User, ben: User) -> None:
    seen = edit(anna, title="Seen")
    other = edit(anna, title="Another")
    assert seen is not None
    assert other is not None
    with pytest.raises(NotPublishable, match=f"revision {seen.pk} of CN-REPORT is not pending any more"):
        publish(published, by=ben, at=AT, revision=seen.pk)
    assert publish(published, by=ben, at=AT, revision=other.pk).title == "Another"
    version = PolicyChange.objects.get().version
    assert publish(published, by=ben, at=AT, revision=other.pk).version == version  # once more is no mistake
    with pytest.raises(NotPublishable):
        publish(published, by=ben, at=AT, revision=seen.pk)


def test_it_is_discarded_once(published: PolicyChange, anna: User, ben: User) -> None:
    edit(anna, title="Other")
    assert discard_revision(published, by=ben, at=LATER)
    assert not discard_revision(published, by=ben, at=LATER)
    revision = PolicyChangeRevision.objects.get()
    assert (revision.ended_as, revision.ended_by, revision.ended_at) == ("discarded", ben, LATER)
    assert publish(published, by=ben, at=AT).title == "State sellers consider ending contracts"


def test_withdrawing_takes_it_along(published: PolicyChange, anna: User, ben: User) -> None:
    revision = edit(anna, title="Other")
    assert revision is not None
    withdraw(published, by=ben, at=LATER)
    revision.refresh_from_db()
    assert (revision.ended_as, revision.ended_by) == ("withdrawn", ben)
    with pytest.raises(NotPublishable, match="is not pending any more"):
        publish(published, by=ben, at=LATER, revision=revision.pk)
    with pytest.raises(NotPublishable, match="only what is published is revised"):
        edit(anna, title="Other")
    assert publish(published, by=ben, at=LATER).title == "State sellers consider ending contracts"


def test_what_was_said_is_kept_as_it_was_said(published: PolicyChange, anna: User) -> None:
    edit(anna, title="Other")
    for statement in ("UPDATE {} SET content = '{{}}'", "DELETE FROM {}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format("policies_policychangerevision"))
    assert PolicyChangeRevision.objects.get().content["title"] == "Other"
    assert json.dumps(PolicyChangeRevision.objects.get().content)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", ["publish", "withdraw", "discard", "edit"])
def test_of_two_at_once_the_second_meets_what_the_first_left(live_world: World, second: str) -> None:
    """The first has published and has not committed yet; the second waits for it."""
    anna, ben, cho = (live_world.user(f"{name}@example.com") for name in ("anna", "ben", "cho"))
    change = told(live_world)
    edit(anna, title="Other")
    raised: list[BaseException] = []

    def act() -> None:
        try:
            if second == "publish":
                publish(change, by=cho, at=AT)
            elif second == "withdraw":
                withdraw(change, by=cho, at=AT)
            elif second == "discard":
                assert not discard_revision(change, by=cho, at=AT)
            else:
                edit(cho, title="Third")
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    thread = Thread(target=act)
    with transaction.atomic():
        publish(change, by=ben, at=AT)
        version = PolicyChange.objects.get().version
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join()

    assert raised == []
    revision = PolicyChangeRevision.objects.earliest("pk")
    assert (revision.ended_as, revision.ended_by) == ("published", ben)
    change.refresh_from_db()
    assert change.title == "Other"
    assert (change.version == version, change.status) == (
        second != "withdraw",
        "withdrawn" if second == "withdraw" else "published",
    )
    later = pending(change)
    assert (later and (later.version, later.by)) == ((version, cho) if second == "edit" else None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["publish", "edit"])
def test_whoever_comes_while_it_is_withdrawn_is_refused(live_world: World, how: str) -> None:
    anna, ben, cho = (live_world.user(f"{name}@example.com") for name in ("anna", "ben", "cho"))
    change = told(live_world)
    revision = edit(anna, title="Other")
    assert revision is not None
    raised: list[BaseException] = []

    def act() -> None:
        try:
            if how == "publish":
                publish(change, by=cho, at=AT, revision=revision.pk)
            else:
                edit(cho, title="Third")
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    thread = Thread(target=act)
    with transaction.atomic():
        withdraw(change, by=ben, at=AT)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join()

    (error,) = raised
    assert isinstance(error, NotPublishable)
    change.refresh_from_db()
    assert (change.status, change.title) == ("withdrawn", "State sellers consider ending contracts")
    assert PolicyChangeRevision.objects.get().ended_as == "withdrawn"
