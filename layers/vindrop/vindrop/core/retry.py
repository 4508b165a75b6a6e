"""Exponential backoff with full jitter: how long to wait before the next try.

Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Final, TypeVar

_T = TypeVar("_T")
_LARGEST_EXPONENT: Final = 63
"""Beyond it a float no longer holds every power of two that an integer attempt could ask for."""


def full_jitter(attempt: int, *, base: float, cap: float, random: Random) -> float:
    """Return the seconds to wait: uniform between 0 and ``min(cap, base * 2**attempt)``.

    :param attempt: 0 for the wait after the first try.
    """
    return random.uniform(0.0, min(cap, base * 2.0 ** min(attempt, _LARGEST_EXPONENT)))


class RetryableError(Exception):
    """A try failed in a way that may pass. ``str()`` is what is told when no try is left."""


def call(
    operation: Callable[[], _T],
    *,
    tries: int,
    base: float,
    cap: float,
    random: Random | None = None,
    sleep: Callable[[float], None] | None = None,
) -> _T:
    """Return what ``operation`` returns, with at most ``tries`` tries and a jittered wait between.

    :param base: seconds that the first wait has at most; each later one twice as many, up to ``cap``.
    :raises RetryableError: the last try's. Every other exception ends the loop at once.
    """
    dice = random or Random()  # noqa: S311  # spreads retries; nothing secret comes of it
    for attempt in range(tries - 1):
        try:
            return operation()
        except RetryableError:
            (sleep or time.sleep)(full_jitter(attempt, base=base, cap=cap, random=dice))
    return operation()
