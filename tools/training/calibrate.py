"""Fit the probability of being right to photos on which no weight was trained.

    python -m training.calibrate --truth truth.csv:tuned --generated 150 --seed 7 \
        --judged judged.csv --svg docs/reliability.svg

``FILE:tuned`` takes the half of a truth file that may be tuned on, ``FILE:final`` the other, by
the VIN's hash. ``--judged`` names photos that the training could not label (columns ``file``, and
``vin`` as a person reads it; empty where no person can read it whole: whatever is read there counts as
wrong): hard ones, of which a random sample has few; they count for less. Prints the constants of
`vinocr.reader.calibration` and a table of reliability.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photo_generator import samples
from training.reliability import bins, svg
from vinocr.reader import ImageError, models
from vinocr.reader.calibration import Features, most
from vinocr.reader.decode import decode
from vinocr.reader.passes import Passes

ERRORS: Final = (0.001, 0.002, 0.003, 0.005, 0.01, 0.015, 0.02)
GENERATED: Final = 0.15
"""Weight of a generated photo: they are easier than real ones by now."""
JUDGED: Final = 0.25
"""Weight of a judged photo in the fit."""
SHARE: Final = 0.2
"""Weight of a judged photo where shares of errors are expected: of photos at random, 165 that no person
could read whole came with 538 that one could; beside 122 of these the 160 judged ones stand for some
thirty."""
RIDGE: Final = 0.3
"""Strength with which weights are drawn towards the posterior as it is."""
_LEAST_GIVEN: Final = 0.5
"""Probability below which no VIN is given, whatever error is allowed."""
_TUNED: Final = "tuned"
_NAMES: Final = ("BIAS", "POSTERIOR", "PITCH", "HEIGHT", "WEAKEST", "WITNESS")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """The best candidate of one photo."""

    features: Features
    right: bool
    weight: float
    share: float
    """Weight where shares are counted."""


def half(vin: str) -> str:
    """Return ``tuned`` or ``final``: on which side of the split a VIN stands.

    >>> sorted({half(f"WDD21314261{n:06d}") for n in range(20)})
    ['final', 'tuned']
    """
    return _TUNED if int(hashlib.sha256(vin.encode()).hexdigest()[:8], 16) % 2 else "final"


def photos(truth: str) -> Iterator[tuple[bytes, str]]:
    """Yield (image, VIN) of a truth file or of one half of it; those without a VIN are left out."""
    name, _, wanted = truth.partition(":")
    path = Path(name)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["vin"] and wanted in ("", half(row["vin"])):
                yield (path.parent / row["file"]).read_bytes(), row["vin"]


def judged(looker: Passes, some: Iterator[tuple[bytes, str]], weight: float) -> list[Judged]:
    """Read photos; return what the best candidates were told from, and whether they were right."""
    out: list[Judged] = []
    for data, vin in some:
        try:
            hypotheses = looker.read(decode(data), 0.7)
        except ImageError:
            continue
        features = hypotheses.features()
        if features is not None:
            right = next(iter(hypotheses.posterior)) == vin
            out.append(Judged(features, right, weight, weight))
    return out


def by_eye(looker: Passes, path: Path) -> list[Judged]:
    """Read photos that a person judged."""
    out: list[Judged] = []
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            hypotheses = looker.read(decode((path.parent / row["file"]).read_bytes()), 0.7)
            features = hypotheses.features()
            if features is not None:
                right = next(iter(hypotheses.posterior)) == row["vin"]
                out.append(Judged(features, right, JUDGED, SHARE))
    return out


def fitted(some: Sequence[Judged]) -> Floats:
    """Return bias and weights: penalised logistic regression by Newton's method."""
    x = np.array([[1.0, *one.features.values()] for one in some])
    y = np.array([one.right for one in some], dtype=float)
    w = np.array([one.weight for one in some])
    start = np.zeros(x.shape[1])
    start[1] = 1.0
    theta = start.copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ theta))
        penalty = RIDGE * (theta - start) * (np.arange(len(start)) > 0)
        gradient = x.T @ (w * (p - y)) + penalty
        hessian = (x * (w * p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(len(start))
        step = np.linalg.solve(hessian, gradient)
        theta -= step
        if float(np.abs(step).max()) < 1e-8:
            break
    return theta


def of_the_population(theta: Floats, some: Sequence[Judged]) -> Floats:
    """Return the bias and weights stretched and moved until they mean what they say of all photos.

    The fit sees more hard photos than there are; the few that decide must count.
    """
    x = np.array([[1.0, *one.features.values()] for one in some])
    y = np.array([one.right for one in some], dtype=float)
    w = np.array([one.share for one in some])
    odds = np.stack([np.ones(len(some)), x @ theta], axis=1)
    start = np.array([0.0, 1.0])
    change = start.copy()
    for _ in range(50):
        p = 1 / (1 + np.exp(-odds @ change))
        gradient = odds.T @ (w * (p - y)) + RIDGE * (change - start)
        change -= np.linalg.solve(
            (odds * (w * p * (1 - p))[:, None]).T @ odds + RIDGE * np.eye(2), gradient
        )
    moved = theta * change[1]
    moved[0] += change[0]
    return moved


def thresholds(p: Floats, weight: Floats) -> list[tuple[float, float]]:
    """Return (error, probability): from which the expected share of wrong ones stays below."""
    order = np.argsort(-p)
    errors = np.cumsum((weight * (1 - p))[order]) / np.cumsum(weight[order])
    out: list[tuple[float, float]] = []
    for error in ERRORS:
        inside = p[order][errors <= error]
        least = float(inside.min()) if len(inside) else float(p.max())
        out.append((error, round(max(least, _LEAST_GIVEN), 4)))
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="training.calibrate", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--truth", action="append", default=[], help="truth.csv, or one half of it")
    parser.add_argument("--generated", type=int, default=0, help="hard generated photos besides")
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--judged", type=Path, help="CSV beside photos: file, vin, right")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--svg", type=Path, help="where to draw the reliability")
    options = parser.parse_args(arguments)
    looker = Passes(models.load(1, options.models))
    some = [one for truth in options.truth for one in judged(looker, photos(truth), 1.0)]
    drawn = samples(options.seed, options.generated, hard=True)
    some += judged(looker, ((s.data, s.vin or "") for s in drawn), GENERATED)
    some += by_eye(looker, options.judged) if options.judged else []
    theta = of_the_population(fitted(some), some)
    x = np.array([[1.0, *one.features.values()] for one in some])
    p = np.minimum(1 / (1 + np.exp(-x @ theta)), [most(one.features) for one in some])
    right = np.array([one.right for one in some])
    for name, value in zip(_NAMES, theta, strict=True):
        print(f"{name}: Final = {value:.4f}")
    print("THRESHOLDS: Final =", tuple(thresholds(p, np.array([one.share for one in some]))))
    rows = bins(p, right)
    for low, high, mean, share, count in rows:
        print(f"{low:.2f}–{high:.2f}  said {mean:.3f}  right {share:.3f}  of {count}")
    if options.svg:
        options.svg.write_text(svg(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
