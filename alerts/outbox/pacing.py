"""Pacing: how fast mails go to one domain, whoever sends them."""

from django.conf import settings
from django.db import connection

from alerts.models import MailDomain


def book(address: str) -> None:
    """Use up one mail's share of the domain's rate; 0 in the settings is no limit."""
    rate = settings.EMAIL_PER_DOMAIN_PER_MINUTE
    if not rate:
        return
    statement = f"""
        INSERT INTO {MailDomain._meta.db_table} AS domain (domain, booked_until)
        VALUES (%(domain)s, now() + %(share)s * interval '1 second')
        ON CONFLICT (domain) DO UPDATE
        SET booked_until = greatest(domain.booked_until, now()) + %(share)s * interval '1 second'
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, {"domain": address.rpartition("@")[2].lower(), "share": 60 / rate})
