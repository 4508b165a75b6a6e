"""Pictures lit anew: for text that is faint, or runs through light and shadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps


def even(image: Image.Image) -> Image.Image:
    """Return an image with its greys spread over the whole scale."""
    return ImageOps.autocontrast(image.convert("L"), cutoff=1).convert("RGB")


def local(image: Image.Image, radius: int) -> Image.Image:
    """Return an image with contrast and brightness made the same everywhere.

    On windscreens a line runs through reflections: white on grey here, grey on black there.
    Each pixel becomes its distance from the mean around it, in standard deviations.

    :param radius: pixels; about half the height of the text.
    """
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    mean = _blurred(grey, radius)
    deviation = np.sqrt(np.maximum(_blurred(grey * grey, radius) - mean * mean, 0.0))
    # 12: a flat ground's noise is not to be blown up into letters.
    flat = np.clip(128 + 50 * (grey - mean) / (deviation + 12), 0, 255).astype(np.uint8)
    return Image.fromarray(flat).convert("RGB")


def softened(image: Image.Image) -> Image.Image:
    """Return an image a little out of focus."""
    return image.filter(ImageFilter.GaussianBlur(1.0))


def without_specks(image: Image.Image) -> Image.Image:
    """Return an image without what is smaller than a stroke."""
    return image.filter(ImageFilter.MedianFilter(3))


def _blurred(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Return the mean over a square window, edges mirrored."""
    for axis in (0, 1):
        size = values.shape[axis]
        radius = min(radius, size - 1)
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius + 1, radius)
        sums = np.cumsum(np.pad(values, pad, mode="symmetric"), axis=axis, dtype=np.float64)
        window = 2 * radius + 1
        upper = sums[:, window : window + size] if axis else sums[window : window + size]
        lower = sums[:, :size] if axis else sums[:size]
        values = ((upper - lower) / window).astype(np.float32)
    return values
