"""The detector's text map → boxes, in a few dozen lines of numpy.

The rules are those of DB ("Real-time Scene Text Detection with Differentiable Binarization",
Liao et al. 2020): threshold the map, take connected components, draw the smallest rectangle
around each, grow it by area × ratio / perimeter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vinocr.reader.light import local
from vinocr.reader.models import Models

THRESHOLD: Final = 0.3
"""Above it a point of the map is text."""
BOX_THRESHOLD: Final = 0.45
"""Mean of the map that makes a component a line."""
UNCLIP: Final = 1.6
"""How far a box is grown: the map shows the core of the text only."""
_MIN_SIDE: Final = 3.0

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """A line of text: a turned rectangle, in pixels of the picture it was found in."""

    x: float
    y: float
    """Centre."""
    width: float
    """Along the text, the longer side."""
    height: float
    angle: float
    """Radians from the x axis to the text's direction, clockwise as pixels go, (−π/2, π/2]."""
    score: float
    """Mean of the text map inside, 0 to 1."""

    def corners(self) -> Floats:
        """Return the (4, 2) corners, clockwise from the text's top left."""
        along = np.array([np.cos(self.angle), np.sin(self.angle)]) * self.width / 2
        down = np.array([-np.sin(self.angle), np.cos(self.angle)]) * self.height / 2
        centre = np.array([self.x, self.y])
        corners = [
            centre - along - down,
            centre + along - down,
            centre + along + down,
            centre - along + down,
        ]
        return np.array(corners, dtype=np.float32)


def detect(
    models: Models,
    image: Image.Image,
    size: tuple[int, int],
    *,
    relit: bool = False,
    quick: bool = False,
) -> list[Box]:
    """Find lines of text.

    :param image: RGB.
    :param size: width and height at which the detector looks; rounded to multiples of 32.
    :param relit: with brightness and contrast made the same everywhere first.
    :param quick: with the smaller detector.
    :returns: boxes in pixels of ``image``, surest first.
    """
    width, height = (max(32, round(side / 32) * 32) for side in size)
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    if relit:
        scaled = local(scaled, max(width, height) // 32)
    network = models.quick_detector if quick else models.detector
    (output,) = network.run(None, {network.get_inputs()[0].name: tensor(scaled)[None]})
    return boxes(output[0, 0], image.width / width, image.height / height)


def tensor(image: Image.Image) -> Floats:
    """Return an RGB image as the networks want it: (3, height, width), BGR, −1 to 1."""
    pixels = np.asarray(image)
    out = np.empty((3, *pixels.shape[:2]), dtype=np.float32)
    for channel in range(3):
        out[channel] = pixels[:, :, 2 - channel]
    out /= 127.5
    out -= 1.0
    return out


def boxes(text_map: Floats, scale_x: float, scale_y: float) -> list[Box]:
    """Return the boxes of a (height, width) text map, scaled, surest first."""
    mask = text_map > THRESHOLD
    found: list[Box] = []
    for rows, starts, stops in components(mask):
        ends = np.concatenate([starts, stops])
        points = np.stack([ends, np.concatenate([rows, rows])], axis=1).astype(np.float64)
        # A pixel is a square: its rows reach half a pixel up and down of its centre.
        half = np.array((0.0, 0.5))
        points = np.concatenate([points - half, points + half])
        if len(rows) < 2 and np.ptp(ends) < _MIN_SIDE:
            continue
        total = sum(
            float(text_map[r, a:b].sum()) for r, a, b in zip(rows, starts, stops, strict=True)
        )
        score = total / float((stops - starts).sum())
        if score < BOX_THRESHOLD:
            continue
        x, y, w, h, angle = smallest_rectangle(points)
        if min(w, h) < _MIN_SIDE:
            continue
        grow = w * h * UNCLIP / (2 * (w + h))
        box = Box(x, y + 0.5, w + 2 * grow, h + 2 * grow, angle, score)
        found.append(_scaled(box, scale_x, scale_y))
    return sorted(found, key=lambda box: -box.score)


def _scaled(box: Box, sx: float, sy: float) -> Box:
    """Turn a box of the map into one of the picture (the two scales may differ a little)."""
    cos, sin = math.cos(box.angle), math.sin(box.angle)
    return Box(
        x=box.x * sx,
        y=box.y * sy,
        width=box.width * math.hypot(cos * sx, sin * sy),
        height=box.height * math.hypot(sin * sx, cos * sy),
        angle=math.atan2(sin * sy, cos * sx),
        score=box.score,
    )


def components(
    mask: NDArray[np.bool_],
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Return the 8-connected components of a mask as runs: rows, starts, stops (exclusive).

    Works on runs, not pixels: a text map has some hundred thousand pixels but few thousand runs.
    """
    height, width = mask.shape
    edged = np.zeros((height, width + 2), dtype=np.int8)
    edged[:, 1:-1] = mask
    steps = np.diff(edged, axis=1)
    rows, starts = np.nonzero(steps == 1)
    stops = np.nonzero(steps == -1)[1]
    if not len(rows):
        return []
    parent = np.arange(len(rows))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    first = np.searchsorted(rows, np.arange(height + 1))
    for row in range(1, height):
        above, below = range(first[row - 1], first[row]), range(first[row], first[row + 1])
        i, j = above.start, below.start
        while i < above.stop and j < below.stop:
            if starts[i] <= stops[j] and starts[j] <= stops[i]:  # touching corners count
                a, b = root(i), root(j)
                if a != b:
                    parent[max(a, b)] = min(a, b)
            if stops[i] < stops[j]:
                i += 1
            else:
                j += 1
    labels = np.array([root(i) for i in range(len(rows))])
    order = np.argsort(labels, kind="stable")
    cuts = np.nonzero(np.diff(labels[order]))[0] + 1
    return [(rows[part], starts[part], stops[part]) for part in np.split(order, cuts)]


def smallest_rectangle(points: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    """Return centre x, y, longer side, shorter side and angle of the smallest rectangle around.

    One side of it lies along an edge of the convex hull (Freeman and Shapira 1975).
    """
    hull = _hull(points)
    edges = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.round(np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2), 6))
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    u = cos * hull[:, 0] + sin * hull[:, 1]
    v = -sin * hull[:, 0] + cos * hull[:, 1]
    w, h = np.ptp(u, axis=1), np.ptp(v, axis=1)
    best = int(np.argmin(w * h))
    angle = float(angles[best])
    mu = float(u[best].max() + u[best].min()) / 2
    mv = float(v[best].max() + v[best].min()) / 2
    x, y = mu * np.cos(angle) - mv * np.sin(angle), mu * np.sin(angle) + mv * np.cos(angle)
    wide, high = float(w[best]), float(h[best])
    if high > wide:
        wide, high, angle = high, wide, angle - np.pi / 2
    if angle <= -np.pi / 2 + 1e-9:
        angle += np.pi
    return float(x), float(y), wide, high, float(angle)


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the convex hull (Andrew's monotone chain)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered)

    def chain(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for px, py in sequence:
            while len(out) > 1 and (
                (out[-1][0] - out[-2][0]) * (py - out[-2][1])
                <= (out[-1][1] - out[-2][1]) * (px - out[-2][0])
            ):
                out.pop()
            out.append((px, py))
        return out[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))
