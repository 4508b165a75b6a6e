"""URL → the rate limiter that it names: one file per kind of store, one admission rule (gcra.py)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vindrop.core.rate_limiter import MARGIN, RateLimiter
from vindrop.core.store_errors import StoreSettingError, naming
from vindrop.core.store_url import scheme_of
from vindrop.stores.rate_limiter.gcra import Rule
from vindrop.stores.sql import is_sql, open_database


def open_rate_limiter(
    url: str,
    *,
    account: str,
    rate: float,
    burst: int = 1,
    environment: Mapping[str, str] | None = None,
) -> RateLimiter:
    """Return the rate limiter that ``url`` names.

    :param account: the name under which instances share the rate of one VinOCR account.
    :param rate: calls per second that the provider allows.
    :param burst: permits that may start at once after an idle time.
    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :raises StoreSettingError: no rate limiter of that kind.
    """
    from vindrop.stores.rate_limiter.local import Fallback, LocalRateLimiter

    rule, paced = Rule.with_margin(rate, burst), rate / (1 + MARGIN)
    if url == "memory":
        return LocalRateLimiter(paced, burst)
    with naming("VINDROP_RATE_LIMITER"):
        given = os.environ if environment is None else environment
        return Fallback(_shared(url, account, rule, given), paced)


def _shared(url: str, account: str, rule: Rule, environment: Mapping[str, str]) -> RateLimiter:
    if is_sql(url):
        from vindrop.stores.rate_limiter.sql import SQLRateLimiter

        return SQLRateLimiter(open_database(url), account, rule)
    scheme = scheme_of(url)
    if scheme in {"redis", "rediss"}:
        from vindrop.stores.rate_limiter.redis import RedisRateLimiter

        return RedisRateLimiter(url, account, rule)
    if scheme == "dynamodb":
        from vindrop.stores.dynamodb import open_dynamodb
        from vindrop.stores.rate_limiter.dynamodb import DynamoDBRateLimiter

        return DynamoDBRateLimiter(open_dynamodb(url, environment), account, rule)
    raise StoreSettingError(
        "it takes a URL that begins with sqlite:///, postgresql://, mysql://, dynamodb://, redis:// or "
        "rediss://, or memory"
    )
