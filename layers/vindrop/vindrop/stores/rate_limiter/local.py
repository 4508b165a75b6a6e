"""The rate limiter of one process."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from vindrop.core.rate_limiter import Permit, Rate, RateLimited
from vindrop.stores.rate_limiter import gcra
from vindrop.stores.rate_limiter.gcra import SECOND, Rule


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

    def now(self) -> Rate:
        """Return what it allows now."""
        with self._lock:
            ahead = self._tat - self._rule.tolerance - self._now()
            return Rate(SECOND / self._spacing, max(ahead, 0) / SECOND)

    def _now(self) -> int:
        return round(self._clock() * SECOND)
