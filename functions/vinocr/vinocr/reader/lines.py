"""Lines of text: boxes that stand on one line, and what several strips of each say."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from vindrop.vin import LENGTH

from vinocr.reader import align
from vinocr.reader.detect import Box
from vinocr.reader.prior import evidence
from vinocr.reader.recognize import Frames
from vinocr.reader.search import candidates, joined, most_letters

MAX_CANDIDATES: Final = 40
"""Per line; the forward algorithm's cost grows with them."""
TWO_LINES: Final = -4.0
"""Log weight of a VIN standing in two lines: rare."""
LEAST: Final = -30.0
"""Log-likelihood below which a strip says no more than "not this one"."""


@dataclass(slots=True)
class Line:
    """One line of text in the picture, and the strips read of it."""

    boxes: tuple[Box, ...]
    """Left to right. More than one: neighbours that may be one VIN."""
    strips: list[Frames] = field(default_factory=list)
    penalty: float = 0.0
    """Log weight of having been put together from several boxes."""
    _proposed: set[str] = field(default_factory=set)
    _searched: int = 0

    @property
    def box(self) -> Box:
        """The rectangle around all of the line's boxes."""
        return self.boxes[0] if len(self.boxes) == 1 else around(self.boxes)

    @property
    def letters(self) -> int:
        """How many VIN letters the line holds, at most, in any strip."""
        return max((most_letters(s.probabilities) for s in self.strips), default=0)

    @property
    def text(self) -> str:
        """What the recogniser read, in the strip with most letters."""
        if not self.strips:
            return ""
        return max(self.strips, key=lambda s: most_letters(s.probabilities)).text

    def forget(self) -> None:
        """Start over, after the strips were taken away."""
        self._proposed.clear()
        self._searched = 0

    def scores(self) -> dict[str, float]:
        """Return VIN → log score, over all strips read so far."""
        for strip in self.strips[self._searched :]:
            found = candidates(strip.probabilities)
            best = sorted(found, key=lambda vin: -found[vin])[: MAX_CANDIDATES // 2]
            self._proposed.update(best)
        self._searched = len(self.strips)
        if not self._proposed:
            return {}
        vins = sorted(self._proposed)
        said = np.array([align.log_likelihoods(s.probabilities, vins) for s in self.strips])
        picture = np.maximum(said, LEAST).mean(axis=0)
        return {
            vin: float(p) + evidence(vin) + self.penalty
            for vin, p in zip(vins, picture, strict=True)
        }


def neighbours(lines: list[Line]) -> list[tuple[Box, ...]]:
    """Return boxes side by side on one line that may be one VIN: it was broken over them."""
    return [
        (a.box, b.box)
        for a in lines
        for b in lines
        if a is not b
        and a.letters < LENGTH
        and b.letters < LENGTH
        and LENGTH - 3 <= a.letters + b.letters <= LENGTH + 7
        and _follows(a.box, b.box)
    ]


def stacked(lines: list[Line]) -> list[Line]:
    """Return lines one right below the other, end to end: a VIN in two lines."""
    out: list[Line] = []
    for a in lines:
        for b in lines:
            if (
                a is not b
                and 4 <= a.letters < LENGTH
                and LENGTH <= a.letters + b.letters <= LENGTH + 1
                and _below(a.box, b.box)
            ):
                frames = joined([a.strips[0].probabilities, b.strips[0].probabilities])
                text = f"{a.strips[0].text} {b.strips[0].text}"
                out.append(Line((a.box, b.box), [Frames(frames, text)], penalty=TWO_LINES))
    return out


def _follows(a: Box, b: Box) -> bool:
    """Whether b stands to the right of a, on the same line and of about its size."""
    if not 0.6 < a.height / b.height < 1.6 or abs(math.sin(a.angle - b.angle)) > 0.2:
        return False
    cos, sin = math.cos(a.angle), math.sin(a.angle)
    dx, dy = b.x - a.x, b.y - a.y
    along, across = dx * cos + dy * sin, -dx * sin + dy * cos
    gap = along - (a.width + b.width) / 2
    return along > 0 and abs(across) < 0.5 * a.height and -a.height < gap < 3 * a.height


def _below(a: Box, b: Box) -> bool:
    """Whether b is the next line under a, of its size and beginning or centred like it."""
    if not 0.7 < a.height / b.height < 1.4 or abs(math.sin(a.angle - b.angle)) > 0.2:
        return False
    cos, sin = math.cos(a.angle), math.sin(a.angle)
    dx, dy = b.x - a.x, b.y - a.y
    along, across = dx * cos + dy * sin, -dx * sin + dy * cos
    centred = abs(along) < a.height
    left = abs(along - (b.width - a.width) / 2) < a.height
    return 0.5 * a.height < across < 1.8 * a.height and (centred or left)


def around(boxes: tuple[Box, ...]) -> Box:
    """Return the rectangle around boxes, turned as the longest of them is."""
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
