"""Whether this process lives, and whether it may be sent requests."""

from dataclasses import asdict
from functools import cache

import redis
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from alerts.backlog import backlog
from people.clock import now


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 for as long as the process answers; it asks nobody else, so that a lost database restarts no web server."""
    return JsonResponse({"status": "live"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 where the database answers and is migrated, else 503.

    A lost broker is told but is no reason for 503: work waits in the tables and the web server can still take it. A
    backlog is none either, and told as `alerts/backlog.py` has it.
    """
    report: dict[str, str | float | None] = {"broker": _broker()}
    try:
        missing = _unapplied()
        if not missing:
            report |= asdict(backlog(at=now()))
    except Error as error:
        return JsonResponse({"status": "database unavailable", "error": type(error).__name__, **report}, status=503)
    if missing:
        return JsonResponse({"status": "not migrated", "missing": missing, **report}, status=503)
    return JsonResponse({"status": "ready", **report})


def _broker() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as broker:
            broker.ping()
    except redis.RedisError:
        return "unavailable"
    return "available"


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None)
    return frozenset(node for node in loader.graph.nodes)


def _unapplied() -> int:
    """How many migrations of this process's code the database lacks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return len(_known_migrations())
        cursor.execute("SELECT app, name FROM django_migrations")
        return len(_known_migrations() - set(cursor.fetchall()))
