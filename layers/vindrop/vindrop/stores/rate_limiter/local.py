"""The rate limiter of one process, and the fallback while the shared store is away."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from vindrop.core.rate_limiter import Permit, RateLimited, RateLimiter
from vindrop.core.store_errors import StoreError
from vindrop.stores.rate_limiter import gcra
from vindrop.stores.rate_limiter.gcra import SECOND, Rule
from vindrop.telemetry import log

LOCAL_SHARE: Final = 0.1
"""Part of the rate that an instance takes on its own while the store is away: the concurrency is
set for ten instances (rate times the second that a call takes)."""


class LocalRateLimiter:
    """Permits for the threads of this process only, at ``rate`` per second without a margin."""

    def __init__(
        self, rate: float, burst: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rule = Rule.of(rate, burst)
        self._spacing = self._rule.spacing
        self._tat = 0
        self._clock = clock
        self._lock = threading.Lock()

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve the next permit."""
        longest = 2**62 if math.isinf(max_wait) else round(max_wait * SECOND)
        with self._lock:
            found, self._tat = gcra.admit(
                self._rule, self._now(), self._tat, self._spacing, longest
            )
            if isinstance(found, Permit):
                self._spacing = gcra.narrowed(self._rule, self._spacing)
            return found

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and pause for a moment."""
        with self._lock:
            self._tat, self._spacing = gcra.refuse(
                self._rule, self._now(), self._tat, self._spacing, limit
            )

    def _now(self) -> int:
        return round(self._clock() * SECOND)


class Fallback:
    """A shared rate limiter that falls back to a local share of the rate, never to no limit.

    The local share has no burst: all instances would take theirs at the same moment.
    """

    def __init__(self, shared: RateLimiter, rate: float) -> None:
        self._shared = shared
        self._local = LocalRateLimiter(rate * LOCAL_SHARE)

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve a shared permit, or a local one while the store is away."""
        try:
            return self._shared.reserve(max_wait)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))
            return self._local.reserve(max_wait)

    def refused(self, limit: float | None) -> None:
        """Report the refusal to both."""
        self._local.refused(limit)
        try:
            self._shared.refused(limit)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))
