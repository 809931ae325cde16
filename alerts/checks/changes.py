"""Answers that turned, for the owners of their receipts: each is listed until it is acknowledged."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from alerts.models import CheckTurn, TurnAcknowledged
from people.models import User
from people.row_security import seen_by


def turns(of: User, *, acknowledged: bool = False) -> QuerySet[CheckTurn]:
    """Of one's own receipts."""
    found = CheckTurn.objects.filter(parent__owner=of, acknowledged__isnull=not acknowledged)
    return found.select_related("parent__department")


def acknowledge(numbers: Collection[int], *, by: User, at: datetime) -> int:
    """Those of one's own receipts with these ids; return how many were new. Doing it twice changes nothing."""
    own = CheckTurn.objects.filter(parent__owner=by, pk__in=numbers, acknowledged__isnull=True)
    with seen_by(by):
        heard = [TurnAcknowledged(turn_id=pk, by=by, at=at) for pk in own.values_list("pk", flat=True)]
    TurnAcknowledged.objects.bulk_create(heard, ignore_conflicts=True)
    return len(heard)
