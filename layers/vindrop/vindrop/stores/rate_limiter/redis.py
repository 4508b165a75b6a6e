"""The rate limiter in Redis: one script per permit, on Redis's own clock.

``redis://:password@host:6379/0``, ``rediss://`` for TLS. The state is one hash; a Redis that loses
it starts at the configured rate again. A Redis Cluster works as well. The scripts are the rule of
`vindrop.stores.rate_limiter.gcra` (``next_us`` is its theoretical arrival time).
"""

from __future__ import annotations

from typing import Any, Final

from vindrop.core.rate_limiter import Permit, Rate, RateLimited
from vindrop.core.store_url import TIMEOUT, parse
from vindrop.stores.rate_limiter.gcra import NARROW, SECOND, Rule, after_refusal
from vindrop.stores.redis import Scripts

# A script's numbers are doubles: microseconds since 1970 fit with three bits to spare.
_STATE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local base, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = tonumber(redis.call('HGET', KEYS[1], 'next_us') or 0)
local spacing = math.max(tonumber(redis.call('HGET', KEYS[1], 'spacing_us') or 0), base)
"""
_ADMIT: Final = f"""{_STATE}
local max_wait, narrow = tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = math.max(tat - tolerance - now, 0)
if wait > max_wait then return {{0, string.format('%.0f', wait)}} end
redis.call('HSET', KEYS[1],
  'next_us', string.format('%.0f', math.max(tat, now) + spacing),
  'spacing_us', string.format('%.0f', spacing - math.floor((spacing - base) * narrow)))
return {{1, string.format('%.0f', wait)}}
"""
_REFUSE: Final = f"""{_STATE}
local factor, least, widest, pause =
  tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('HSET', KEYS[1],
  'next_us', string.format('%.0f', math.max(tat, now + tolerance) + pause),
  'spacing_us', string.format('%.0f', math.min(math.max(spacing * factor, least), widest)))
"""

_LOOK: Final = f"""{_STATE}
return {{string.format('%.0f', math.max(tat - tolerance - now, 0)), string.format('%.0f', spacing)}}
"""


class RedisRateLimiter:
    """See `vindrop.core.rate_limiter.RateLimiter`."""

    def __init__(self, url: str, account: str, rule: Rule) -> None:
        self._redis = Scripts(url, parse(url, (TIMEOUT,)))
        self._key = f"vindrop:quota:{account}"
        self._rule = rule

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve the next permit in one script."""
        admitted, found = self._run(_ADMIT, round(max_wait * SECOND), NARROW)
        wait = int(found) / SECOND
        if int(admitted):
            return Permit(wait)
        return RateLimited(max(wait - max_wait, self._rule.spacing / SECOND))

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and pause for a moment, for everyone."""
        refusal = after_refusal(self._rule, limit)
        self._run(_REFUSE, refusal.factor, refusal.least, refusal.widest, refusal.pause)

    def now(self) -> Rate:
        """Return what it allows now, by one script that writes nothing."""
        ahead, spacing = self._run(_LOOK)
        return Rate(SECOND / int(spacing), int(ahead) / SECOND)

    def _run(self, script: str, *arguments: float) -> Any:
        rule = self._rule
        return self._redis.run(script, [self._key], rule.spacing, rule.tolerance, *arguments)
