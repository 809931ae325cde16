"""What time alone makes due: every contract at its own next turn, and everything when a turn of the policies has come.

Screening writes the turns down, so the sweep need not look at a contract to know that nothing has become of it. Once a
day everything is screened all the same, as a safety net.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db import connection

from alerts.models import ContractDue, ScreeningCursor, ScreeningRun
from contracts.columns import Ids
from contracts.copying import Span
from contracts.instants import NEVER, Moments, moment
from people.copying import columns

# ruff: noqa: S608 (the table is named by its model, and conditions hold numbers)

TABLE = ContractDue._meta.db_table

CLOCK_SET_BACK = timedelta(minutes=5)
"""Runs may overtake one another by less than this; a clock that lies further behind was set back."""


def everything_is_due(at: datetime) -> bool:
    """Whether everything has to be screened: never was, not yet today (business time zone), not with these settings, a
    turn of the policies has come, or the clock was set back. What a run that was cut short had to do is due still, for
    it kept nothing."""
    runs = ScreeningRun.objects.complete().only("at", "timezone", "renewal_horizon_days")
    last, latest = runs.of_everything().first(), runs.first()
    if last is None or latest is None or latest.at - at > CLOCK_SET_BACK:
        return True
    if (last.timezone, last.renewal_horizon_days) != (settings.TIME_ZONE, settings.RENEWAL_HORIZON_DAYS):
        return True
    zone = ZoneInfo(settings.TIME_ZONE)
    if last.at.astimezone(zone).date() != at.astimezone(zone).date():
        return True
    return ScreeningCursor.objects.filter(policies_due_at__lte=at).exists()


def contracts_due(at: datetime) -> frozenset[int]:
    """The ids of the contracts of which something has become."""
    return frozenset(ContractDue.objects.filter(due_at__lte=at).values_list("contract_id", flat=True))


def keep(span: Span, contracts: Ids, turns: Moments) -> None:
    """Write the next turns of these contracts of a span down; the others have none. Only what differs is written."""
    ahead = turns != NEVER
    contracts, turns = contracts[ahead], turns[ahead]
    stored, _ = columns(
        {"contract": ("contract_id", "i8"), "due": ("extract(epoch FROM due_at) * 1000000", "i8")},
        f"FROM {TABLE} WHERE {span.condition('contract_id')} ORDER BY contract_id",
    )
    _, here, there = np.intersect1d(contracts, stored["contract"], assume_unique=True, return_indices=True)
    known = np.zeros(len(contracts), dtype=np.bool_)
    known[here] = turns[here] == stored["due"][there]
    changed = [(id, moment(turn)) for id, turn in zip(contracts[~known].tolist(), turns[~known].tolist(), strict=True)]
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {TABLE} (contract_id, due_at) SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])"
                " ON CONFLICT (contract_id) DO UPDATE SET due_at = EXCLUDED.due_at",
                list(map(list, zip(*changed, strict=True))),
            )
    forget(np.setdiff1d(stored["contract"], contracts, assume_unique=True).tolist())


def forget(contracts: Collection[int]) -> None:
    """Contracts that have no turn any more, that no longer exist, or that cannot be screened at present."""
    if contracts:
        ContractDue.objects.filter(contract_id__in=contracts).delete()
