"""Triggers that note for webhooks what happens, in the transaction in which it happens; they stand on proxy models."""

import pgtrigger

from alerts.models.flags import FlagEvent
from policies.models import PolicyChange, PolicyChangeRevision


def _notes(name: str, operation: pgtrigger.Operation, rows: str) -> pgtrigger.Trigger:
    """A trigger that notes events for webhooks, from rows of type, flag event, contract and policy change.

    As long as there is no endpoint nothing is noted.
    """
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(  # type: ignore[no-untyped-call]
            old=None if operation == pgtrigger.Insert else "old_rows", new="new_rows"
        ),
        func=f"""
            IF EXISTS (SELECT FROM alerts_webhookendpoint) THEN
                INSERT INTO alerts_webhookevent (type, flag_event_id, contract_id, policy_change_id)
                {rows};
            END IF;
            RETURN NULL;
        """,
    )


class NotedFlagEvent(FlagEvent):
    """Flag events, with the trigger that notes them for webhooks."""

    class Meta:
        proxy = True
        triggers = [
            _notes(
                "note_for_webhooks",
                pgtrigger.Insert,
                """
                SELECT CASE n.kind WHEN 'opened' THEN 'flag.opened' WHEN 'closed' THEN 'flag.closed'
                       ELSE 'flag.updated' END, n.id, f.contract_id, NULL::bigint
                FROM new_rows n JOIN alerts_flag f ON f.id = n.flag_id ORDER BY n.id
                """,
            )
        ]


class NotedPolicyChange(PolicyChange):
    """Policy changes, with the triggers that note what is published or withdrawn, through whatever door."""

    class Meta:
        proxy = True
        triggers = [
            _notes(
                "note_insert_for_webhooks",
                pgtrigger.Insert,
                """
                SELECT 'policy.published', NULL::bigint, NULL::bigint, n.id
                FROM new_rows n WHERE n.status = 'published' ORDER BY n.id
                """,
            ),
            _notes(
                "note_update_for_webhooks",
                pgtrigger.Update,
                """
                SELECT 'policy.' || n.status, NULL::bigint, NULL::bigint, n.id
                FROM new_rows n JOIN old_rows o ON o.id = n.id
                WHERE n.status IN ('published', 'withdrawn') AND n.status IS DISTINCT FROM o.status ORDER BY n.id
                """,
            ),
        ]


class NotedRevision(PolicyChangeRevision):
    """Revisions of published changes, with the trigger that notes that one came into force."""

    class Meta:
        proxy = True
        triggers = [
            _notes(
                "note_for_webhooks",
                pgtrigger.Update,
                """
                SELECT 'policy.published', NULL::bigint, NULL::bigint, n.change_id
                FROM new_rows n JOIN old_rows o ON o.id = n.id
                WHERE n.ended_as = 'published' AND o.ended_as IS NULL ORDER BY n.id
                """,
            )
        ]
