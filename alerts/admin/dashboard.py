"""The first page: what is open and until when, what is unsent, when screening last finished."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models import Count, F, Q
from django.http import HttpRequest

from alerts.admin.columns import MESSAGE_COLOURS, in_days, money
from alerts.admin.ringing import flag_rows
from alerts.models import Flag, Message, ScreeningRun, SetAside
from alerts.models.messages import MessageQuerySet
from alerts.portfolio import calendar
from contracts.admin import facts_of
from contracts.models import Contract
from contracts.stage import notice_deadline
from people import clock
from people.models import User
from people.principal import principal

SHOWN = 10
NOTICE_WITHIN = 90
"""Days ahead in which a notice deadline is shown."""
URGENT_WITHIN = 7
LONGEST_NOTICE = 400
"""Days of notice beyond which the list does not look, so that it reads few contracts."""


class NoticeDeadline(models.Func):
    """`expires_on` less `notice_days`: a date less a whole number is a date."""

    arg_joiner = " - "
    template = "(%(expressions)s)"
    output_field = models.DateField()


class Total(NamedTuple):
    """The exposure of open flags in one currency; a contract with several flags counts with its largest."""

    amount: str
    contracts: int


def today(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, added to its context."""
    user, now = principal(request), calendar(clock.now())
    flags = Flag.objects.to_do().visible_to(user)
    messages = Message.objects.visible_to(user)
    context.update(
        {
            "today": now.today,
            "counts": flags.order_by().aggregate(
                matched=Count("id", Q(certainty="matched")),
                review=Count("id", Q(certainty="needs_review")),
                due=Count("id", Q(act_by__lte=now.today)),
                contracts=Count("contract", distinct=True),
            ),
            "totals": _exposure(flags),
            "flag_rows": flag_rows(flags)[:SHOWN],
            "deadlines": _notice_deadlines(user, now.today),
            "unsent": _unsent(messages),
            "unsent_messages": [
                {"message": message, "colour": MESSAGE_COLOURS[message.state]}
                for message in messages.unsent().order_by("-id")[:SHOWN]
            ],
            "last_run": ScreeningRun.objects.complete().defer("scope", "buckets", "errors").order_by("-id").first(),
            "set_aside": SetAside.objects.visible_to(user).count(),
            "unfinished": ScreeningRun.objects.abandoned().exists(),
        }
    )
    return context


def _unsent(messages: MessageQuerySet) -> Mapping[str, int]:
    states = messages.unsent().order_by().values_list("state").annotate(Count("id"))
    by_state = dict(states)
    return {
        "waiting": by_state.get("pending", 0) + by_state.get("sending", 0) + by_state.get("failed", 0),
        "dead": by_state.get("dead", 0),
    }


def _exposure(flags: models.QuerySet[Flag]) -> list[Total]:
    """Per currency, the one of most contracts first; flags without a known exposure are not in it."""
    largest = (
        flags.filter(exposure_amount__isnull=False)
        .order_by()
        .values("contract", "exposure_currency")
        .annotate(most=models.Max("exposure_amount"))
    )
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for row in largest.iterator():
        amounts[str(row["exposure_currency"])].append(row["most"])
    by_contracts = sorted(amounts.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Total(money(sum(each, Decimal(0)), currency), len(each)) for currency, each in by_contracts]


def _notice_deadlines(user: User, day: date) -> list[dict[str, Any]]:
    """Contracts whose notice deadline lies ahead or was just missed, the nearest first."""
    contracts = (
        Contract.objects.visible_to(user)
        .filter(closed_as__isnull=True, terminated_on__isnull=True, notice_days__lte=LONGEST_NOTICE)
        .filter(expires_on__gte=day, expires_on__lte=day + timedelta(days=NOTICE_WITHIN + LONGEST_NOTICE))
        .exclude(renewal="none")
        .annotate(deadline=NoticeDeadline(F("expires_on"), F("notice_days")))
        .filter(deadline__gte=day, deadline__lte=day + timedelta(days=NOTICE_WITHIN))
        .select_related("supplier")
        .order_by("deadline", "reference")
    )
    return [
        {
            "contract": contract,
            "deadline": deadline,
            "in_days": in_days(deadline, day),
            "urgency": "danger" if (deadline - day).days <= URGENT_WITHIN else "warning",
        }
        for contract in contracts[:SHOWN]
        if (deadline := notice_deadline(facts_of(contract)))
    ]
