"""The endless catalogue of good photos: a kind, a pose, a shot, a turn; all from the seed."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from PIL import Image

from photo_generator.camera import TURNS, draw_look, expose, jpeg, turned
from photo_generator.chassis import peened, stamped
from photo_generator.dice import chance, dice, pick
from photo_generator.label import label
from photo_generator.legible import legible
from photo_generator.plate import plate
from photo_generator.sample import Sample
from photo_generator.scene import SMALLEST_GLYPH_EASY, SMALLEST_GLYPH_HARD, SceneMaker
from photo_generator.textures import Size
from photo_generator.vins import check_region, random_vin
from photo_generator.windscreen import windscreen

SCENES: Final[dict[str, SceneMaker]] = {
    "windscreen": windscreen,
    "label": label,
    "stamped": stamped,
    "peened": peened,
    "plate": plate,
}
KINDS: Final = tuple(SCENES)

_EASY_SIDES: Final = (960, 1100, 1280)
_HARD_SIDES: Final = (640, 800, 960, 1200, 1440)
_LARGEST_SCENE: Final = 2000
_TRIES: Final = 12
_STRUCK: Final = ("stamped", "peened")
_STRUCK_LARGER: Final = 1.3
"""Grooves and dots take more pixels than print before an eye can tell the letters apart."""


def samples(
    seed: int,
    count: int,
    *,
    hard: bool = False,
    kinds: Sequence[str] | None = None,
    long_side: int | None = None,
    within: str | None = None,
) -> Iterator[Sample]:
    """Yield ``count`` photos with one whole VIN each, the kinds in turn.

    The n-th sample of a seed does not depend on ``count``.

    :param hard: glare, tilt, blur, dirt and noise at the edge of what an eye still reads
        without guessing; all four turns.
    :param kinds: some of `KINDS`; all of them where None.
    :param long_side: pixels of the longer side (4000 is 12 megapixels); drawn where None.
    :param within: only VINs of makers of this world region (``North America``); the world's where None.
    :raises ValueError: a kind or region that does not exist, a count below 0, a side below 640.
    """
    chosen = tuple(kinds) if kinds is not None else KINDS
    unknown = sorted(set(chosen) - set(KINDS))
    if unknown or not chosen:
        raise ValueError(
            f"no such kind of photo: {', '.join(unknown) or '(none given)'}; "
            f"choose from {', '.join(KINDS)}"
        )
    if count < 0:
        raise ValueError(f"cannot make {count} photos; give 0 or more")
    if long_side is not None and not 640 <= long_side <= 12000:
        raise ValueError(f"a long side of {long_side} pixels is not 640 to 12000")
    check_region(within)
    return (
        _sample(seed, index, chosen[index % len(chosen)], within, hard=hard, long_side=long_side)
        for index in range(count)
    )


def _sample(
    seed: int, index: int, kind: str, within: str | None, *, hard: bool, long_side: int | None
) -> Sample:
    rng = dice(seed, kind, index, int(hard))
    vin = random_vin(dice(seed, kind, index, int(hard), "vin"), within)
    turn, by_exif = draw_turn(rng, hard=hard)
    data = photograph(rng, kind, vin, hard=hard, turn=turn, by_exif=by_exif, long_side=long_side)
    return Sample(f"{kind}-{index + 1:04d}.jpg", kind, vin, data)


def draw_turn(rng: np.random.Generator, *, hard: bool) -> tuple[int, bool]:
    """Draw how the phone was turned: (degrees clockwise, told by EXIF)."""
    if not chance(rng, 0.45 if hard else 0.35):
        return 0, False
    return pick(rng, TURNS[1:]), chance(rng, 0.4)


def photograph(
    rng: np.random.Generator,
    kind: str,
    vin: str,
    *,
    hard: bool,
    turn: int = 0,
    by_exif: bool = False,
    long_side: int | None = None,
    quality: int | None = None,
) -> bytes:
    """Return one JPEG of ``vin``."""
    picture, drawn_quality = shoot(rng, kind, vin, hard=hard, long_side=long_side)
    stored, orientation = turned(picture, turn, by_exif=by_exif)
    return jpeg(stored, quality or drawn_quality, orientation)


def shoot(
    rng: np.random.Generator, kind: str, vin: str, *, hard: bool, long_side: int | None = None
) -> tuple[Image.Image, int]:
    """Return one picture of ``vin``, not yet turned or saved, and the drawn JPEG quality.

    Poses that leave the letters too small for an eye, and shots in which a struck stroke is lost,
    are drawn again.
    """
    size = _frame(rng, long_side or pick(rng, _HARD_SIDES if hard else _EASY_SIDES))
    drawn = size
    if max(size) > _LARGEST_SCENE:
        # Big sensors are mostly noise at pixel level: draw smaller, enlarge, and let the
        # rest of a phone's softness be just that.
        shrink = _LARGEST_SCENE / max(size)
        drawn = (round(size[0] * shrink), round(size[1] * shrink))
    smallest = SMALLEST_GLYPH_HARD if hard else SMALLEST_GLYPH_EASY
    if kind in _STRUCK:
        smallest *= _STRUCK_LARGER
    for attempt in range(_TRIES):
        if attempt >= _TRIES // 3 and drawn[0] < drawn[1]:
            # Too little room across: the phone is held level.
            drawn, size = (drawn[1], drawn[0]), (size[1], size[0])
        last = attempt == _TRIES - 1
        scene = SCENES[kind](rng, vin, drawn, hard=hard)
        if scene.glyph < smallest and not last:
            continue
        look = draw_look(rng, scene.glyph, hard=hard)
        before = copy.deepcopy(rng)
        picture = expose(scene.light, rng, look)
        if scene.struck is None or last:
            break
        if legible(picture, expose(scene.struck.bare, before, look), scene):
            break
    if drawn != size:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return picture, look.quality


def _frame(rng: np.random.Generator, long_side: int) -> Size:
    short = round(long_side * pick(rng, (3 / 4, 3 / 4, 9 / 16)))
    return (short, long_side) if chance(rng, 0.15) else (long_side, short)
