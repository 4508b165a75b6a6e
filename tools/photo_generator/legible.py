"""Whether letters without ink still show: grooves and dots are only light and shadow.

A hard photo is one "at the edge of what an eye still reads without guessing". Size alone does
not tell for what is struck: a glare, a worn surface or the sensor's noise can drown a letter of
any size, and then the truth would name a VIN that is not in the picture.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from photo_generator.scene import Scene
from photo_generator.textures import Floats, from_mask

FAINTEST: Final = 1.5
"""Chosen by eye: of sixty hard dotted photos ordered by it, below 1.3 stood six whose letters could
only be guessed, up to 1.5 five doubtful ones; of stamped ones, some M that had become a V, since the
light ran along its strokes."""
_SQUARES: Final = 3
"""To a letter's height."""
_RUNS_THROUGH: Final = 0.5
"""Of a square's side: length of stroke from which it counts."""
_FEW: Final = 0.02
"""Share of the squares that may be fainter: corners that a stroke only brushes."""
_NO_NOISE: Final = 0.002
"""Of white. Half a step of 8 bits: what a picture without any grain still has."""


def legible(picture: Image.Image, empty: Image.Image, scene: Scene) -> bool:
    """Return whether every stroke of what was struck still shows; parameters as `faintest_stroke`."""
    return faintest_stroke(picture, empty, scene) >= FAINTEST


def faintest_stroke(picture: Image.Image, empty: Image.Image, scene: Scene) -> float:
    """Return the contrast of the faintest piece of a stroke, over the noise.

    The line is cut into squares of a third of a letter's height; those that strokes run through
    count. Contrast is the root mean square of what was struck, in luminance, in the band of
    frequencies that strokes have: coarser than half a pen, finer than a letter.

    :param empty: the same shot of the same thing with nothing struck into it.
    :raises ValueError: the scene does not say what was struck.
    """
    if scene.struck is None:
        raise ValueError("this scene does not say what was struck: give Scene.struck")
    pen, glyph = scene.struck.pen, scene.glyph
    shown, ground = _strokes_only(picture, pen, glyph), _strokes_only(empty, pen, glyph)
    strokes = _blurred(scene.struck.strokes, pen / 2)
    along, off = _along(picture.size, scene)
    on_line = (np.abs(off) < 2 * glyph) & (along > -glyph) & (along < _length(scene) + glyph)
    noise = max(_usual(ground[on_line]), _NO_NOISE)
    side = glyph / _SQUARES
    columns = np.floor(along[on_line] / side).astype(np.intp) + 2 * _SQUARES
    rows = np.floor(off[on_line] / side).astype(np.intp) + 4 * _SQUARES
    square = columns * 8 * _SQUARES + rows
    near = strokes[on_line]
    signal = np.square((shown - ground)[on_line])
    weight = np.bincount(square, near)
    contrast = np.sqrt(np.bincount(square, near * signal) / np.maximum(weight, 1e-9))
    counts = weight > _RUNS_THROUGH * side * pen
    return float(np.quantile(contrast[counts], _FEW) / noise) if counts.any() else 0.0


def _strokes_only(picture: Image.Image, pen: float, glyph: float) -> Floats:
    grey = picture.convert("L")
    return np.asarray(_blurred(grey, pen / 2) - _blurred(grey, glyph / 3), np.float32)


def _blurred(grey: Image.Image, radius: float) -> Floats:
    return from_mask(grey.filter(ImageFilter.GaussianBlur(radius)))


def _length(scene: Scene) -> float:
    (x0, y0), (x1, y1) = scene.ends
    return max(1.0, float(np.hypot(x1 - x0, y1 - y0)))


def _along(size: tuple[int, int], scene: Scene) -> tuple[Floats, Floats]:
    """Return each pixel's place along the VIN and its distance from it, in pixels."""
    (x0, y0), (x1, y1) = scene.ends
    cos, sin = (x1 - x0) / _length(scene), (y1 - y0) / _length(scene)
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    x, y = x - np.float32(x0), y - np.float32(y0)
    return np.asarray(x * cos + y * sin, np.float32), np.asarray(y * cos - x * sin, np.float32)


def _usual(values: Floats) -> float:
    """Return the deviation of what is everywhere: the edge of a shadow or a spot is none of it."""
    return 1.4826 * float(np.median(np.abs(values)))
