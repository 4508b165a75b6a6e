"""When may the next call start, across all instances.

Slots are spaced evenly and reserved ahead (the generic cell rate algorithm with a burst of one):
one store operation books the next free moment, and the caller sleeps until then. Compared with
asking again and again that costs a fifth of the operations and is fair.

The rate is learned downwards: a refusal (RequestLimitExceeded) widens the spacing, to what the
provider's message names where it does, and every slot used after that narrows it a little, back
to the configured rate. The figures are in `vindrop.stores.rate_limiter.gcra`.
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
    """A call may start, after waiting."""

    wait: float
    """Seconds to sleep first; 0 to go at once."""


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Every slot within the wait that was allowed is taken."""

    retry_after: float
    """Seconds after which a slot within the same wait may be free."""


class RateLimiter(Protocol):
    """What the pipeline asks of a quota."""

    def reserve(self, max_wait: float) -> Permit | RateLimited:
        """Book the next free slot, if it is at most ``max_wait`` seconds away.

        :raises StoreError: the store is away; see `vindrop.stores.rate_limiter.local.Fallback`.
        """

    def refused(self, limit: float | None) -> None:
        """The provider refused for the rate; ``limit`` is its own number, where it names one."""


def limit_named(message: str) -> float | None:
    """Return the limit (calls per second) that a RequestLimitExceeded message names in backquotes.

    The message names the current figure and the limit; the smaller is the limit.
    """
    numbers = [float(number) for number in re.findall(_LIMITS, message)]
    return min(numbers) if numbers and min(numbers) > 0 else None
