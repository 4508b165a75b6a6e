"""No limit of ours: for a recognizer that answers as fast as it can, until it says otherwise."""

from __future__ import annotations

from typing import Final

from vindrop.core.rate_limiter import MARGIN, Permit, RateLimited
from vindrop.stores.rate_limiter.local import LocalRateLimiter

UNNAMED: Final = 10.0
"""Calls per second after a refusal that names no limit."""


class Unlimited:
    """See `vindrop.core.rate_limiter.RateLimiter`. A refusal sets a limit, for this process."""

    def __init__(self) -> None:
        self._limited: LocalRateLimiter | None = None

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Return a permit for now, or the next one of the limit that was named."""
        return Permit(0.0) if self._limited is None else self._limited.reserve(max_wait)

    def refused(self, limit: float | None) -> None:
        """Keep to the limit that the refusal names."""
        if self._limited is None:
            self._limited = LocalRateLimiter((limit or UNNAMED) / (1 + MARGIN))
        self._limited.refused(limit)
