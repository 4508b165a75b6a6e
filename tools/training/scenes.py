"""Strips of the generator's hard scenes: struck, dotted, behind glass, on labels and plates.

python -m training.scenes --count 1200 --seed 5 --out FOLDER
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from photo_generator.camera import draw_look, expose, jpeg
from photo_generator.catalogue import KINDS, SCENES
from photo_generator.dice import dice, pick
from photo_generator.legible import legible
from training.crops import Crop, save, taken
from training.drawn import made_up
from vinocr.reader.decode import decode
from vinocr.reader.detect import Box

_SIDES: Final = (480, 560, 640, 800)
_TRIES: Final = 4
_LEAST: Final = 9.0
"""Height in pixels of the smallest letters that are kept."""
_BOX: Final = 1.35
"""Height of a detected box, in letters."""


def scenes(seed: int, count: int, patterns: Sequence[str] = ()) -> Iterator[Crop]:
    """Yield crops of ``count`` scenes, kinds in turn; the n-th depends on seed and n alone."""
    for index in range(count):
        rng = dice(seed, "training", index)
        crop = scene(rng, KINDS[index % len(KINDS)], made_up(rng, patterns))
        if crop is not None:
            yield crop


def scene(rng: np.random.Generator, kind: str, vin: str) -> Crop | None:
    """Return the line of one new scene; None where it came out illegible."""
    side = int(pick(rng, _SIDES))
    size = (side, round(side * 0.6))
    for _ in range(_TRIES):
        scene = SCENES[kind](rng, vin, size, hard=True)
        if scene.glyph < _LEAST:
            continue
        look = draw_look(rng, scene.glyph, hard=True)
        before = copy.deepcopy(rng)
        picture = expose(scene.light, rng, look)
        if scene.struck and not legible(picture, expose(scene.struck.bare, before, look), scene):
            continue
        image = decode(jpeg(picture, look.quality)).image
        scale = image.width / size[0]
        (x0, y0), (x1, y1) = scene.ends
        glyph = scene.glyph * scale
        long = math.hypot(x1 - x0, y1 - y0) * scale
        box = Box(
            (x0 + x1) / 2 * scale, (y0 + y1) / 2 * scale, long + glyph * 0.3, glyph * _BOX,
            math.atan2(y1 - y0, x1 - x0), 1.0,
        )  # fmt: skip
        return taken(image, box, ends=0.6, text=vin, letter=glyph, group=kind)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="training.scenes", description=__doc__)
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    print(save(options.out, scenes(options.seed, options.count)), "crops")
    return 0


if __name__ == "__main__":
    sys.exit(main())
