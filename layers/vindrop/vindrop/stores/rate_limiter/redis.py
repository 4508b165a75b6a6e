"""The quota in Redis: one script per slot, timed by Redis's own clock.

``redis://:password@host:6379/0``, ``rediss://`` for TLS. Kept in one hash; nothing else is
written, and a Redis that forgets it merely starts at the configured rate again.
"""

from __future__ import annotations

from typing import Any, Final

from vindrop.core.rate_limiter import Permit, RateLimited
from vindrop.core.store_errors import StoreError
from vindrop.core.store_url import parse
from vindrop.stores.rate_limiter.gcra import NARROW, WIDEST, after_refusal
from vindrop.stores.redis import connect

_SECOND: Final = 1_000_000

# A script's numbers are doubles: microseconds since 1970 fit with three bits to spare.
_RESERVE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local base, max_wait = tonumber(ARGV[1]), tonumber(ARGV[2])
local next = math.max(tonumber(redis.call('HGET', KEYS[1], 'next_us') or 0), now)
local spacing = math.max(tonumber(redis.call('HGET', KEYS[1], 'spacing_us') or 0), base)
if next - now > max_wait then return {0, string.format('%.0f', next - now)} end
redis.call('HSET', KEYS[1],
  'next_us', string.format('%.0f', next + spacing),
  'spacing_us', string.format('%.0f', spacing - math.floor((spacing - base) * tonumber(ARGV[3]))))
return {1, string.format('%.0f', next - now)}
"""
_REFUSED: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local base, least = tonumber(ARGV[1]), tonumber(ARGV[2])
local next = math.max(tonumber(redis.call('HGET', KEYS[1], 'next_us') or 0), now)
local spacing = math.max(tonumber(redis.call('HGET', KEYS[1], 'spacing_us') or 0), base)
spacing = math.min(math.max(spacing * tonumber(ARGV[3]), least), base * tonumber(ARGV[4]))
redis.call('HSET', KEYS[1],
  'next_us', string.format('%.0f', next + tonumber(ARGV[5])),
  'spacing_us', string.format('%.0f', spacing))
"""


class RedisRateLimiter:
    """See `vindrop.core.rate_limiter.RateLimiter`."""

    def __init__(self, url: str, account: str, rate: float) -> None:
        parse(url)  # takes no options
        self._redis, self._errors = connect(url)
        self._key = f"vindrop:quota:{account}"
        self._base = round(_SECOND / rate)

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book the next free slot in one script."""
        booked, wait = self._run(_RESERVE, self._base, round(max_wait * _SECOND), NARROW)
        if int(booked):
            return Permit(int(wait) / _SECOND)
        return RateLimited(max(int(wait) / _SECOND - max_wait, self._base / _SECOND))

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and stay quiet for a moment, for everyone."""
        response = after_refusal(limit, self._base / _SECOND)
        self._run(
            _REFUSED,
            self._base,
            round(response.least * _SECOND),
            response.factor,
            WIDEST,
            round(response.quiet * _SECOND),
        )

    def _run(self, script: str, *arguments: float) -> Any:
        try:
            return self._redis.eval(script, 1, self._key, *arguments)
        except self._errors.RedisError as error:
            raise StoreError(f"Redis said: {error}") from None
