"""From the posterior to the probability that the answer is right.

The posterior weighs hypotheses against each other; that it be right as often as it says must be
measured. A logistic regression on it, on how many pixels the letters have, on how certain the
recogniser was of the least certain ones, and on how well the second witness's reading goes with the
answer, was fitted by ``python -m training.calibrate`` to photos on which no weight of the networks was
trained (docs/reading.md). An answer that no person could confirm on the photo counts as a wrong one
there: nobody is helped by it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

MAX_ERROR: Final = 0.007
"""Share of wrong VINs among those given that an answer's threshold is chosen for."""

BIAS: Final = -1.848
POSTERIOR: Final = 0.408
"""Weight of the posterior's log-odds."""
PITCH: Final = 2.527
"""Weight of the logarithm of the letters' width with their spacing, in `USUAL_PITCH`."""
HEIGHT: Final = 0.186
"""Weight of the logarithm of their height, in `USUAL_HEIGHT`."""
WEAKEST: Final = 1.157
"""Weight of the log-odds of the recogniser's probability of the least certain letters."""
WITNESS: Final = 0.143
"""Weight of the log-likelihood of what the second witness read."""

MOST_ABOVE: Final = 3.5
"""How far the log-odds may be above the posterior's. Clear letters say what stands there, not that it is
a VIN: of 200 generated photos without one, clear numbers among them, none had a posterior above 0.005,
of those with one that were read right only the blurred were below 0.25."""

UNCONFIRMED: Final = 0.89
"""Most that is said of letters closer together than `LEGIBLE`, or of a VIN that the second witness, where
it was heard, read otherwise: nobody can vouch for those, however clear they are to one recogniser."""
LEGIBLE: Final = 4.5
"""Pixels from letter to letter: of 103 small photos that a person read whole none had less."""
OTHERWISE: Final = -2.0
"""Log-likelihood, less the recogniser's own, below which the witness read something else."""

THRESHOLDS: Final = (
    (0.001, 0.9974), (0.002, 0.9933), (0.003, 0.9885), (0.005, 0.9619), (0.01, 0.7688),
    (0.015, 0.6123), (0.02, 0.5),
)  # fmt: skip
"""Expected share of wrong VINs among those given → probability from which they are."""

USUAL_HEIGHT: Final = 10.0
"""Pixels."""
USUAL_PITCH: Final = 6.5
"""Pixels."""
_MOST_ODDS: Final = 9.0
_SUREST: Final = 0.998
"""Probability of a letter above which it says no more."""
_LEAST_SAID: Final = -10.0
"""Log-likelihood below which the witness says no more."""


@dataclass(frozen=True, slots=True)
class Features:
    """What the probability of being right is told from."""

    posterior: float
    """Of the best VIN, 0 to 1."""
    height: float
    """Of the letters, in pixels of the photo as it was sent."""
    pitch: float
    """From letter to letter, in the same pixels."""
    weakest: float
    """Mean peak probability of the first strip's three least certain letters, 0 to 1."""
    witness: float = 0.0
    """Log-likelihood, at most 0, of what the second witness read, given the VIN; 0: not heard."""
    dissent: float = 0.0
    """How much less likely, at most 0, the VIN is to the witness than to the recogniser's first strip."""
    share: float = 1.0
    """Posterior of the best VIN among all VINs: what may as well be another is not sure."""

    def values(self) -> tuple[float, float, float, float, float]:
        """Return what the weights are multiplied with, each bounded."""
        odds = min(max(_log_odds(self.posterior), -_MOST_ODDS), _MOST_ODDS)
        pitch = math.log(min(max(self.pitch, 2.0), 26.0) / USUAL_PITCH)
        height = math.log(min(max(self.height, 3.0), 40.0) / USUAL_HEIGHT)
        weakest = _log_odds(min(max(self.weakest, 1 - _SUREST), _SUREST))
        return odds, pitch, height, weakest, max(self.witness, _LEAST_SAID)


def _log_odds(p: float) -> float:
    p = min(max(p, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))


def probability(features: Features) -> float:
    """Return the probability, 0 to 1, that the best VIN is what the photo shows, for a person too."""
    weights = (POSTERIOR, PITCH, HEIGHT, WEAKEST, WITNESS)
    x = BIAS + sum(w * v for w, v in zip(weights, features.values(), strict=True))
    return min(1 / (1 + math.exp(-x)), most(features))


def most(features: Features) -> float:
    """Return the most that may be said, whatever the weights say: 0 to 1."""
    of_posterior = 1 / (1 + math.exp(-_log_odds(features.posterior) - MOST_ABOVE))
    doubted = features.pitch < LEGIBLE or features.dissent < OTHERWISE
    return min(features.share, of_posterior, UNCONFIRMED if doubted else 1.0)


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
