"""How often somebody may try: counters in Redis, and in this process's memory while Redis is away."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import redis
from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """`rule` like "10 per 1 hour" for each value of what `name` counts."""

    name: str
    rule: str

    @property
    def item(self) -> RateLimitItem:
        return parse(self.rule)


def allow(tries: Iterable[tuple[Limit, str]]) -> Limit | None:
    """Count one try against every (limit, value); the first limit that says no, or None. Empty values do not count.

    Values are hashed before they are stored: no address or e-mail lies in Redis.
    """
    refused: Limit | None = None
    for limit, value in tries:
        if value and not _hit(limit, hashlib.sha256(value.encode()).hexdigest()[:32]):
            refused = refused or limit
    return refused


def _hit(limit: Limit, value: str) -> bool:
    try:
        return _in_redis().hit(limit.item, limit.name, value)
    except (redis.RedisError, StorageError, OSError) as error:
        # Giving goes on without Redis; each process still counts for itself, so it is no open door.
        logger.warning("limits without Redis", extra={"error": type(error).__name__})
        return _in_memory().hit(limit.item, limit.name, value)


@cache
def _in_redis() -> FixedWindowRateLimiter:
    pool = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
    # The URL only names the scheme for the library; the pool is what connects (it knows unix sockets).
    return FixedWindowRateLimiter(RedisStorage("redis://localhost", connection_pool=pool, wrap_exceptions=True))


@cache
def _in_memory() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def address(request: HttpRequest) -> str:
    """The visitor's IP address, believing only the last TRUSTED_PROXIES entries of X-Forwarded-For."""
    direct = str(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES:
        return direct
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-settings.TRUSTED_PROXIES] if len(hops) >= settings.TRUSTED_PROXIES else direct
