"""Light on things that stand out of a surface, or are struck into it."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageFilter

from photo_generator.textures import Floats, from_mask


def soften(grey: Floats, radius: float) -> Floats:
    """Blur an array of 0 to 1 by a Gaussian of ``radius`` pixels (done in 8 bits, in C)."""
    if radius < 0.2:
        return grey
    image = Image.fromarray(np.asarray(np.clip(grey, 0, 1) * 255, np.uint8))
    return from_mask(image.filter(ImageFilter.GaussianBlur(radius)))


def slopes(height: Floats, light: float) -> Floats:
    """How much the surface leans towards a light at ``light`` radians (0 right, pi/2 below)."""
    down, right = np.gradient(height)
    toward = -(right * np.float32(math.cos(light)) + down * np.float32(math.sin(light)))
    return np.asarray(toward, np.float32)


def struck(mask: Floats, pen: float, depth: float, light: float, *, raised: bool) -> Floats:
    """Brightness to add where ``mask`` (0 to 1) was struck into metal, or stands out of it.

    The flank that faces the light is bright, the other dark; struck grooves are darker at the
    bottom, and the metal pushed aside makes a faint rim.

    :param pen: width of a stroke, in pixels: the flanks' roundness follows from it.
    :param depth: 0 (nothing to be seen) to about 1 (deep).
    """
    profile = soften(mask, max(0.6, pen * 0.22))
    rim = soften(mask, max(1.0, pen * 0.8))
    height: Floats = profile + np.float32(0.35) * rim
    if not raised:
        height = np.float32(0.5) * (rim - profile * rim) - profile
    lit = slopes(height, light) * np.float32(max(1.0, pen * 0.35))
    bottom = profile * (0.05 if raised else -0.22)
    return np.asarray(depth * (1.5 * lit + bottom), np.float32)
