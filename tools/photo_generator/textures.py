"""Surfaces of numpy noise: float32 arrays of shape (height, width), about -1 to 1."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats: TypeAlias = npt.NDArray[np.float32]
Size: TypeAlias = tuple[int, int]
"""(width, height) in pixels, as Pillow has it."""


def clouds(rng: np.random.Generator, size: Size, cell: tuple[float, float], octaves: int) -> Floats:
    """Soft noise whose largest blobs are ``cell`` = (x, y) pixels wide; each octave halves them."""
    total = np.zeros((size[1], size[0]), np.float32)
    weight, norm = np.float32(1), 0.0
    for octave in range(octaves):
        columns = max(2, round(size[0] / max(cell[0] / 2**octave, 1.0)) + 1)
        rows = max(2, round(size[1] / max(cell[1] / 2**octave, 1.0)) + 1)
        grid = rng.standard_normal((min(rows, size[1]), min(columns, size[0])), np.float32)
        total += weight * stretch(grid, size)
        norm += float(weight) ** 2
        weight *= np.float32(0.55)
    return np.asarray(total / (1.6 * norm**0.5), np.float32)


def grain(rng: np.random.Generator, size: Size, coarse: float = 1.0) -> Floats:
    """Noise from pixel to pixel, blobs about ``coarse`` pixels wide."""
    if coarse <= 1:
        fine: Floats = rng.standard_normal((size[1], size[0]), np.float32)
        fine *= np.float32(0.5)
        return fine
    small = (max(2, round(size[0] / coarse)), max(2, round(size[1] / coarse)))
    return stretch(rng.standard_normal((small[1], small[0]), np.float32) * np.float32(0.5), size)


def brushed(rng: np.random.Generator, size: Size, *, upright: bool = False) -> Floats:
    """The fine parallel scratches of brushed or rolled metal."""
    cell = (2.0, size[1] / 3) if upright else (size[0] / 3, 2.0)
    fine = clouds(rng, size, cell, 1)
    return np.asarray(0.7 * fine + 0.3 * grain(rng, size), np.float32)


def stretch(small: Floats, size: Size) -> Floats:
    """Enlarge an array to ``size`` without steps."""
    return np.asarray(
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC), dtype=np.float32
    )


def soft_step(x: Floats, at: float, width: float) -> Floats:
    """0 below ``at``, 1 above, an S-curve of ``width`` between."""
    t = np.clip((x - at) / width + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def distance_along(size: Size, angle: float, centre: tuple[float, float] | None = None) -> Floats:
    """Signed distance in pixels of each pixel from ``centre`` (the middle), along ``angle``."""
    cx, cy = centre or (size[0] / 2, size[1] / 2)
    x = np.arange(size[0], dtype=np.float32) - np.float32(cx)
    y = np.arange(size[1], dtype=np.float32) - np.float32(cy)
    return np.asarray(
        x[None, :] * np.float32(np.cos(angle)) + y[:, None] * np.float32(np.sin(angle)), np.float32
    )


def blob(size: Size, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """A bell of height 1 around ``centre``."""
    x = ((np.arange(size[0], dtype=np.float32) - centre[0]) / radii[0]) ** 2
    y = ((np.arange(size[1], dtype=np.float32) - centre[1]) / radii[1]) ** 2
    return np.asarray(np.exp(-y)[:, None] * np.exp(-x)[None, :], np.float32)


def from_mask(mask: Image.Image) -> Floats:
    """A picture of mode L as an array of 0 to 1."""
    values: Floats = np.asarray(mask, np.float32) / np.float32(255)
    return values


def tint(grey: Floats, colour: tuple[float, float, float]) -> Floats:
    """Grey (h, w) times a colour: (h, w, 3)."""
    return np.asarray(grey[:, :, None] * np.asarray(colour, np.float32), np.float32)


def mix(under: Floats, over: Floats | tuple[float, float, float], share: Floats) -> Floats:
    """Blend ``over`` onto ``under`` (h, w, 3) by ``share`` (h, w), 0 to 1."""
    part = np.asarray(share, np.float32)[:, :, None]
    out: Floats = np.asarray(over, np.float32) - np.asarray(under, np.float32)
    out *= part
    out += under
    return out
