"""Reminders at fixed instants, in the world of the other tests of alerts."""

from datetime import date, datetime

import pytest
from pytest_django import Settings

from alerts.models import Message, Reminder
from alerts.reminders.rounds import remind
from tests.alerts.conftest import World, live_world, world

__all__ = ["World", "live_world", "world"]


def tokyo(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+09:00")


def reminded(day: str, hour: int = 9) -> list[tuple[str, str, str, int]]:
    """A round at that hour in Tokyo; what it reminded of, in order."""
    before = set(Reminder.objects.values_list("pk", flat=True))
    remind(at=tokyo(day, hour))
    found = Reminder.objects.exclude(pk__in=before).order_by("on", "contract__reference", "meaning")
    return [(one.contract.reference, one.meaning, one.on.isoformat(), one.stage) for one in found]


def recipients(day: str) -> list[str]:
    messages = Message.objects.filter(dedup_key__startswith=f"email:reminder:{day}:")
    return sorted(messages.values_list("recipient", flat=True))


@pytest.fixture(autouse=True)
def mailboxes(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = "compliance@example.com"
    settings.BASE_URL = "https://tocsin.example.com"


AUTO = {
    "effective_on": date(2025, 4, 1),
    "expires_on": date(2026, 3, 31),
    "renewal": "auto",
    "notice_days": 60,
    "line": None,
}
"""Notice by 30 January 2026."""
