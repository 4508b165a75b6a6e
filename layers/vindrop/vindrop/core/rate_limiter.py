"""When the next call to VinOCR may start, across all instances: the rate limiter's interface.

A caller reserves a permit and sleeps until its moment. One store operation per call is enough, and
callers are served in the order in which they asked; polling would cost five times the operations.

The admission rule is GCRA, the generic cell rate algorithm: `vindrop.stores.rate_limiter.gcra`.
The rate adapts downwards: a refusal (RequestLimitExceeded) widens the spacing of permits, and each
permit that is used afterwards narrows it a little, back to the configured rate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Protocol

MARGIN: Final = 0.03
"""Share of the rate that is left unused so that network jitter causes no refusals: seconds of
jitter that a window of one second tolerates. Chosen with bench/burst.py: docs/reliability.md."""
LATE: Final = MARGIN / 2
"""Seconds by which the start of a permit may be missed; a later caller reserves another permit."""
_LIMITS: Final = r"`(\d+(?:\.\d+)?)`"


@dataclass(frozen=True, slots=True)
class Permit:
    """One call may start, after waiting."""

    wait: float
    """Seconds to sleep first; 0: start at once."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """No permit starts within the wait that the caller allowed. Nothing was reserved."""

    retry_after: float
    """Seconds after which the same request may succeed."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What the rate limiter allows now."""

    per_second: float
    """Permits per second: below the configured rate after refusals."""
    ahead: float
    """Seconds for which permits are reserved already: how long the next caller waits."""


class RateLimiter(Protocol):
    """What the pipeline needs of a rate limiter."""

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Reserve the next permit if it starts within ``max_wait`` seconds.

        :raises StoreError: the store is away; see `vindrop.stores.rate_limiter.local.Fallback`.
        """

    def refused(self, limit: float | None) -> None:
        """Report that the provider refused a call for its rate.

        :param limit: calls per second that the refusal names, if it names a limit.
        """

    def now(self) -> Rate:
        """Return what it allows now; reserves nothing.

        :raises StoreError: the store is away.
        """


def limit_named(message: str) -> float | None:
    """Return the limit (calls per second) that a RequestLimitExceeded message names in backquotes.

    The message names the current figure and the limit; the smaller is the limit.
    """
    numbers = [float(number) for number in re.findall(_LIMITS, message)]
    return min(numbers) if numbers and min(numbers) > 0 else None
