"""Which looks to take at a photo, and what they add up to.

The first look detects lines and reads each once. Only when that leaves doubt are further ones
taken: the promising lines again, cut and lit in other ways; then detection at another scale
and contrast; then mirrored and turned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from PIL import Image
from vindrop.vin import LENGTH

from vinocr.reader.crop import cut, even, local, upside_down
from vinocr.reader.decode import Picture
from vinocr.reader.detect import Box, detect
from vinocr.reader.lines import Line, around, neighbours, stacked
from vinocr.reader.models import Models
from vinocr.reader.recognize import Recognizer

SURE: Final = 0.985
"""Posterior from which no further look is taken."""
NOTHING: Final = -6.0
"""Log weight of "there is no VIN here"."""

_LEAST_RATIO: Final = 2.2
_MOST_BOXES: Final = 24
_PROMISING: Final = 7
"""VIN letters that make a line worth a closer look."""
_CLOSER: Final = 2
"""Lines looked at closely, per round."""


@dataclass(slots=True)
class Sight:
    """What has been seen in a photo so far."""

    picture: Picture
    lines: list[Line] = field(default_factory=list)
    boxes: int = 0
    looks: int = 0
    posterior: dict[str, float] = field(default_factory=dict)
    """VIN → probability, likeliest first; what is missing to 1 is "no VIN here"."""
    line_of: dict[str, Line] = field(default_factory=dict)

    @property
    def best(self) -> float:
        """The best candidate's posterior."""
        return next(iter(self.posterior.values()), 0.0)

    def weigh(self) -> float:
        """Weigh all lines' candidates and "nothing here"; return the best one's posterior."""
        scores: dict[str, float] = {}
        for line in self.lines:
            for vin, score in line.scores().items():
                if vin not in scores or score > scores[vin]:
                    scores[vin] = score
                    self.line_of[vin] = line
        top = max([NOTHING, *scores.values()])
        weights = {vin: math.exp(score - top) for vin, score in scores.items()}
        total = sum(weights.values()) + math.exp(NOTHING - top)
        ordered = sorted(weights.items(), key=lambda item: -item[1])
        self.posterior = {vin: weight / total for vin, weight in ordered}
        return self.best


class Looker:
    """Takes looks with the networks."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._recognizer = Recognizer(models)

    def look(self, picture: Picture, threshold: float) -> Sight:
        """Look as often as it takes.

        :param threshold: posterior below which the costlier looks are worth their time.
        """
        sight = Sight(picture)
        side = max(picture.image.size)
        long = 640 if side <= 800 else 960
        self._find(sight, picture.image, long / side)
        if sight.weigh() >= SURE:
            return sight
        self._closer(sight)
        if sight.weigh() >= max(threshold, 0.9):
            return sight
        self._find(sight, local(picture.image, side // 24), 1.5 * long / side)
        if sight.weigh() < SURE:
            self._closer(sight)
            sight.weigh()
        return sight

    def _find(self, sight: Sight, image: Image.Image, scale: float) -> None:
        """Detect lines at a scale, read each once."""
        sight.looks += 1
        size = (round(image.width * scale), round(image.height * scale))
        found = detect(self._models, image, size)
        sight.boxes = max(sight.boxes, len(found))
        boxes = [box for box in found if box.width > _LEAST_RATIO * box.height][:_MOST_BOXES]
        lines = [self._line((box,), image) for box in self._upright(boxes, image)]
        lines += [self._line(pair, image, penalty=-0.5) for pair in neighbours(lines)[:4]]
        sight.lines += lines + stacked(lines)

    def _upright(self, boxes: list[Box], image: Image.Image) -> list[Box]:
        turned = upside_down(self._models, [cut(image, box) for box in boxes])
        return [_on_head(box) if p > 0.9 else box for box, p in zip(boxes, turned, strict=True)]

    def _line(self, boxes: tuple[Box, ...], image: Image.Image, penalty: float = 0.0) -> Line:
        strip = even(cut(image, around(boxes), grow=(1.0, 0.1)))
        return Line(boxes, self._recognizer.read([strip]), penalty)

    def _closer(self, sight: Sight) -> None:
        """Cut the promising lines again, in other ways, and let the strips vote."""
        sight.looks += 1
        image = sight.picture.image
        worth = [one for one in sight.lines if one.letters >= _PROMISING and len(one.strips) == 1]
        worth.sort(key=lambda one: -max(one.scores().values(), default=one.letters - 100.0))
        for line in worth[:_CLOSER]:
            if line.penalty < -1:
                continue
            box, n = line.box, line.letters
            ends = 1.0
            if n < LENGTH:  # the box may have missed an end: reach out as far as it would go
                ends = min(1 + 2 * (LENGTH - n) * box.width / n / box.height, 20.0)
            strips = [
                local(cut(image, box, grow=(ends, 0.1))),
                local(cut(image, box, grow=(ends, 0.1), stretch=1.25)),
                cut(image, box, grow=(ends, 0.1), stretch=1.25),
            ]
            if n < LENGTH:
                line.strips.clear()
                line.forget()
            line.strips += self._recognizer.read(strips)


def _on_head(box: Box) -> Box:
    return Box(box.x, box.y, box.width, box.height, box.angle + math.pi, box.score)
