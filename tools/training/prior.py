"""Fit what the reader's prior says of a VIN's maker and of registered patterns.

    python -m training.prior read --real CROPS/real --drawn 1500 --seed 21 --out strips.jsonl
    python -m training.prior fit strips.jsonl

Conditional logistic regression (McFadden 1974): of the VINs that a strip may spell, the true one
is to be the likeliest, by the picture, by the form of a VIN, and by the weights that are fitted:
one per class of maker, one per class of registered pattern (`vinocr.reader.prior`). Strips are
labelled crops that ``training.admit`` let in, and drawn ones of generated VINs, half of them of
North America; damaged as in training, so that the picture leaves something open. No photo that is
measured on is among them. Writes `prior.json`, and says how well the true VINs are told before and
after, on the half of the strips that was not fitted to.

Both to be run again when the recogniser changes; ``fit`` alone when the table of manufacturers, the
registered patterns or another weight of the prior does.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from photo_generator.dice import chance, dice
from photo_generator.vins import random_vin
from training import crops, damage
from training.drawn import strip_of
from vindrop.domain.vin import is_well_formed
from vinocr.reader import models, prior
from vinocr.reader.align import log_likelihoods
from vinocr.reader.lines import MAX_CANDIDATES, SWAPPED
from vinocr.reader.recognize import Recognizer
from vinocr.reader.search import beam, swaps, windows

OUTPUT: Final = Path(prior.__file__).with_name("prior.json")
START: Final = {
    "power of ten": 0.5,
    prior.MISREAD: -5.0,
    prior.UNKNOWN: -2.0,
    prior.KNOWN: 0.5,
    prior.STRANGE[0]: -1.5,
    prior.STRANGE[1]: -2.5,
}
"""Where the weights start, and towards which they are drawn: by hand. Strips say little of classes that
hardly ever are the true VIN's. The first: by how much a maker of a tenth of the vehicles weighs less."""
BIGGEST: Final = 2.5
"""Weight of the biggest makers: only differences between VINs of one strip can be fitted."""
SIZES: Final = range(2, 7)
RIDGE: Final = 2.0
"""Strength with which weights are drawn towards `START`, in strips. At 0.3 the half that was not fitted
to was told worse."""
LEAST, MOST = -6.0, 3.0
"""Bounds of a weight: however rare, never a filter."""
_AMERICAN: Final = 0.5
"""Share of drawn VINs that are North American."""
_LETTER: Final = (4.5, 13.0)
"""Pixels of the letters, least and most: larger ones leave nothing open."""
_STEPS: Final = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strip:
    """What one strip may spell."""

    base: Floats
    """(candidates,) log weight by picture and form."""
    features: Floats
    """(candidates, weights): which weights apply, and with which factor."""
    true: int
    """Index of the true VIN."""


def drawn(seed: int, count: int) -> Iterator[tuple[Image.Image, str]]:
    """Yield damaged strips of generated VINs; the n-th of a seed does not depend on ``count``."""
    for index in range(count):
        rng = dice(seed, "prior", index)
        vin = random_vin(rng, "North America" if chance(rng, _AMERICAN) else None)
        one = strip_of(rng, vin)
        yield damaged(rng, one.image, one.letter), vin


def real(seed: int, folder: Path) -> Iterator[tuple[Image.Image, str]]:
    """Yield damaged strips of labelled crops, one per crop."""
    for index, crop in enumerate(crops.read(folder)):
        spelt = [vin for vin, _ in windows(crop.text) if is_well_formed(vin)]
        if len(spelt) == 1:
            rng = dice(seed, "prior, real", index)
            image = crops.jittered(rng, crop)
            yield damaged(rng, image, crop.letter), spelt[0]


def damaged(rng: np.random.Generator, image: Image.Image, letter: float) -> Image.Image:
    """Return a line as the strip of a small photo of it.

    :param letter: height of its letters, in pixels.
    """
    bare = damage.exposed(rng, image.convert("RGB"))
    small = damage.small(rng, damage.blurred(rng, bare, letter), letter, *_LETTER)
    return damage.strip(rng, damage.saved(rng, small))


def read(recognizer: Recognizer, image: Image.Image, vin: str) -> dict[str, Any] | None:
    """Return which VINs a strip may spell, how well each explains it, and which is the true one.

    None where the true one is not among them, or the only one: then nothing can be learnt.
    """
    frames = recognizer.read(image, large=False).probabilities
    found: dict[str, float] = {}
    for reading, log_probability in beam(frames):
        for window, cost in windows(reading):
            found[window] = max(found.get(window, -math.inf), log_probability + cost)
    by_picture = sorted(found, key=lambda one: -found[one])[:MAX_CANDIDATES]
    proposed = {*by_picture, *(s for one in by_picture[:SWAPPED] for s in swaps(one))}
    if vin not in proposed or len(proposed) == 1:
        return None
    vins = sorted(proposed)
    picture = log_likelihoods(frames, vins)
    return {
        "true": vin,
        "picture": {v: round(float(p), 3) for v, p in zip(vins, picture, strict=True)},
    }


def strips(path: Path, names: Sequence[str]) -> Iterator[Strip]:
    """Yield the strips of a file that `read` has made."""
    for line in path.read_text(encoding="ascii").splitlines():
        row = json.loads(line)
        vins = list(row["picture"])
        base = np.array([row["picture"][one] + prior.form(one) + _known(one) for one in vins])
        factors = np.array([features(one, names) for one in vins])
        yield Strip(base, factors, vins.index(row["true"]))


def _known(vin: str) -> float:
    return 0.0 if prior.maker(vin) in {prior.UNKNOWN, prior.MISREAD} else BIGGEST


def features(vin: str, names: Sequence[str]) -> list[float]:
    """Return the factor of each weight in the evidence for a VIN."""
    factors = prior.factors(vin)
    below = sum((SIZES[-1] - size) * factors.get(f"10^{size}", 0.0) for size in SIZES)
    return [-below if name == names[0] else factors.get(name, 0.0) for name in names]


def fitted(some: Sequence[Strip], start: Floats) -> Floats:
    """Return the weights: penalised likelihood, by Newton's method with halved steps."""
    theta = start.copy()
    loss = _loss(some, theta, start)
    for _ in range(_STEPS):
        gradient = RIDGE * (theta - start)
        hessian = RIDGE * np.eye(len(theta))
        for strip in some:
            p = _posterior(strip, theta)
            mean = p @ strip.features
            gradient += mean - strip.features[strip.true]
            hessian += (strip.features * p[:, None]).T @ strip.features - np.outer(mean, mean)
        step = np.linalg.solve(hessian, gradient)
        for _ in range(20):
            ahead = np.clip(theta - step, LEAST, MOST)
            if (better := _loss(some, ahead, start)) <= loss:
                break
            step /= 2
        moved = float(np.abs(ahead - theta).max())
        theta, loss = ahead, better
        if moved < 1e-6:
            break
    return theta


def _posterior(strip: Strip, theta: Floats) -> Floats:
    score = strip.base + strip.features @ theta
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def _loss(some: Sequence[Strip], theta: Floats, start: Floats) -> float:
    picture = -sum(float(np.log(_posterior(s, theta)[s.true] + 1e-300)) for s in some)
    return picture + RIDGE / 2 * float(((theta - start) ** 2).sum())


def told(some: Sequence[Strip], theta: Floats) -> str:
    """Return how well the true VINs are told."""
    first = sum(int(_posterior(s, theta).argmax()) == s.true for s in some)
    loss = -sum(float(np.log(_posterior(s, theta)[s.true] + 1e-300)) for s in some)
    return f"{first} of {len(some)} true VINs first, log loss {loss / max(1, len(some)):.4f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.prior", description=__doc__.split("\n", 1)[0])
    steps = parser.add_subparsers(dest="step", required=True)
    reading = steps.add_parser("read", help="read strips, and note what each may spell")
    reading.add_argument("--real", type=Path, action="append", default=[], help="folder of crops")
    reading.add_argument("--drawn", type=int, default=1500, help="strips of generated VINs")
    reading.add_argument("--seed", type=int, default=21)
    reading.add_argument("--models", type=Path, help="folder with model files to read with")
    reading.add_argument("--out", type=Path, required=True)
    fitting = steps.add_parser("fit", help="fit the weights to strips that were read")
    fitting.add_argument("strips", type=Path, nargs="+")
    fitting.add_argument("--out", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    if options.step == "read":
        _read(options)
    else:
        _fit(options.strips, options.out)
    return 0


def _read(options: argparse.Namespace) -> None:
    recognizer = Recognizer(models.load(1, options.models))
    some = itertools.chain(
        *(real(options.seed, folder) for folder in options.real), drawn(options.seed, options.drawn)
    )
    count = kept = 0
    with options.out.open("w", encoding="ascii") as out:
        for image, vin in some:
            count += 1
            row = read(recognizer, image, vin)
            if row is not None:
                kept += 1
                out.write(json.dumps(row) + "\n")
                out.flush()
    print(kept, "of", count, "strips leave something open")


def _fit(paths: Sequence[Path], output: Path) -> None:
    names = list(START)
    some = [strip for path in paths for strip in strips(path, names)]
    start = np.array(list(START.values()))
    theta = fitted(some[::2], start)
    print("before:", told(some[1::2], start))
    print("after: ", told(some[1::2], theta))
    theta = fitted(some, start)
    for i, name in enumerate(names):
        true = sum(strip.features[strip.true, i] != 0 for strip in some)
        among = sum(bool(np.any(strip.features[:, i])) for strip in some)
        print(
            f"{name:18}{start[i]:7.2f} →{theta[i]:6.2f}   the true VIN's in {true} of {among} strips"
        )
    slope, *rest = (float(weight) for weight in theta)
    others = dict(zip(names[1:], rest, strict=True))
    least = others[prior.UNKNOWN]  # a small maker is at least as likely as one that nobody knows
    found = {f"10^{size}": max(BIGGEST - slope * (SIZES[-1] - size), least) for size in SIZES}
    found |= others
    found = {name: round(weight, 2) for name, weight in found.items()}
    output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
