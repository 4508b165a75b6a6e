"""Rate limiter of the service: a sliding window log, the strictest reading of "10 per second".

In no span of one second, wherever it begins, are more than the limit admitted. A client that
passes here passes a server that counts calendar seconds, or a token bucket of the same size.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 1.0
"""Seconds."""


@dataclass(slots=True)
class _Window:
    admitted: deque[float] = field(default_factory=deque)
    requested: deque[float] = field(default_factory=deque)


@dataclass(slots=True)
class RateLimiter:
    """Counts requests by whatever they are limited by: an account, a client address."""

    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)

    def admit(self, kind: str, name: str, limit: int, now: float) -> int | None:
        """Count a request at monotonic time ``now`` (seconds); refused ones use nothing up.

        :returns: None if it is admitted; else the number of requests in the window, this one
            included, which is the first number of RequestLimitExceeded's message.
        """
        window = self._windows.setdefault((kind, name), _Window())
        for times in (window.admitted, window.requested):
            while times and times[0] <= now - WINDOW:
                times.popleft()
        window.requested.append(now)
        if len(window.requested) > 16 * limit + 1024:  # a flood must not cost memory
            window.requested.popleft()
        if len(window.admitted) >= limit:
            return max(len(window.requested), limit + 1)
        window.admitted.append(now)
        return None

    def evict(self, now: float) -> None:
        """Drop the windows without a request in the last second, which bounds the memory."""
        self._windows = {
            name: window
            for name, window in self._windows.items()
            if window.requested and window.requested[-1] > now - WINDOW
        }
