"""What lies around a VIN: paint, rusty metal, dashboards; frame-sized, with their own light."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from photo_generator.dice import between, chance, pick
from photo_generator.relief import slopes
from photo_generator.textures import (
    Floats,
    Size,
    brushed,
    clouds,
    distance_along,
    from_mask,
    grain,
    mix,
    soft_step,
    tint,
)

Tone = tuple[float, float, float]

BODY: tuple[Tone, ...] = (
    (0.80, 0.80, 0.79),
    (0.56, 0.57, 0.59),
    (0.15, 0.15, 0.16),
    (0.10, 0.16, 0.34),
    (0.45, 0.06, 0.07),
    (0.62, 0.59, 0.50),
    (0.13, 0.25, 0.19),
    (0.36, 0.38, 0.40),
)
"""Paints that cars have."""

CHASSIS: tuple[Tone, ...] = (
    (0.42, 0.43, 0.44),
    (0.30, 0.31, 0.31),
    (0.58, 0.58, 0.56),
    (0.20, 0.22, 0.26),
    (0.48, 0.17, 0.15),
    (0.50, 0.47, 0.38),
)
"""Primer and paint of frames and inner wings."""


def paint(rng: np.random.Generator, size: Size, tone: Tone, *, wear: float) -> Floats:
    """Painted sheet metal: orange peel, dust, a scratch or two, rust where it chipped."""
    light = between(rng, 0, 2 * math.pi)
    peel = slopes(clouds(rng, size, (14, 14), 2), light) * 0.25
    shade = 1 + 0.10 * clouds(rng, size, (size[0] * 0.8, size[1] * 0.8), 2) + peel
    along = distance_along(size, light) / size[0]
    shade = shade + between(rng, 0.1, 0.4) * along + 0.012 * grain(rng, size)
    out = tint(np.asarray(shade, np.float32), tone)
    dust = soft_step(clouds(rng, size, (5, 5), 2), 1.5, 0.6) * np.float32(0.12 + 0.25 * wear)
    out = mix(out, (0.66, 0.62, 0.55), dust)
    if wear:
        film = soft_step(clouds(rng, size, (size[0] / 3, size[1] / 5), 5), 0.3, 1.6)
        out = mix(out, (0.33, 0.28, 0.21), film * np.float32(0.45 * wear))
        out = _rust(out, rng, size, 1.75 - 0.75 * wear)
        out = _scratches(out, rng, size, int(2 + 8 * wear))
    return out


def bare_metal(rng: np.random.Generator, size: Size, *, wear: float) -> Floats:
    """Rolled or brushed steel or aluminium, with stains."""
    level = between(rng, 0.42, 0.66)
    upright = chance(rng, 0.2)
    shade = (
        level
        + 0.055 * brushed(rng, size, upright=upright)
        + 0.05 * clouds(rng, size, (size[0] / 3, size[1] / 3), 4)
        + between(rng, 0.05, 0.2)
        * distance_along(size, between(rng, 0, 6.28)) / size[0]
    )  # fmt: skip
    out = tint(np.asarray(shade, np.float32), (1.0, 0.995, 0.97))
    stain = soft_step(clouds(rng, size, (160, 110), 5), 0.7, 0.9)
    out = mix(out, (0.30, 0.27, 0.23), stain * np.float32(0.25 + 0.35 * wear))
    if wear:
        out = _rust(out, rng, size, 1.6 - 0.8 * wear)
        out = _scratches(out, rng, size, int(3 + 10 * wear))
    return out


def _rust(under: Floats, rng: np.random.Generator, size: Size, at: float) -> Floats:
    field = clouds(rng, size, (110, 90), 6)
    spots = soft_step(field, at, 0.5)
    tone = clouds(rng, size, (12, 12), 3)
    rust = np.stack([0.38 + 0.10 * tone, 0.20 + 0.07 * tone, 0.10 + 0.04 * tone], axis=2)
    return mix(under, np.asarray(rust, np.float32), spots * np.float32(0.75))


def _scratches(under: Floats, rng: np.random.Generator, size: Size, count: int) -> Floats:
    layer = Image.new("L", size, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(count):
        x, y = between(rng, 0, size[0]), between(rng, 0, size[1])
        angle, length = between(rng, 0, math.pi), between(rng, 0.03, 0.3) * size[0]
        end = (x + length * math.cos(angle), y + length * math.sin(angle))
        draw.line((x, y, *end), fill=int(rng.integers(60, 170)), width=1)
    mask = from_mask(layer.filter(ImageFilter.GaussianBlur(0.7)))
    return mix(under, (0.75, 0.74, 0.72), mask * np.float32(0.5))


def door_frame(rng: np.random.Generator, size: Size) -> Floats:
    """The pillar of a car with its door open: paint, a fold or two, the rubber seal, a screw."""
    out = paint(rng, size, pick(rng, BODY), wear=between(rng, 0.0, 0.25))
    lean = pick(rng, (0.0, math.pi / 2)) + between(rng, -0.15, 0.15)
    along = distance_along(size, lean)
    reach = 0.5 * (size[0] * abs(math.cos(lean)) + size[1] * abs(math.sin(lean)))
    for side in (-1, 1):
        if chance(rng, 0.6):  # a fold in the sheet metal: one bright and one dark line
            at = side * between(rng, 0.55, 0.8) * reach
            fold = np.exp(-(((along - at) / 9) ** 2)) - np.exp(-(((along - at - 16) / 12) ** 2))
            out = out * (1 + 0.35 * fold.astype(np.float32))[:, :, None]
        if chance(rng, 0.5):
            at = between(rng, 0.72, 0.95) * reach
            seal = soft_step(np.asarray(side * along, np.float32), at, 7)
            rib = 0.055 + 0.025 * np.sin(along / between(rng, 7, 16)) + 0.01 * grain(rng, size)
            out = mix(out, tint(np.asarray(rib, np.float32), (1.0, 1.0, 1.05)), seal)
    if chance(rng, 0.5):
        out = bolt(out, rng, size, (pick(rng, (0.07, 0.93)), between(rng, 0.08, 0.92)))
    return out


def bolt(under: Floats, rng: np.random.Generator, size: Size, at: tuple[float, float]) -> Floats:
    """A screw head with its shadow at ``at`` (shares of the frame)."""
    radius = between(rng, 0.025, 0.05) * size[0]
    x, y = at[0] * size[0], at[1] * size[1]
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=140)
    draw.regular_polygon((x, y, radius * 0.72), 6, rotation=int(rng.integers(60)), fill=255)
    head = from_mask(mask.filter(ImageFilter.GaussianBlur(radius / 14)))
    lit = slopes(head, 3.9) * np.float32(radius / 5)
    shadow = from_mask(mask.filter(ImageFilter.GaussianBlur(radius / 4)))
    shaded = (
        under * (1 - 0.6 * np.roll(shadow, (int(radius / 4), int(radius / 5)), (0, 1)))[:, :, None]
    )
    metal = tint(np.asarray(0.42 + 0.8 * lit + 0.05 * head, np.float32), (1.0, 0.98, 0.92))
    return mix(np.asarray(shaded, np.float32), metal, np.asarray(np.clip(head * 2, 0, 1)))


def dashboard(rng: np.random.Generator, size: Size) -> Floats:
    """Grained dark plastic under a windscreen."""
    level = between(rng, 0.08, 0.28)
    lumps = clouds(rng, size, (9, 7), 2) + 0.4 * grain(rng, size)
    lit = slopes(np.asarray(lumps, np.float32), between(rng, 0, 6.28))
    shade = level * (
        1 + 0.30 * lit + between(rng, 0.2, 0.9) * distance_along(size, 1.5) / size[1]
    ) + 0.02 * clouds(rng, size, (size[0] / 2, size[1] / 2), 3)
    dust = soft_step(clouds(rng, size, (4, 4), 2), 1.7, 0.5) * np.float32(0.3)
    tone = pick(rng, ((1.0, 1.0, 1.05), (1.0, 0.97, 0.9), (0.95, 1.0, 1.05)))
    return mix(tint(np.asarray(shade, np.float32), tone), (0.5, 0.48, 0.44), dust)
