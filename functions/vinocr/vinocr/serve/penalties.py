"""What floods cost those who send them: time, and less of ours.

A client that is refused and connects again at once would keep the event loop busy for nothing. So
an address has a few refusals free; each further one is told later, and until then nothing is read
from its connection. Chunks of a few bytes cost far more than their bytes: an address may send
so many a second, then its connections are not read for a while. Requests that are well formed pay nothing,
from whatever address they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SMALL_CHUNK: Final = 1024
"""Bytes: a chunk below is counted."""
_HOLD_SECONDS: Final = 2.0
_MOST_ADDRESSES: Final = 10_000


@dataclass(slots=True)
class Bucket:
    """A token bucket (RFC 2697's committed part): tokens come back at a rate, up to a burst."""

    rate: float
    """Tokens per second."""
    burst: float
    tokens: float
    at: float
    """Seconds of the loop's clock at which ``tokens`` was right."""

    def take(self, count: int, now: float) -> float:
        """Take ``count`` tokens, which may leave a debt; return the seconds until it is paid."""
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate) - count
        self.at = now
        return max(0.0, -self.tokens / self.rate)

    def is_full(self, now: float) -> bool:
        """Whether all of its tokens are back: forgetting it changes nothing."""
        return self.tokens + (now - self.at) * self.rate >= self.burst


class Buckets:
    """One bucket for each address that has taken a token of late."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._of: dict[str, Bucket] = {}

    def take(self, address: str, count: int, now: float) -> float:
        """Take ``count`` tokens of ``address``; return the seconds until its debt is paid."""
        bucket = self._of.get(address)
        if bucket is None:
            if len(self._of) >= _MOST_ADDRESSES:
                self._forget(now)
            bucket = self._of[address] = Bucket(self._rate, self._burst, self._burst, now)
        return bucket.take(count, now)

    def _forget(self, now: float) -> None:
        self._of = {name: each for name, each in self._of.items() if not each.is_full(now)}
        if len(self._of) >= _MOST_ADDRESSES:  # an attack from everywhere: nobody is told apart
            self._of.clear()


class Penalties:
    """Counts refusals and small chunks of each address; see the module.

    An empty address is a proxy's, which carries many clients: it pays nothing.
    """

    def __init__(self) -> None:
        self._refusals = Buckets(rate=2.0, burst=20.0)
        self._chunks = Buckets(rate=1000.0, burst=2000.0)

    def of_refusal(self, address: str, now: float) -> float:
        """Count a refusal; return the seconds for which it is held back."""
        owed = self._refusals.take(address, 1, now) if address else 0.0
        return _HOLD_SECONDS if owed else 0.0

    def of_chunks(self, address: str, count: int, now: float) -> float:
        """Count small chunks; return the seconds for which their connection is not read."""
        return self._chunks.take(address, count, now) if address and count else 0.0
