"""The business calendar of whoever is told: their own country and zone, as far as they are established."""

from django.conf import settings

from people import codes
from people.business_days import BusinessCalendar
from people.models import User


def working_calendar(user: User | None, country: str | None) -> BusinessCalendar:
    """`country` is where they are taken to work where their own is not established; the zone, the business one."""
    zone = user.timezone if user and user.timezone in codes.timezones() else settings.TIME_ZONE
    return BusinessCalendar(zone, (user and user.country) or country, *settings.WORKING_HOURS)
