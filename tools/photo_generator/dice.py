"""Draws from a seeded generator. Each sample has dice of its own, so that the n-th photo of a
seed is the same photo however many are asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def dice(seed: int, *path: str | int) -> np.random.Generator:
    """Return the generator of one sample: ``seed`` plus what the sample is called."""
    words = [zlib.crc32(p.encode()) if isinstance(p, str) else p for p in path]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def pick(rng: np.random.Generator, among: Sequence[T]) -> T:
    """Draw one of ``among``."""
    return among[int(rng.integers(len(among)))]


def chance(rng: np.random.Generator, p: float) -> bool:
    """Return True with probability ``p``."""
    return bool(rng.random() < p)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw evenly between ``low`` and ``high``."""
    return float(rng.uniform(low, high))
