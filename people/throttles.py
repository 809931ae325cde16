"""How often somebody may ask, counted in Redis for all web processes together.

Each quota is a number of requests in a window that begins with the first of them. Answers announce it in the fields
`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11 (May 2026); a 429 has `Retry-After`. Where
Redis does not answer nothing is counted, and requests are served.
"""

import ipaddress
import math
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from people.models import User

PREFIX = "tocsin:quota"
"""Of the keys in Redis."""
WINDOW = 60
BODY = 64 * 1024
"""Bytes of a body that weigh as much as a request: long checks and bulk files count for what they are."""
TIMEOUT = 0.25
"""Seconds that a request waits for Redis."""
RESPITE = 5.0
"""Seconds for which Redis is not asked after it did not answer."""

log = structlog.get_logger(__name__)


class Quota(NamedTuple):
    name: str
    most: int
    seconds: int


class Standing(NamedTuple):
    """How somebody stands with a quota: what is used, and the seconds until it begins anew."""

    quota: Quota
    used: int
    seconds: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.quota.most


class _Redis:
    """The connections of this process, and until when they are left alone."""

    def __init__(self) -> None:
        self._silent_until = 0.0

    def ask(self, commands: Callable[[Any], object]) -> list[Any] | None:
        """The answers to commands, in one round trip; None where there are none to be had."""
        if time.monotonic() < self._silent_until:
            return None
        pipeline = _client(settings.REDIS_URL).pipeline(transaction=False)
        commands(pipeline)
        try:
            return list(pipeline.execute())
        except redis.RedisError as error:
            self._silent_until = time.monotonic() + RESPITE
            log.warning("requests are not counted", error=type(error).__name__)
            return None

    def forget(self) -> None:
        """Ask again at once."""
        self._silent_until = 0.0


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


counters = _Redis()


def spend(quota: Quota, who: str, cost: int = 1) -> Standing | None:
    """Count a request; None where the quota is 0, which is none, or nothing can be counted.

    No request costs more than the whole quota, so that each can be made.
    """
    if not quota.most:
        return None
    key = _key(quota, who)
    answers = counters.ask(
        lambda redis: redis.incrby(key, min(cost, quota.most)).expire(key, quota.seconds, nx=True).ttl(key)
    )
    return None if answers is None else Standing(quota, answers[0], max(answers[2], 1))


def give_back(quota: Quota, who: str) -> None:
    """Let somebody begin anew."""
    if quota.most:
        counters.ask(lambda redis: redis.delete(_key(quota, who)))


def refuse(standing: Standing | None) -> None:
    """Raise Throttled where a quota is exceeded."""
    if standing is not None and standing.exceeded:
        raise Throttled(wait=standing.seconds)


def address(request: HttpRequest) -> str:
    """Whom an address counts for: an IPv6 customer has a whole /64. What is no address is one and the same."""
    try:
        found = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class PrincipalThrottle(BaseThrottle):
    """A quota per user, and per address for those who are not signed in."""

    def allow_request(self, request: Request, view: Any) -> bool:
        plain: Any = request._request
        if not hasattr(plain, "rate_limit"):
            plain.rate_limit = self._spend(request)
        self._standing: Standing | None = plain.rate_limit
        return self._standing is None or not self._standing.exceeded

    def wait(self) -> float | None:
        return self._standing and self._standing.seconds

    @staticmethod
    def _spend(request: Request) -> Standing | None:
        cost = 1 + _length(request) // BODY
        if isinstance(request.user, User):
            return spend(Quota("principal", settings.REQUESTS_PER_MINUTE, WINDOW), f"u{request.user.pk}", cost)
        quota = Quota("address", settings.REQUESTS_PER_MINUTE_PER_ADDRESS, WINDOW)
        return spend(quota, address(request._request), cost)


def announced(answer: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: tell who was counted how they stand."""

    def announcing(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        standing: Standing | None = getattr(request, "rate_limit", None)
        if standing is not None:
            name, most, seconds = standing.quota
            response["RateLimit-Policy"] = f'"{name}";q={most};w={seconds}'
            response["RateLimit"] = f'"{name}";r={max(most - standing.used, 0)};t={math.ceil(standing.seconds)}'
        return response

    return announcing


def _key(quota: Quota, who: str) -> str:
    return f"{PREFIX}:{quota.name}:{who}"


def _length(request: Request) -> int:
    try:
        return max(int(request.META.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        return 0
