"""What the makers of scenes hand to the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from photo_generator.dice import between
from photo_generator.textures import Floats, Size
from photo_generator.view import Pose


@dataclass(frozen=True)
class Struck:
    """Letters without ink: grooves or dots."""

    bare: Floats
    """The scene's light before they were struck."""
    strokes: Image.Image
    """Mode L: where they were."""
    pen: float
    """Width of a stroke, in pixels."""


@dataclass(frozen=True)
class Scene:
    """A view of something, before lens and sensor."""

    light: Floats
    """(height, width, 3), 0 to 1."""
    glyph: float
    """Height of the VIN's letters in pixels; bounds what blur an eye forgives."""
    ends: tuple[tuple[float, float], tuple[float, float]]
    """Where in the frame the VIN begins and ends."""
    struck: Struck | None = None
    """Where the VIN is nothing but light and shadow."""


class SceneMaker(Protocol):
    """Draws a scene with one whole VIN in it."""

    def __call__(self, rng: np.random.Generator, vin: str, size: Size, *, hard: bool) -> Scene:
        """Return the scene of ``size`` (width, height)."""


SMALLEST_GLYPH_EASY = 22.0
SMALLEST_GLYPH_HARD = 15.0


def draw_pose(
    rng: np.random.Generator, *, hard: bool, fraction: tuple[float, float], roll: float = 6.0
) -> Pose:
    """Draw how the phone is held; ``fraction`` bounds the VIN's share of the frame's width."""
    tilt = 1.0 if hard else 0.55
    return Pose(
        fraction=between(rng, *fraction),
        yaw=between(rng, -32, 32) * tilt,
        pitch=between(rng, -32, 32) * tilt,
        roll=between(rng, -roll, roll) * (1.6 if hard else 1.0),
        drift=(between(rng, -0.12, 0.12), between(rng, -0.16, 0.16)),
        distance=between(rng, 1.5, 3.0),
    )
