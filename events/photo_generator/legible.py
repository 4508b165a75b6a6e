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
from vindrop import vin as rules

FAINTEST: Final = 1.4
"""Contrast over noise. Below it stood, of sixty hard photos ordered by it, all whose letters could
only be guessed; the other half of those below had a spot or a shadow's edge across a letter."""
_NEAR: Final = 0.2
"""Of the strokes' mask, blurred: how far around a stroke its light and shadow reach."""
_NO_NOISE: Final = 0.002
"""Of white. Half a step of 8 bits: what a picture without any grain still has."""


def weakest_letter(picture: Image.Image, empty: Image.Image, scene: Scene) -> float:
    """Return how far the faintest letter stands out: its contrast over the noise around it.

    Both are root mean squares of the luminance in the band of frequencies that strokes have:
    coarser than half a pen, finer than a letter.

    :param empty: the same shot of the same thing with nothing struck into it.
    :raises ValueError: the scene does not say what was struck.
    """
    if scene.struck is None:
        raise ValueError("this scene does not say what was struck: give Scene.struck")
    pen, glyph = scene.struck.pen, scene.glyph
    shown, ground = _strokes_only(picture, pen, glyph), _strokes_only(empty, pen, glyph)
    signal = shown - ground
    strokes = _blurred(scene.struck.strokes, pen)
    strong = _NEAR * float(strokes.max())
    along, off = _along(picture.size, scene)
    line = np.abs(off) < glyph * 1.6
    weakest = np.inf
    for n in range(rules.LENGTH):
        letter = line & (along >= n / rules.LENGTH) & (along < (n + 1) / rules.LENGTH)
        near = letter & (strokes > strong)
        if near.any():
            noise = max(_usual(ground[letter]), _NO_NOISE)
            weakest = min(weakest, _rms(signal[near]) / noise)
    return weakest if np.isfinite(weakest) else 0.0


def _strokes_only(picture: Image.Image, pen: float, glyph: float) -> Floats:
    grey = picture.convert("L")
    return np.asarray(_blurred(grey, pen / 2) - _blurred(grey, glyph / 3), np.float32)


def _blurred(grey: Image.Image, radius: float) -> Floats:
    return from_mask(grey.filter(ImageFilter.GaussianBlur(radius)))


def _along(size: tuple[int, int], scene: Scene) -> tuple[Floats, Floats]:
    """Return each pixel's place along the VIN, 0 to 1, and its distance from it in pixels."""
    (x0, y0), (x1, y1) = scene.ends
    length = max(1.0, float(np.hypot(x1 - x0, y1 - y0)))
    cos, sin = (x1 - x0) / length, (y1 - y0) / length
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    along = ((x - x0) * cos + (y - y0) * sin) / length
    return np.asarray(along, np.float32), np.asarray((y - y0) * cos - (x - x0) * sin, np.float32)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _usual(values: Floats) -> float:
    """Return the deviation of what is everywhere: the edge of a shadow or a spot is none of it."""
    return 1.4826 * float(np.median(np.abs(values)))
