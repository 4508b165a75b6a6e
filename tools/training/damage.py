"""What cameras, chats and thumbnails do to a strip before it is read."""

from __future__ import annotations

import io
import math
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from vinocr.reader.crop import HEIGHT
from vinocr.reader.light import even, local

WIDTHS: Final = tuple(range(288, 705, 32))
"""Widths in pixels that strips are brought to: those of one width make a batch."""


def small(
    rng: np.random.Generator, image: Image.Image, letter: float, low: float, high: float
) -> Image.Image:
    """Return the image as if its letters had been ``low`` to ``high`` pixels high.

    :param letter: height of its letters now, in pixels.
    """
    wanted = math.exp(rng.uniform(math.log(low), math.log(high)))
    down = min(1.0, wanted / letter)
    squeeze = rng.uniform(0.4, 1.0) if rng.random() < 0.6 else 1.0
    size = (max(40, round(image.width * down * squeeze)), max(6, round(image.height * down)))
    filters = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC,
               Image.Resampling.LANCZOS, Image.Resampling.NEAREST)  # fmt: skip
    choice = int(rng.choice(len(filters), p=(0.25, 0.35, 0.2, 0.17, 0.03)))
    return image.resize(size, filters[choice])


def blurred(rng: np.random.Generator, image: Image.Image, letter: float) -> Image.Image:
    """Return the image out of focus or shaken, bound to the letters' height in pixels."""
    draw = rng.random()
    if draw < 0.35:
        return image.filter(ImageFilter.GaussianBlur(letter * rng.uniform(0.01, 0.09)))
    if draw < 0.5:
        values = np.asarray(image, np.float32)
        length, angle = letter * rng.uniform(0.06, 0.22), rng.uniform(0, math.pi)
        steps = np.linspace(-0.5, 0.5, 7)
        moved = [
            np.roll(
                values,
                (round(s * length * math.sin(angle)), round(s * length * math.cos(angle))),
                (0, 1),
            )
            for s in steps
        ]
        return Image.fromarray(np.mean(moved, axis=0).astype(np.uint8))
    return image


def exposed(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Return the image brighter, darker, flatter, lit from one side, and noisy."""
    values = np.asarray(image, np.float32) / 255
    if rng.random() < 0.15:
        values = 1 - values
    contrast, middle = rng.uniform(0.4, 1.25), rng.uniform(0.3, 0.7)
    values = (values - float(values.mean())) * contrast + middle
    height, width = values.shape[:2]
    if rng.random() < 0.35:  # a reflection or a shadow across
        x = np.linspace(0, 1, width, dtype=np.float32)
        steep = (x - rng.random()) / rng.uniform(0.01, 0.2)
        edge = 1 / (1 + np.exp(-np.clip(steep, -60, 60)))
        share = (rng.uniform(-0.45, 0.45) * edge).astype(np.float32)
        values = values * (1 - np.abs(share))[None, :, None] + np.maximum(share, 0)[None, :, None]
    if rng.random() < 0.25:  # glare
        x = (np.arange(width) / width - rng.random()) / rng.uniform(0.05, 0.3)
        y = (np.arange(height) / height - rng.random()) / rng.uniform(0.3, 1.0)
        spot = (rng.uniform(0.2, 0.8) * np.exp(-(y**2))[:, None] * np.exp(-(x**2))[None, :])[
            ..., None
        ]
        values = values + (1.05 - values) * spot.astype(np.float32)
    if rng.random() < 0.6:
        grain = rng.standard_normal(values.shape[:2], np.float32)[..., None]
        values = values + grain * np.float32(rng.uniform(0.005, 0.055) * contrast)
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def saved(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Return the image after one round through a JPEG."""
    buffer = io.BytesIO()
    image.save(
        buffer, "JPEG", quality=int(rng.integers(30, 92)), subsampling=int(rng.choice((0, 2)))
    )
    with Image.open(buffer) as again:
        return again.convert("RGB")


def lit(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Return the image in one of the ways that the reader lights it."""
    draw = rng.random()
    if draw < 0.55:
        return even(image)
    if draw < 0.8:
        return local(image, HEIGHT // 2)
    return image


def strip(rng: np.random.Generator, image: Image.Image, least: int = WIDTHS[0]) -> Image.Image:
    """Return an image as a strip 48 pixels high, of one of `WIDTHS`, lit as the reader does.

    :param least: pixels that its letters need, at 8 a frame.
    """
    natural = HEIGHT * image.width / image.height * math.exp(rng.normal(0.03, 0.14))
    wanted = min(max(natural, least), WIDTHS[-1])
    width = min(WIDTHS, key=lambda w: abs(w - wanted))
    return lit(rng, image.resize((width, HEIGHT), Image.Resampling.BILINEAR))
