"""Wrong API keys by client address: whoever sends many must wait before the next one is looked at.

One process's memory: another instance counts for itself. A key is long enough to resist guessing;
this keeps guesses from costing anything, and puts them into the log.
"""

from __future__ import annotations

import ipaddress
from typing import Final

FREE: Final = 10
"""Wrong keys that cost no wait."""
LONGEST: Final = 30.0
"""Seconds of the longest wait."""
_FORGET: Final = 600.0
_MOST: Final = 10_000
"""Addresses that are remembered; beyond, the oldest are forgotten."""


class WrongKeys:
    """Counts by address. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}
        """Network → wrong keys, time of the last one; in the order of that time."""

    def wait(self, address: str, now: float) -> float:
        """Return the seconds until a key from ``address`` is looked at again; 0: at once."""
        count, last = self._of(_network(address), now)
        if count < FREE:
            return 0.0
        pause: float = min(2.0 ** min(count - FREE, 10), LONGEST)
        return max(0.0, last + pause - now)

    def note(self, address: str, now: float) -> int:
        """Count a wrong key; return how many came from ``address`` lately."""
        name = _network(address)
        count = self._of(name, now)[0] + 1
        self._seen.pop(name, None)
        self._seen[name] = (count, now)
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]
        return count

    def _of(self, name: str, now: float) -> tuple[int, float]:
        count, last = self._seen.get(name, (0, now))
        return (0, now) if now - last > _FORGET else (count, last)


def _network(address: str) -> str:
    """Return whom an address belongs to: itself, or the /64 of an IPv6 one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(getattr(ip, "ipv4_mapped", None) or ip)
