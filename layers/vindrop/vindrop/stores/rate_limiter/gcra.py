"""The admission rule: GCRA, the generic cell rate algorithm (ITU-T I.371). Pure functions.

Two parameters: the ``rate`` (calls per second) and the ``burst`` (permits that may start at once
after an idle time). Two stored numbers per account, in whole microseconds:

- ``tat``, the theoretical arrival time (stored as ``next_us``): the moment at which the next
  permit would start if all permits were evenly spaced. It moves on by one spacing per permit, and
  is never left behind the present, so that an idle time is credited up to the burst and no more;
- the ``spacing`` between permits (stored as ``spacing_us``): 1/rate at least, wider after a refusal.

A permit starts at ``max(now, tat - tolerance)``, where ``tolerance = (burst - 1) / rate`` is the
part of the schedule that may be used ahead of time. With a burst of 1 permits are evenly spaced.

The bound: however callers compete, at most ``rate * T / (1 + MARGIN) + burst`` permits start in
any window of T seconds. A provider that allows N calls in any one second is therefore obeyed when
``rate + burst - 1 <= N``.

Why the margin: calls spaced by exactly 1/rate put the eleventh at the very edge of a window of one
second, and a network that is a millisecond slower for the first than for the last makes it a
refusal. The SQL and Redis stores evaluate the same rule as one UPDATE and one Lua script on the
server's clock; tests/stores/test_rate_limiter.py compares every store with these functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vindrop.core.rate_limiter import MARGIN, Permit, RateLimited

SECOND: Final = 1_000_000
"""Microseconds."""
WIDEN: Final = 1.25
"""Factor on the spacing after a refusal that names no limit."""
NUDGE: Final = 1.01
"""The same where the limit named is the configured one: the rate is right, the network jittered."""
WIDEST: Final = 8
"""The spacing never grows beyond this multiple of the configured one."""
NARROW: Final = 0.01
"""Share of the excess spacing that each permit takes back: a tenth is left after some 230 calls.
Where the provider's limit really is lower, this is how often it is tested."""
BACK_OFF: Final = 0.5
"""Seconds that all instances pause after a refusal: half a window of one second."""
PAUSE: Final = 0.05
"""The same where only the network jittered: the refused call left its place in the window empty."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rate and burst as the stores apply them, in whole microseconds."""

    spacing: int
    """Between two permits at the configured rate; the stored spacing is never narrower."""
    tolerance: int
    """How long before its theoretical arrival time a permit may start."""

    @classmethod
    def of(cls, rate: float, burst: int = 1) -> Rule:
        """Return the rule for ``rate`` permits per second, without a margin."""
        return cls(round(SECOND / rate), round((burst - 1) * SECOND / rate))

    @classmethod
    def with_margin(cls, rate: float, burst: int) -> Rule:
        """Return the rule that keeps a provider's limit in spite of jitter; see `MARGIN`."""
        return cls.of(rate / (1 + MARGIN), burst)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider's refusal changes."""

    factor: float
    """On the spacing."""
    least: int
    """Microseconds: the spacing is at least this afterwards."""
    widest: int
    """Microseconds: … and at most this."""
    pause: int
    """Microseconds without permits. The refusal also uses up the burst."""


def admit(
    rule: Rule, now: int, tat: int, spacing: int, max_wait: int
) -> tuple[Permit | RateLimited, int]:
    """Return whether a call is admitted, and the new theoretical arrival time.

    :param max_wait: the longest acceptable wait. All arguments are in microseconds.
    """
    wait = max(tat - rule.tolerance - now, 0)
    if wait > max_wait:
        return RateLimited((wait - max_wait) / SECOND), tat
    return Permit(wait / SECOND), max(tat, now) + max(spacing, rule.spacing)


def narrowed(rule: Rule, spacing: int) -> int:
    """Return the spacing after a permit: a share of what a refusal added is taken back."""
    excess = spacing - rule.spacing
    return spacing - max(int(excess * NARROW), 1) if excess > 0 else rule.spacing


def after_refusal(rule: Rule, limit: float | None) -> Refusal:
    """Return what a refusal changes.

    :param limit: calls per second that the provider named, if it did.
    """
    widest = rule.spacing * WIDEST
    if limit is None:
        return Refusal(WIDEN, 0, widest, round(BACK_OFF * SECOND))
    least = (1 + MARGIN) * SECOND / limit
    if least <= rule.spacing * (1 + MARGIN):
        return Refusal(NUDGE, 0, widest, round(PAUSE * SECOND))
    return Refusal(1.0, round(least), widest, round(BACK_OFF * SECOND))


def refuse(rule: Rule, now: int, tat: int, spacing: int, limit: float | None) -> tuple[int, int]:
    """Return the theoretical arrival time and the spacing after a refusal."""
    refusal = after_refusal(rule, limit)
    widened = max(round(max(spacing, rule.spacing) * refusal.factor), refusal.least)
    return max(tat, now + rule.tolerance) + refusal.pause, min(widened, refusal.widest)
