"""Until when news waits for somebody's digest, by its severity and by what the person chose."""

from collections.abc import Collection
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models.functions import Least

from alerts.models import Cadence, DigestChoice, EventKind, HeldNews, Severity
from alerts.severity import of_event
from alerts.working_time import working_calendar
from people.models import User

log = structlog.get_logger(__name__)


class Choices:
    """What these users chose, read once for many messages that are queued at an instant."""

    def __init__(self, users: Collection[User], at: datetime) -> None:
        self._at = at
        self._moments: dict[tuple[int, Cadence], datetime] = {}
        self._chosen = DigestChoice.objects.in_bulk([user.pk for user in users])

    def cadence(self, user: User | None, event: str, kind: str, certainty: str, basis: str) -> Cadence:
        """How the user is told of an event of a flag; whoever has chosen nothing is told at once."""
        choice = self._chosen.get(user.pk) if user else None
        return _chosen(choice, event, of_event(event, kind, certainty, basis)) if choice else Cadence.AT_ONCE

    def moment(self, user: User | None, cadence: Cadence) -> datetime | None:
        """The next beginning of a working day, or of the first of a week, where the user works; None: at once."""
        if user is None or cadence == Cadence.AT_ONCE:
            return None
        key = user.pk, cadence
        if key not in self._moments:
            countries = set(user.departments.values_list("country", flat=True))
            calendar = working_calendar(user, countries.pop() if len(countries) == 1 else None)
            self._moments[key] = calendar.next_opening(self._at, of_week=cadence == Cadence.WEEKLY)
        return self._moments[key]


def _chosen(choice: DigestChoice, event: str, of: Severity | None) -> Cadence:
    """What the person chose for the severity; what is urgent nobody chooses."""
    if of is None:
        return Cadence(choice.closing)
    if of == Severity.URGENT or event == EventKind.DEADLINE_NEAR:
        return Cadence.AT_ONCE
    return Cadence(choice.normal if of == Severity.NORMAL else choice.review)


def choose(user: User, *, normal: str, review: str, closing: str, at: datetime) -> DigestChoice:
    """Keep what the user chose. What waits for a digest is told at once, for it was held back by another choice."""
    chosen = {"normal": normal, "review": review, "closing": closing}
    with transaction.atomic():
        before = DigestChoice.objects.select_for_update().filter(user=user).first() or DigestChoice(user=user)
        differs = any(getattr(before, name) != cadence for name, cadence in chosen.items())
        kept, _ = DigestChoice.objects.update_or_create(user=user, defaults=chosen)
        if differs:
            HeldNews.objects.waiting().filter(recipient=user.email).update(due_at=Least("due_at", at))
    log.info("digests chosen", user=user.pk, **chosen)
    return kept


def chosen_by(user: User) -> DigestChoice:
    """What the user chose, or the default: everything at once."""
    return DigestChoice.objects.filter(user=user).first() or DigestChoice(user=user)
