"""Whether what is printed clearly comes back as printed, though its check digit is wrong.

    python bench/as_printed.py [--count 300] [--seed 19] [--list]

A plate that was tampered with, or mistyped, is the very case that must be seen. VINs of North
American and Chinese makers with one wrong check digit are printed clean, in several faces, in
letters of 12 to 80 pixels. Counts what comes back as printed, as another VIN whose check digit
holds (an invention), as another one, or not at all; last one JSON line. Fails on an invention,
or where fewer than 95 % come back as printed.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from photo_generator.dice import between, chance, dice, pick
from photo_generator.faces import PRINTED, line
from photo_generator.vins import random_vin
from vindrop.domain.vin import (
    ALPHABET,
    CHECK_POSITION,
    check_digit,
    check_digit_holds,
    check_digit_required,
)
from vinocr.reader import Reader

LEAST: Final = 0.95
"""Share that must come back as printed."""
SMALLEST, LARGEST = 12.0, 80.0
_WIDE: Final = 1.5
"""Width of the picture, in lengths of the VIN."""


@dataclass(frozen=True, slots=True)
class Print:
    """One clean print."""

    vin: str
    height: float
    """Of its letters, in pixels."""
    data: bytes
    """A JPEG."""


def prints(seed: int, count: int) -> Iterator[Print]:
    """Yield clean prints; the n-th of a seed does not depend on ``count``."""
    for index in range(count):
        rng = dice(seed, "as printed", index)
        vin = _wrong(rng)
        height = math.exp(between(rng, math.log(SMALLEST), math.log(LARGEST)))
        yield Print(vin, height, _drawn(rng, vin, height))


def _wrong(rng: np.random.Generator) -> str:
    """Return a VIN that must have a check digit, and has a wrong one: a digit or X, as printed."""
    while True:
        vin = random_vin(rng)
        if check_digit_required(vin) and vin[0] in "12345L":
            break
    other = pick(rng, [c for c in "0123456789X" if c != check_digit(vin)])
    if chance(rng, 0.3):  # one other character mistyped, the check digit as it was
        place = int(rng.choice([3, 4, 5, 6, 7, 10, 12, 13, 14, 15, 16]))
        alike = [c for c in ALPHABET if c.isdigit() == vin[place].isdigit()]
        other_vin = vin[:place] + pick(rng, alike) + vin[place + 1 :]
        if not check_digit_holds(other_vin):
            return other_vin
    return vin[:CHECK_POSITION] + other + vin[CHECK_POSITION + 1 :]


def _drawn(rng: np.random.Generator, vin: str, height: float) -> bytes:
    mask = line(vin, pick(rng, PRINTED), height)
    size = (round(mask.width * _WIDE), round(mask.width * _WIDE * 0.6))
    dark, light = int(rng.integers(10, 60)), int(rng.integers(190, 250))
    ground, ink = (light, dark) if chance(rng, 0.7) else (dark, light)
    image = Image.new("RGB", size, (ground, ground, ground))
    at = (round((size[0] - mask.width) / 2), round(size[1] * between(rng, 0.3, 0.6)))
    image.paste(Image.new("RGB", mask.size, (ink, ink, ink)), at, mask)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def outcome(printed: str, read: str | None) -> str:
    """Return ``as printed``, ``invented``, ``another`` or ``none``."""
    if read is None:
        return "none"
    if read == printed:
        return "as printed"
    return "invented" if check_digit_holds(read) else "another"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="as_printed", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--list", action="store_true", help="list what did not come back as printed"
    )
    options = parser.parse_args(arguments)
    reader = Reader(threads=options.threads)
    counts: Counter[str] = Counter()
    for one in prints(options.seed, options.count):
        answer = reader.read(one.data)
        result = outcome(one.vin, answer.vin)
        counts[result] += 1
        if options.list and result != "as printed":
            best = answer.vin or next((a.vin for a in answer.alternatives), "-")
            print(f"  {result:11}{one.height:5.0f} px  {one.vin} {best:18}{answer.confidence:.3f}")
    share = counts["as printed"] / max(1, options.count)
    print(json.dumps({"prints": options.count, **counts, "as_printed_share": round(share, 4)}))
    return 0 if not counts["invented"] and share >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
