"""The quota of one process, and what stands in when the shared store is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from vindrop.core.rate_limiter import Permit, RateLimited, RateLimiter
from vindrop.core.store_errors import StoreError
from vindrop.stores.rate_limiter.gcra import NARROW, WIDEST, after_refusal
from vindrop.telemetry import log

LOCAL_SHARE: Final = 0.1
"""Part of the rate an instance takes on its own while the store is away: ten at a time is what
the concurrency is set for (rate times the second that a call takes)."""


class LocalRateLimiter:
    """Slots for the threads of this process only."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = 1.0 / rate
        self._spacing = self._base
        self._next = 0.0
        self._clock = clock
        self._lock = threading.Lock()

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book the next free slot."""
        with self._lock:
            now = self._clock()
            wait = max(self._next - now, 0.0)
            if wait > max_wait:
                return RateLimited(wait - max_wait)
            self._next = now + wait + self._spacing
            self._spacing -= (self._spacing - self._base) * NARROW
            return Permit(wait)

    def refused(self, limit: float | None) -> None:
        """Widen the spacing and stay quiet for a moment."""
        with self._lock:
            response = after_refusal(limit, self._base)
            widened = max(self._spacing * response.factor, response.least)
            self._spacing = min(widened, self._base * WIDEST)
            self._next = max(self._next, self._clock()) + response.quiet


class Fallback:
    """A shared quota that falls back to a local share of the rate, never to no limit."""

    def __init__(self, shared: RateLimiter, rate: float) -> None:
        self._shared = shared
        self._local = LocalRateLimiter(rate * LOCAL_SHARE)

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book a shared slot, or a local one while the store is away."""
        try:
            return self._shared.reserve(max_wait)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))
            return self._local.reserve(max_wait)

    def refused(self, limit: float | None) -> None:
        """Tell both."""
        self._local.refused(limit)
        try:
            self._shared.refused(limit)
        except StoreError as error:
            log("rate_limiter_store_away", level="warning", reason=str(error))
