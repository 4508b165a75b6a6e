"""Exponential backoff with full jitter: the wait before a retry."""

from __future__ import annotations

import random as random_module


def full_jitter(attempt: int, *, base: float, cap: float, random: random_module.Random) -> float:
    """Return the seconds to wait: uniform between 0 and ``min(cap, base * 2**attempt)``.

    Full jitter spreads the retries of many callers evenly
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    :param attempt: how many attempts have failed, from 1.
    :param base: seconds.
    :param cap: seconds, however many attempts have failed.
    """
    return random.uniform(0, min(cap, base * 2**attempt))
