"""How boxes stand to each other: side by side on one line, one below the other, the same."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from vinocr.reader.detect import Box

_LEAST_SHARE: Final = 0.33
"""Of a VIN's length and height that a line needs to be taken for another VIN."""
_NEARLY_ALL: Final = 0.55
"""Length to height, in those of the found VIN, of a line with enough letters to be told for a VIN:
its box may have missed an end."""
_LEAST_PART: Final = 0.4
"""The same of a part that is read together with another: 7 of 17 letters."""


def follows(a: Box, b: Box) -> bool:
    """Whether b stands to the right of a, on the same line and of about its size."""
    if not _alike(a, b, 0.6):
        return False
    along, across = _offset(a, b)
    gap = along - (a.width + b.width) / 2
    return along > 0 and abs(across) < 0.5 * a.height and -a.height < gap < 3 * a.height


def below(a: Box, b: Box) -> bool:
    """Whether b is the next line under a, of its size and beginning or centred like it."""
    if not _alike(a, b, 0.65):
        return False
    along, across = _offset(a, b)
    centred = abs(along) < a.height
    left = abs(along - (b.width - a.width) / 2) < 1.2 * a.height
    return 0.5 * a.height < across < 1.8 * a.height and (centred or left)


def same_place(a: Box, b: Box) -> bool:
    """Whether two boxes are of the same line, found twice."""
    near = max(a.height, b.height)
    return (
        math.hypot(a.x - b.x, a.y - b.y) < 0.5 * near
        and abs(a.width - b.width) < 1.5 * near
        and 0.7 < a.height / b.height < 1.4
    )


def around(boxes: tuple[Box, ...]) -> Box:
    """Return the rectangle around boxes, turned as the longest of them is."""
    if len(boxes) == 1:
        return boxes[0]
    longest = max(boxes, key=lambda box: box.width)
    cos, sin = math.cos(longest.angle), math.sin(longest.angle)
    corners = np.concatenate([box.corners() for box in boxes])
    u, v = corners @ (cos, sin), corners @ (-sin, cos)
    mu, mv = (u.max() + u.min()) / 2, (v.max() + v.min()) / 2
    return Box(
        x=float(mu * cos - mv * sin),
        y=float(mu * sin + mv * cos),
        width=float(np.ptp(u)),
        height=float(np.ptp(v)),
        angle=longest.angle,
        score=min(box.score for box in boxes),
    )


def on_head(box: Box) -> Box:
    """Return the same box, read from its other end."""
    return Box(box.x, box.y, box.width, box.height, box.angle + math.pi, box.score)


def may_be_another(box: Box, found: Box, boxes: list[Box]) -> bool:
    """Whether a line may be another VIN, or a part of one, beside the VIN that was found.

    :param boxes: all lines but the found one: a VIN in two parts has its other part among them.
    """
    share = (box.width / found.width, box.height / found.height)
    if not all(_LEAST_SHARE < one < 1 / _LEAST_SHARE for one in share):
        return False
    letters = share[0] / share[1]
    if letters >= _NEARLY_ALL:
        return True
    return letters >= _LEAST_PART and any(_go_together(box, one) for one in boxes if one is not box)


def _go_together(a: Box, b: Box) -> bool:
    return follows(a, b) or follows(b, a) or below(a, b) or below(b, a)


def halves(box: Box, share: float = 0.62) -> tuple[Box, Box]:
    """Return the upper and the lower part of a box, overlapping a little.

    Beside or under a VIN often stands a barcode of it, so close that both are one box.
    """
    away = box.height * (1 - share) / 2
    dx, dy = -math.sin(box.angle) * away, math.cos(box.angle) * away
    upper = Box(box.x - dx, box.y - dy, box.width, box.height * share, box.angle, box.score)
    lower = Box(box.x + dx, box.y + dy, box.width, box.height * share, box.angle, box.score)
    return upper, lower


def _alike(a: Box, b: Box, least: float) -> bool:
    """Whether two boxes are about equally high, and turned the same way."""
    return least < a.height / b.height < 1 / least and math.cos(a.angle - b.angle) > 0.97


def _offset(a: Box, b: Box) -> tuple[float, float]:
    """Return how far b's centre is from a's, along a's text and down from it."""
    cos, sin = math.cos(a.angle), math.sin(a.angle)
    dx, dy = b.x - a.x, b.y - a.y
    return dx * cos + dy * sin, -dx * sin + dy * cos
