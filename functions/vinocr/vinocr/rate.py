"""How many calls a second: a sliding window, the strictest reading of "10 requests per second".

In no span of one second, wherever it begins, are more than the limit accepted. A client that
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
    accepted: deque[float] = field(default_factory=deque)
    asked: deque[float] = field(default_factory=deque)


@dataclass(slots=True)
class Limiter:
    """Counts calls by whatever they are limited by: an account, a client address."""

    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)

    def ask(self, kind: str, name: str, limit: int, now: float) -> int | None:
        """Count a call at monotonic time ``now`` (seconds).

        :returns: None if it is within the limit; else how many were asked for in the window,
            this one included, which is the first number of RequestLimitExceeded's message.
        """
        window = self._windows.setdefault((kind, name), _Window())
        for times in (window.accepted, window.asked):
            while times and times[0] <= now - WINDOW:
                times.popleft()
        window.asked.append(now)
        if len(window.asked) > 16 * limit + 1024:  # a flood must not cost memory
            window.asked.popleft()
        if len(window.accepted) >= limit:
            return max(len(window.asked), limit + 1)
        window.accepted.append(now)
        return None

    def forget(self, now: float) -> None:
        """Drop the windows that have been silent for a second, so that many addresses cost nothing."""
        silent = [
            name
            for name, window in self._windows.items()
            if not window.asked or window.asked[-1] <= now - WINDOW
        ]
        for name in silent:
            del self._windows[name]
