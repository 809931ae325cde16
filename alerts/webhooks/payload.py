"""The bodies of webhooks: thin JSON that says what happened, to what, and where to read the rest."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from alerts.bundle.output import exact
from alerts.models import CheckTurn, FlagEvent, WebhookEvent
from alerts.screening.verdicts import Money
from contracts.models import Contract
from people.models import ChangeEntry
from policies.models import PolicyChange


def bodies(events: Iterable[WebhookEvent]) -> dict[int, str]:
    """The body of each event by its number; one whose object is gone without a trace has none."""
    events = list(events)
    flag_events = FlagEvent.objects.select_related("flag__measure__change").in_bulk(
        {event.flag_event_id for event in events if event.flag_event_id is not None}
    )
    contracts = _contracts({event.contract_id for event in events if event.contract_id is not None})
    changes = PolicyChange.objects.in_bulk(
        {event.policy_change_id for event in events if event.policy_change_id is not None}
    )
    turns = CheckTurn.objects.select_related("parent__department").in_bulk(
        {event.check_turn_id for event in events if event.check_turn_id is not None}
    )
    rendered: dict[int, str] = {}
    for event in events:
        happened = flag_events.get(event.flag_event_id or 0)
        change = changes.get(event.policy_change_id or 0)
        contract = contracts.get(event.contract_id or 0)
        if happened is not None and contract is not None:
            rendered[event.pk] = body(event, happened.at, _flag(happened, contract))
        elif turn := turns.get(event.check_turn_id or 0):
            rendered[event.pk] = body(event, turn.at, _turn(turn))
        elif change is not None:
            rendered[event.pk] = body(event, event.created_at, _change(change))
    return rendered


def body(event: WebhookEvent, at: datetime, facts: dict[str, Any]) -> str:
    """As Standard Webhooks has it: `type`, `timestamp`, `data`. A higher `sequence` about one object is newer."""
    content = {"type": event.type, "timestamp": at.isoformat(), "data": {"sequence": event.pk, **facts}}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _flag(event: FlagEvent, contract: dict[str, Any]) -> dict[str, Any]:
    flag, change = event.flag, event.flag.measure.change
    return {
        "flag": flag.pk,
        "contract": contract["reference"],
        "policy_change": change.reference,
        "measure": f"{change.reference}/{flag.measure.key}",
        "kind": flag.kind,
        "event": event.kind,
        "certainty": event.certainty,
        "certainty_before": event.certainty_before,
        "basis": event.basis,
        "basis_before": event.basis_before,
        "act_by": event.act_by.isoformat(),
        "act_by_before": event.act_by_before.isoformat() if event.act_by_before else None,
        "exposure": _money(event.exposure_amount, event.exposure_currency),
        "exposure_before": _money(event.exposure_amount_before, event.exposure_currency_before),
        "concluded": event.concluded,
        "closed_because": flag.closed_because if event.kind == "closed" else None,
        "owner": contract["owner"],
        "department": contract["department"],
        "url": f"{settings.BASE_URL}/api/v1/flags/{flag.pk}",
    }


def _change(change: PolicyChange) -> dict[str, Any]:
    return {
        "policy_change": change.reference,
        "version": change.version,
        "title": change.title,
        "number": change.number,
        "authority": change.authority,
        "authority_country": change.authority_country,
        "formality": change.formality,
        "announced_on": change.announced_on.isoformat() if change.announced_on else None,
        "url": f"{settings.BASE_URL}/api/v1/policy-changes/{change.reference}",
    }


def _turn(turn: CheckTurn) -> dict[str, Any]:
    check = turn.parent
    return {
        "change": turn.pk,
        "check": str(check.uuid),
        "document": check.reference,
        "purpose": check.purpose,
        "decision": turn.after,
        "decision_before": turn.before,
        "lines": turn.lines_after,
        "measures": turn.measures,
        "department": check.department.reference if check.department else None,
        "url": f"{settings.BASE_URL}/api/v1/checks/{check.uuid}",
    }


def _contracts(ids: set[int]) -> dict[int, dict[str, Any]]:
    """What is told of each contract; of one that was deleted, the reference it had."""
    rows = Contract.objects.filter(pk__in=ids).values_list("id", "reference", "owner", "department__reference")
    found = {pk: {"reference": reference, "owner": owner, "department": dept} for pk, reference, owner, dept in rows}
    gone = ChangeEntry.objects.filter(kind=ChangeEntry.Kind.CONTRACT, object_id__in=ids - found.keys())
    for pk, reference in gone.values_list("object_id", "reference"):
        found[pk] = {"reference": reference, "owner": None, "department": None}
    return found


def _money(amount: Decimal | None, currency: str | None) -> dict[str, str] | None:
    return None if amount is None or currency is None else exact(Money(amount, currency))
