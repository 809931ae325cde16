"""How far screening and delivery are behind: what somebody who runs Tocsin has to see before anybody misses an alert.

All ages are by the database's clock, in seconds; what is overdue is so on the application's, as escalations are.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from django.db import connection

from alerts.models import EscalationTimer, MailServer, Message, ScreeningCursor, ScreeningRun, SetAside, WebhookDelivery
from people.models import ChangeEntry


@dataclass(frozen=True, slots=True)
class Backlog:
    """Ages in seconds are None where there is nothing: no change waits, no sweep was ever complete.

    `transactions_held_back` is how far the oldest open transaction of the cluster holds back readers of the change log,
    `cursor_transactions_behind` how far the screening cursor lies behind the newest transaction.
    """

    oldest_unscreened_change_seconds: float | None
    last_complete_sweep_seconds: float | None
    oldest_unsent_message_seconds: float | None
    oldest_untold_run_seconds: float | None
    transactions_held_back: int
    cursor_transactions_behind: int
    runs_incomplete: int
    contracts_set_aside: int
    policies_set_aside: int
    runs_untold: int
    messages_unsent: int
    messages_unwritten: int
    messages_dead: int
    escalations_overdue: int
    mail_server_failures: int
    webhooks_waiting: int
    webhooks_dead: int


_STATEMENT = f"""
    WITH cursor AS (SELECT coalesce(max(xid), 0) AS xid FROM {ScreeningCursor._meta.db_table}),
         ahead AS (SELECT unnest(ahead) AS id FROM {ScreeningCursor._meta.db_table}),
         now AS (SELECT clock_timestamp() AS at, pg_current_snapshot() AS snapshot)
    SELECT
        (SELECT extract(epoch FROM now.at - min(at)) FROM {ChangeEntry._meta.db_table} AS entry
         WHERE entry.xid >= (SELECT xid FROM cursor) AND entry.id NOT IN (SELECT id FROM ahead)),
        (SELECT extract(epoch FROM now.at - max(finished_at)) FROM {ScreeningRun._meta.db_table} WHERE everything),
        (SELECT extract(epoch FROM now.at - min(created_at)) FROM {Message._meta.db_table}
         WHERE state IN ('pending', 'failed', 'sending')),
        (SELECT extract(epoch FROM now.at - min(finished_at)) FROM {ScreeningRun._meta.db_table}
         WHERE composed_at IS NULL),
        pg_snapshot_xmax(now.snapshot)::text::bigint - pg_snapshot_xmin(now.snapshot)::text::bigint,
        greatest(0, pg_snapshot_xmax(now.snapshot)::text::bigint - (SELECT xid FROM cursor)),
        (SELECT count(*) FROM {ScreeningRun._meta.db_table} WHERE finished_at IS NULL AND completed_by_id IS NULL),
        (SELECT count(*) FROM {SetAside._meta.db_table}),
        coalesce((SELECT jsonb_array_length(policies_set_aside) FROM {ScreeningRun._meta.db_table}
                  WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1), 0),
        (SELECT count(*) FROM {ScreeningRun._meta.db_table} WHERE finished_at IS NOT NULL AND composed_at IS NULL),
        (SELECT count(*) FROM {Message._meta.db_table} WHERE state IN ('pending', 'failed', 'sending')),
        (SELECT count(*) FROM {Message._meta.db_table}
         WHERE state IN ('failed', 'dead') AND rendered_at IS NULL AND stage = 'write'),
        (SELECT count(*) FROM {Message._meta.db_table} WHERE state = 'dead'),
        (SELECT count(*) FROM {EscalationTimer._meta.db_table} WHERE acted_at IS NULL AND due_at <= %s),
        coalesce((SELECT failures FROM {MailServer._meta.db_table}), 0),
        (SELECT count(*) FROM {WebhookDelivery._meta.db_table} WHERE state IN ('pending', 'failed', 'sending')),
        (SELECT count(*) FROM {WebhookDelivery._meta.db_table} WHERE state = 'dead')
    FROM now
"""  # noqa: S608


def backlog(*, at: datetime) -> Backlog:
    """One statement; the indexes on what is unfinished keep it short."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [at])
        change, sweep, message, untold, *counts = cursor.fetchone() or (None,) * len(fields(Backlog))
    return Backlog(_age(change), _age(sweep), _age(message), _age(untold), *counts)


def _age(seconds: Decimal | None) -> float | None:
    return None if seconds is None else round(max(float(seconds), 0.0), 3)
