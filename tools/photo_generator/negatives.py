"""Photos in which no whole VIN is to be found, most of them full of other text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from PIL import Image

from photo_generator import papers, places
from photo_generator.camera import draw_look, expose, jpeg, turned
from photo_generator.catalogue import KINDS, SCENES, draw_turn
from photo_generator.dice import between, chance, dice, pick
from photo_generator.diced import diced_vin
from photo_generator.sample import NO_VIN, Sample
from photo_generator.sheet import Finish, Sheet, aim_at, lay
from photo_generator.textures import Floats, Size
from photo_generator.view import Pose

_SIDES: Final = (800, 960, 1100, 1280)

_Drawn = tuple[
    Callable[[np.random.Generator, float], Sheet], Callable[[np.random.Generator, Size], Floats]
]
_SHEETS: Final[dict[str, _Drawn]] = {
    "document": (papers.document, places.table),
    "shop-front": (places.shop_front, places.street),
    "number-plate": (places.number_plate, places.car_body),
    "parcel-label": (papers.parcel_label, places.table),
    "instruments": (places.instruments, places.cockpit),
    "serial-plate": (papers.serial_plate, places.car_body),
}
NEGATIVE_KINDS: Final = (*_SHEETS, "cut-off", "street")


def negatives(seed: int, count: int) -> Iterator[Sample]:
    """Yield ``count`` photos without a whole VIN, the kinds of `NEGATIVE_KINDS` in turn.

    The n-th sample of a seed does not depend on ``count``.

    :raises ValueError: a count below 0.
    """
    if count < 0:
        raise ValueError(f"cannot make {count} photos; give 0 or more")
    return (
        negative(seed, index, NEGATIVE_KINDS[index % len(NEGATIVE_KINDS)]) for index in range(count)
    )


def negative(seed: int, index: int, kind: str) -> Sample:
    """Return the ``index``-th photo without a VIN of one kind."""
    rng = dice(seed, "negative", kind, index)
    long_side = pick(rng, _SIDES)
    size = (long_side, round(long_side * 3 / 4))
    hard = chance(rng, 0.4)
    if kind == "cut-off":
        picture, quality = _cut_off(rng, size, hard=hard)
    else:
        scene, glyph = _scene(rng, kind, size)
        look = draw_look(rng, glyph, hard=hard)
        picture, quality = expose(scene, rng, look), look.quality
    turn, by_exif = draw_turn(rng, hard=hard)
    stored, orientation = turned(picture, turn, by_exif=by_exif)
    return Sample(
        f"{kind}-{index + 1:04d}.jpg", kind, None, jpeg(stored, quality, orientation), NO_VIN
    )


def _scene(rng: np.random.Generator, kind: str, size: Size) -> tuple[Floats, float]:
    if kind == "street":
        return places.street(rng, size), 20.0
    draw_sheet, draw_ground = _SHEETS[kind]
    share = between(rng, 0.75, 1.25) if kind == "document" else between(rng, 0.6, 0.9)
    sheet = draw_sheet(rng, share * size[0])
    pose = Pose(
        fraction=share,
        yaw=between(rng, -25, 25),
        pitch=between(rng, -25, 25),
        roll=between(rng, -9, 9),
        drift=(between(rng, -0.1, 0.1), between(rng, -0.1, 0.1)),
        distance=between(rng, 1.5, 3.0),
    )
    finish = Finish(between(rng, 0, 0.1), between(rng, 1, 3), between(rng, 0, 0.4), 1.0)
    view = aim_at(sheet, size, pose)
    return lay(draw_ground(rng, size), sheet, view, finish, rng, between(rng, 0, 6.28)), sheet.glyph


def _cut_off(rng: np.random.Generator, size: Size, *, hard: bool) -> tuple[Image.Image, int]:
    """A real plate, but the frame ends within the VIN: 4 to 14 of its letters are missing."""
    scene = SCENES[pick(rng, KINDS)](rng, diced_vin(rng), size, hard=hard)
    look = draw_look(rng, scene.glyph, hard=hard)
    picture = expose(scene.light, rng, look)
    (x0, _), (x1, _) = scene.ends
    left, right = min(x0, x1), max(x0, x1)
    keep = between(rng, 3, 13) / 17
    if chance(rng, 0.5):
        return picture.crop((0, 0, round(left + keep * (right - left)), size[1])), look.quality
    return picture.crop((round(right - keep * (right - left)), 0, *size)), look.quality
