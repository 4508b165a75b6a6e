"""A box of a picture → the upright strip, 48 pixels high, that the recogniser reads."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from vinocr.reader.detect import Box, tensor
from vinocr.reader.models import Models

HEIGHT: Final = 48
"""Pixels; what the recogniser was made for."""
MAX_WIDTH: Final = 1280
MIN_WIDTH: Final = 48
LINE_WIDTH: Final = 304
"""Pixels to which a squeezed line is stretched: 38 frames, for 17 letters and blanks between."""
MOST_STRETCH: Final = 1.6
"""How far, at most: what is shorter is no line of 17 letters, or cut off."""


def cut(image: Image.Image, box: Box, *, grow: tuple[float, float] = (0.0, 0.0)) -> Image.Image:
    """Cut a box out upright, at about the picture's own resolution.

    :param grow: how much wider and higher than the box, in heights of the box.
    """
    width = box.width + grow[0] * box.height
    height = box.height * (1 + grow[1])
    grown = Box(box.x, box.y, width, height, box.angle, box.score)
    top_left, top_right, _, bottom_left = grown.corners()
    out_h = int(min(max(height, HEIGHT), 4 * HEIGHT))
    out_w = int(min(max(width * out_h / height, 1), 4 * MAX_WIDTH))
    across, down = (top_right - top_left) / out_w, (bottom_left - top_left) / out_h
    return image.transform(
        (out_w, out_h),
        Image.Transform.AFFINE,
        (
            *_pair(across[0], down[0]),
            float(top_left[0]),
            *_pair(across[1], down[1]),
            float(top_left[1]),
        ),
        resample=Image.Resampling.BICUBIC,
        fillcolor=_around(image, grown),
    )


def strip(upright: Image.Image, stretch: float = 1.0) -> Image.Image:
    """Scale what was cut out to the height that the recogniser reads.

    Cutting and scaling are two steps: averaging down keeps what a transform alone would skip,
    dots and thin strokes.

    :param stretch: factor on the strip's width. Lines squeezed below `LINE_WIDTH` are stretched
        to it besides.
    """
    natural = HEIGHT * upright.width / upright.height * stretch
    if LINE_WIDTH / MOST_STRETCH <= natural < LINE_WIDTH:
        natural = LINE_WIDTH
    out = round(natural / 8) * 8
    size = (min(max(out, MIN_WIDTH), MAX_WIDTH), HEIGHT)
    return upright.resize(size, Image.Resampling.BILINEAR)


def _around(image: Image.Image, box: Box) -> tuple[int, ...]:
    """Return the mean colour around a box: what stands for pixels beyond the picture's edge."""
    x, y = box.corners().T
    if x.min() >= 0 and y.min() >= 0 and x.max() <= image.width and y.max() <= image.height:
        return (0, 0, 0)  # none are needed
    area = (
        max(int(x.min()), 0), max(int(y.min()), 0),
        min(int(x.max()) + 1, image.width), min(int(y.max()) + 1, image.height),
    )  # fmt: skip
    if area[0] >= area[2] or area[1] >= area[3]:
        return (128, 128, 128)
    pixel = image.resize((1, 1), Image.Resampling.BOX, box=area).getpixel((0, 0))
    return pixel if isinstance(pixel, tuple) else (128, 128, 128)


def _pair(a: float, b: float) -> tuple[float, float]:
    return float(a), float(b)


def upside_down(models: Models, strips: list[Image.Image]) -> list[float]:
    """Return how sure the classifier is that each strip stands on its head, 0 to 1."""
    if not strips:
        return []
    batch = np.zeros((len(strips), 3, HEIGHT, 192), dtype=np.float32)
    for i, strip in enumerate(strips):
        small = strip if strip.width <= 192 else strip.resize((192, HEIGHT))
        batch[i, :, :, : small.width] = tensor(small)
    (output,) = models.direction.run(None, {"x": batch})
    return [float(p) for p in output[:, 1]]
