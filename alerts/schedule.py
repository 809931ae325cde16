"""What time alone makes due: every contract at its own next turn, and everything when a turn of the policies has come.

Screening writes the turns down, so the sweep need not look at a contract to know that nothing has become of it. Once a
day everything is screened all the same, as a safety net.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from alerts.models import ContractDue, ScreeningCursor, ScreeningRun

CLOCK_SET_BACK = timedelta(minutes=5)
"""Runs may overtake one another by less than this; a clock that lies further behind was set back."""
BATCH = 5_000


def everything_is_due(at: datetime) -> bool:
    """Whether everything has to be screened: never was, not yet today (business time zone), not with these settings, a
    turn of the policies has come, or the clock was set back. What a run that was cut short had to do is due still, for
    it kept nothing."""
    runs = ScreeningRun.objects.complete()
    last, latest = runs.of_everything().first(), runs.first()
    if last is None or latest is None or latest.at - at > CLOCK_SET_BACK:
        return True
    if (last.timezone, last.renewal_horizon_days) != (settings.TIME_ZONE, settings.RENEWAL_HORIZON_DAYS):
        return True
    zone = ZoneInfo(settings.TIME_ZONE)
    if last.at.astimezone(zone).date() != at.astimezone(zone).date():
        return True
    return ScreeningCursor.objects.filter(policies_due_at__lte=at).exists()


def contracts_due(at: datetime) -> QuerySet[ContractDue, int]:
    """The ids of the contracts of which something has become."""
    return ContractDue.objects.filter(due_at__lte=at).values_list("contract_id", flat=True)


def keep(turns: Mapping[int, datetime | None]) -> None:
    """Write the contracts' next turns down, by id; only what differs."""
    stored = dict(ContractDue.objects.filter(contract_id__in=turns).values_list("contract_id", "due_at"))
    ahead = [
        ContractDue(contract_id=id, due_at=turn)
        for id, turn in sorted(turns.items())
        if turn is not None and stored.get(id) != turn
    ]
    ContractDue.objects.bulk_create(
        ahead, batch_size=BATCH, update_conflicts=True, unique_fields=["contract_id"], update_fields=["due_at"]
    )
    forget([id for id, turn in turns.items() if turn is None and id in stored])


def forget(contracts: Collection[int]) -> None:
    """Contracts that have no turn any more, that no longer exist, or that cannot be screened at present."""
    if contracts:
        ContractDue.objects.filter(contract_id__in=contracts).delete()
