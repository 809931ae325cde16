"""Flags whose day to act comes near: told once for each such day, and anew when it moves.

A flag that people hear of within that time anyway, by the same day, is not told again; nor is one whose day is today
always, for the measure bites already.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from alerts.models import Disposition, EventKind, Flag, FlagEvent, ScreeningRun
from alerts.models.actions import PUT_ASIDE
from alerts.models.flags import TOLD
from alerts.portfolio import calendar

_SAID = "certainty, basis, act_by, exposure_amount, exposure_currency"

# An event that the flag has in the run already is one that nobody is told of, or it would be known by it.
_NEAR = f"""
    INSERT INTO {FlagEvent._meta.db_table}
        (flag_id, run_id, kind, at, certainty_before, basis_before, act_by_before, exposure_amount_before,
         exposure_currency_before, {_SAID})
    SELECT flag.id, %(run)s, '{EventKind.DEADLINE_NEAR}', %(at)s, {_SAID}, {_SAID}
    FROM {Flag._meta.db_table} AS flag
    WHERE flag.closed_at IS NULL AND flag.act_by > %(today)s AND flag.act_by <= %(last)s
      AND (%(contracts)s::bigint[] IS NULL OR flag.contract_id = ANY(%(contracts)s))
      AND NOT EXISTS (SELECT FROM {Disposition._meta.db_table} AS disposition
                      WHERE disposition.flag_id = flag.id AND disposition.standing = ANY(%(aside)s))
      AND NOT EXISTS (SELECT FROM {FlagEvent._meta.db_table} AS event
                      WHERE event.flag_id = flag.id AND event.kind = ANY(%(told)s) AND event.act_by = flag.act_by
                        AND event.at >= (flag.act_by - %(days)s)::timestamp AT TIME ZONE %(zone)s)
    ON CONFLICT (flag_id, run_id) WHERE kind <> '{EventKind.CONCLUDED}' DO UPDATE SET kind = EXCLUDED.kind
"""  # noqa: S608


def note_near(run: ScreeningRun, contracts: Sequence[int] | None) -> int:
    """Note that the days to act of flags of these contracts (None: all) are near; return of how many.

    Called in the run's transaction, after its flags were made to agree. Days are those of the business time zone.
    """
    today = calendar(run.at).today
    given: dict[str, Any] = {
        "run": run.pk,
        "at": run.at,
        "today": today,
        "last": today + timedelta(days=settings.DEADLINE_NEAR_DAYS),
        "days": settings.DEADLINE_NEAR_DAYS,
        "zone": settings.TIME_ZONE,
        "contracts": contracts if contracts is None else list(contracts),
        "aside": PUT_ASIDE,
        "told": TOLD,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, given)
        return int(cursor.rowcount)
