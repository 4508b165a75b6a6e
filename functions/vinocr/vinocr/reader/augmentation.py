"""Test-time augmentation of a line: how it is cut out and lit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from vinocr.reader.crop import HEIGHT
from vinocr.reader.light import even, local, softened, without_specks


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One augmentation of a line."""

    lit: Callable[[Image.Image], Image.Image]
    stretch: float = 1.0
    tall: float = 0.1
    """By how much of its height the box is cut higher."""


FIRST: Final = (Augmentation(even),)
FURTHER: Final = (
    Augmentation(lambda image: local(image, HEIGHT // 2)),
    Augmentation(
        lambda image: local(softened(image), HEIGHT // 2), stretch=1.1
    ),  # dots become strokes
    Augmentation(lambda image: image, stretch=1.25),
    Augmentation(lambda image: local(without_specks(image), HEIGHT // 2)),  # rust, grain, scratches
)
"""For a closer pass, those first that find most."""
DOUBTFUL: Final = (
    Augmentation(even, tall=0.3),
    Augmentation(lambda image: local(image, HEIGHT // 2), tall=0.0),
    Augmentation(lambda image: softened(even(image)), stretch=0.9, tall=0.2),
)
"""For what still is in doubt: a box a little off is the commonest fault that lighting leaves."""
