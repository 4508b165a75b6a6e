"""The ways to look at a line: how it is cut out and lit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from vinocr.reader.crop import HEIGHT
from vinocr.reader.light import even, local, softened, without_specks


@dataclass(frozen=True, slots=True)
class Way:
    """A way to look at a line."""

    lit: Callable[[Image.Image], Image.Image]
    stretch: float = 1.0
    tall: float = 0.1
    """By how much of its height the box is cut higher."""


FIRST: Final = (Way(even),)
FURTHER: Final = (
    Way(lambda image: local(image, HEIGHT // 2)),
    Way(lambda image: local(softened(image), HEIGHT // 2), stretch=1.1),  # dots become strokes
    Way(lambda image: image, stretch=1.25),
    Way(lambda image: local(without_specks(image), HEIGHT // 2)),  # rust, grain, scratches
)
"""For a closer look, those first that find most."""
DOUBTFUL: Final = (
    Way(even, tall=0.3),
    Way(lambda image: local(image, HEIGHT // 2), tall=0.0),
    Way(lambda image: softened(even(image)), stretch=0.9, tall=0.2),
)
"""For what still is in doubt: a box a little off is the commonest fault that lighting leaves."""
