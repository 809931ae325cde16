"""Days to act by that are always today follow it when a day begins in a measure's zone, without any screening.

Between two turns of time nothing else of a flag changes, so a day to act by that has passed can only have become today.
"""

from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet

from alerts.changelog import one_at_a_time
from alerts.models import Flag
from alerts.models.flags import Kind
from policies.models import Measure


def follow_today(*, at: datetime) -> int:
    """Move the days that have passed to today; after a sweep, for what is due must have been screened. How many moved.

    The day is the measure's; where a renewal may be behind the flag, the earlier of it and the business time zone's.
    """
    if not any(flags.exists() for flags, _ in _behind(at)):
        return 0
    with one_at_a_time():
        return sum(flags.update(act_by=day) for flags, day in _behind(at))


def _behind(at: datetime) -> Iterator[tuple[QuerySet[Flag], date]]:
    business = at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    published = Measure.objects.published()
    for zone in published.order_by().values_list("change__timezone", flat=True).distinct():
        day = at.astimezone(ZoneInfo(zone)).date()
        of_zone = Flag.objects.open().filter(measure__in=published.filter(change__timezone=zone).values("id"))
        maybe_renewal = Q(kind=Kind.NO_NEW_CONTRACTS)
        yield of_zone.filter(~maybe_renewal, act_by__lt=day), day
        yield of_zone.filter(maybe_renewal, act_by__lt=min(day, business)), min(day, business)
