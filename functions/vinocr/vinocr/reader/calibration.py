"""From the posterior to the probability that the answer is right.

The posterior weighs hypotheses against each other; that it be right as often as it says must be
measured. A logistic regression on it, on the height of the letters, on how certain the recogniser
was of the least certain one, and on whether it and the second witness each spell the answer by
themselves, was fitted by ``python -m training.calibrate`` to photos on which no weight of the
networks was trained (docs/reading.md).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

MAX_ERROR: Final = 0.007
"""Share of wrong VINs among those given that an answer's threshold is chosen for."""

BIAS: Final = 0.770
POSTERIOR: Final = 0.403
"""Weight of the posterior's log-odds."""
HEIGHT: Final = 1.120
"""Weight of the logarithm of the letters' height, in `USUAL_HEIGHT`."""
CERTAINTY: Final = 0.795
"""Weight of how certain the recogniser is of the least certain letter, 0 to 1."""
SPELT: Final = 0.570
"""Weight of the recogniser's first reading spelling the VIN, without any search."""
WITNESSED: Final = 0.994
"""Weight of the second witness's reading spelling it, or of no need to hear it."""

THRESHOLDS: Final = (
    (0.001, 0.999), (0.002, 0.9976), (0.003, 0.9952), (0.005, 0.989), (0.01, 0.856),
    (0.015, 0.6557), (0.02, 0.5414),
)  # fmt: skip
"""Expected share of wrong VINs among those given → probability from which they are."""

USUAL_HEIGHT: Final = 10.0
"""Pixels."""
_MOST_ODDS: Final = 9.0


@dataclass(frozen=True, slots=True)
class Features:
    """What the probability of being right is told from."""

    posterior: float
    """Of the best VIN, 0 to 1."""
    height: float
    """Of the letters, in pixels of the photo as it was sent."""
    certainty: float
    """Peak probability of the first strip's least certain letter, 0 to 1."""
    spelt: bool = True
    """The recogniser's first reading of the line spells it."""
    witnessed: bool = True
    """So does the second witness's; where it was not heard, as `spelt`."""
    share: float = 1.0
    """Posterior of the best VIN among all VINs: what may as well be another is not sure."""

    def values(self) -> tuple[float, float, float, float, float]:
        """Return what the weights are multiplied with, each bounded."""
        p = min(max(self.posterior, 1e-9), 1 - 1e-9)
        odds = min(max(math.log(p / (1 - p)), -_MOST_ODDS), _MOST_ODDS)
        height = math.log(min(max(self.height, 3.0), 40.0) / USUAL_HEIGHT)
        return odds, height, self.certainty, float(self.spelt), float(self.witnessed)


def probability(features: Features) -> float:
    """Return the probability, 0 to 1, that the best VIN is what the photo shows."""
    weights = (POSTERIOR, HEIGHT, CERTAINTY, SPELT, WITNESSED)
    x = BIAS + sum(w * v for w, v in zip(weights, features.values(), strict=True))
    return min(1 / (1 + math.exp(-x)), features.share)


def threshold(max_error: float) -> float:
    """Return the probability from which VINs are to be given.

    :param max_error: share of wrong VINs among those given, above 0 and below 1.
    :raises ValueError: not such a share.

    >>> threshold(0.003) >= threshold(0.01)
    True
    """
    if not 0 < max_error < 1:
        raise ValueError(f"a share of {max_error} is not above 0 and below 1")
    x = math.log(max_error)
    points = [(math.log(error), p) for error, p in THRESHOLDS]
    if x <= points[0][0]:
        return points[0][1]
    for (x0, p0), (x1, p1) in itertools.pairwise(points):
        if x <= x1:
            return p0 + (p1 - p0) * (x - x0) / (x1 - x0)
    return points[-1][1]
