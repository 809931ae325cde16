"""The doors: publishing and withdrawing, the doorbell, tasks and commands."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from alerts import doorbell, tasks
from alerts.models import Flag, Message, ScreeningRun
from alerts.policy import NotPublishable, publish, withdraw
from people.clock import now
from policies.models import PolicyChange
from tests.alerts.conftest import AT, World


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The rings that reached the broker."""
    heard: list[dict[str, object]] = []
    monkeypatch.setattr(tasks.screen_pending, "apply_async", lambda **options: heard.append(options))
    return heard


@pytest.fixture
def mail_folder(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def test_publishing_rings_after_the_commit(
    world: World,
    rings: list[dict[str, object]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    change = world.change(status="draft")
    by = world.user("policy@example.com")
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        published = publish(change, by=by, at=AT)
        assert rings == []
    assert len(callbacks) == 1
    assert rings == [{"retry": False, "expires": 60}]
    assert published.status == "published"
    assert published.version > change.version
    version = published.version
    assert publish(published, by=by, at=AT).version == version  # again: nothing changes


def test_a_draft_cannot_be_withdrawn(world: World) -> None:
    change = world.change(status="draft")
    with pytest.raises(NotPublishable, match="CN-REPORT is not published"):
        withdraw(change, by=world.user("policy@example.com"), at=AT)
    assert PolicyChange.objects.get().status == "draft"


def test_a_broker_that_does_not_answer_fails_nobody(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def silent(**_: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.screen_pending, "apply_async", silent)
    with django_capture_on_commit_callbacks(execute=True):
        doorbell.ring()


def test_the_ring_has_it_screened_told_and_sent(
    world: World, mailoutbox: list[object], mail_folder: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: AT)
    world.contract("C-1")
    world.change()
    tasks.screen_pending()
    assert Flag.objects.count() == 1
    assert Message.objects.get().state == "sent"
    assert len(mailoutbox) == 1
    tasks.sweep()
    tasks.deliver()
    assert len(mailoutbox) == 1
    assert ScreeningRun.objects.get().everything  # the first screening there is looks at everything


def test_the_commands_do_what_beat_would(
    world: World, mailoutbox: list[object], mail_folder: None, settings: Settings
) -> None:
    settings.CLOCK_START = AT
    settings.CLOCK_STARTED_REAL = datetime.now(UTC).timestamp()
    assert now() >= AT
    world.contract("C-1")
    world.change()
    out = StringIO()
    call_command("sweep", stdout=out)
    call_command("deliver", stdout=out)
    call_command("deliver", stdout=out)
    assert out.getvalue().splitlines() == [
        "1 contracts screened, flags: 1 opened, 0 updated, 0 closed; 1 messages written",
        "1 sent",
        "nothing due",
    ]
    assert len(mailoutbox) == 1
