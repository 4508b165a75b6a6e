"""Image bytes in, an answer out."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from vinocr.reader import models
from vinocr.reader.align import first_and_last
from vinocr.reader.answer import Alternative, Answer, NoReason, Point
from vinocr.reader.crop import cut, upside_down
from vinocr.reader.decode import MAX_PIXELS, Picture, decode
from vinocr.reader.detect import Box, detect
from vinocr.reader.lines import Line, chains
from vinocr.reader.recognize import Recognizer

THRESHOLD: Final = 0.70
"""Posterior from which a VIN is given; docs/reading.md has the curve it was chosen from."""
SURE: Final = 0.985
"""Posterior from which no further look is taken."""
NOTHING: Final = -7.0
"""Log weight of "there is no VIN here"."""

_LEAST_RATIO: Final = 2.2
_MOST_BOXES: Final = 24
_PROMISING: Final = 7
"""VIN letters that make a line worth a closer look."""


@dataclass(slots=True)
class _Sight:
    """What has been seen so far."""

    picture: Picture
    lines: list[Line] = field(default_factory=list)
    boxes: int = 0
    looks: int = 0
    posterior: dict[str, float] = field(default_factory=dict)
    best_line: dict[str, Line] = field(default_factory=dict)

    def weigh(self) -> float:
        """Weigh all lines' candidates and "nothing here"; return the best one's posterior."""
        scores: dict[str, float] = {}
        for line in self.lines:
            for vin, score in line.scores().items():
                if vin not in scores or score > scores[vin]:
                    scores[vin] = score
                    self.best_line[vin] = line
        top = max([NOTHING, *scores.values()])
        weights = {vin: math.exp(score - top) for vin, score in scores.items()}
        total = sum(weights.values()) + math.exp(NOTHING - top)
        ordered = sorted(weights.items(), key=lambda item: -item[1])
        self.posterior = {vin: weight / total for vin, weight in ordered}
        return next(iter(self.posterior.values()), 0.0)


class Reader:
    """Reads VINs. Holds the networks; one per process is enough, and threads may share it."""

    def __init__(
        self,
        *,
        threads: int = 2,
        threshold: float = THRESHOLD,
        max_pixels: int = MAX_PIXELS,
        model_folder: Path | None = None,
    ) -> None:
        """Load the networks (0.2 s).

        :param threads: threads within one network run.
        :param threshold: posterior from which a VIN is given, 0 to 1.
        :param max_pixels: images with more (width times height) are refused undecoded.
        :param model_folder: where the ONNX files are; by default inside the installed rapidocr.
        :raises vinocr.reader.models.ModelsMissingError: the model files are not installed.
        """
        self._models = models.load(threads, model_folder)
        self._recognizer = Recognizer(self._models)
        self._threshold = threshold
        self._max_pixels = max_pixels

    def read(self, image: bytes) -> Answer:
        """Read the VIN in a PNG or JPEG.

        :raises vinocr.reader.ImageError: empty, another format, too many pixels, or damaged.
        """
        started = time.perf_counter()
        sight = _Sight(decode(image, max_pixels=self._max_pixels))
        self._look(sight)
        return self._answer(sight, started)

    def _look(self, sight: _Sight) -> None:
        size = sight.picture.image.size
        long = 640 if max(size) <= 800 else 960
        self._find(sight, min(long / max(size), 4.0))
        if sight.weigh() >= SURE:
            return
        self._closer(sight)
        if sight.weigh() >= SURE:
            return
        if next(iter(sight.posterior.values()), 0.0) < self._threshold:
            self._find(sight, min(long * 1.6 / max(size), 6.0))
            if sight.weigh() < SURE:
                self._closer(sight)
                sight.weigh()

    def _find(self, sight: _Sight, scale: float) -> None:
        """Look: detect lines at a scale, read each once."""
        image = sight.picture.image
        sight.looks += 1
        found = detect(self._models, image, (image.width * scale, image.height * scale))  # type: ignore[arg-type]
        sight.boxes = max(sight.boxes, len(found))
        boxes = [box for box in found if box.width > _LEAST_RATIO * box.height][:_MOST_BOXES]
        strips = [cut(image, box) for box in boxes]
        lines: list[Line] = []
        turned = upside_down(self._models, strips)
        for box, strip, p in zip(boxes, strips, turned, strict=True):
            on_head = p > 0.9
            read = strip.transpose(Image.Transpose.ROTATE_180) if on_head else strip
            lines.append(Line((_turned(box) if on_head else box,), self._recognizer.read([read])))
        sight.lines += lines + chains(lines)

    def _closer(self, sight: _Sight) -> None:
        """Look: cut the promising lines again, in other ways, and let the strips vote."""
        sight.looks += 1
        image = sight.picture.image
        worth = [line for line in sight.lines if line.letters >= _PROMISING]
        worth.sort(key=lambda line: -max(line.scores().values(), default=line.letters - 100.0))
        for line in worth[:2]:
            if len(line.strips) > 1:
                continue
            box = line.box
            n = line.letters
            ends = 0.5
            if n < 17:
                ends = min(2 * (18 - n) * box.width / max(n, 1) / box.height, 20.0)
            strips = [
                cut(image, box, grow=(ends, 0.0)),
                cut(image, box, grow=(ends, 0.3), stretch=1.25),
                cut(image, box, grow=(ends, 0.1), stretch=0.85),
                cut(ImageOps.autocontrast(image, cutoff=1), box, grow=(ends, 0.1)),
            ]
            line.strips += self._recognizer.read(strips)

    def _answer(self, sight: _Sight, started: float) -> Answer:
        ranked = list(sight.posterior.items())
        best, p = ranked[0] if ranked else (None, 0.0)
        given = best if p >= self._threshold else None
        line = sight.best_line.get(best) if best else None
        if line is None and sight.lines:
            line = max(sight.lines, key=lambda one: one.letters)
        return Answer(
            vin=given,
            as_read=line.text if line else "",
            confidence=p,
            characters=_characters(sight.posterior, best) if best else (),
            quadrilateral=_corners(line, best, sight.picture) if line else None,
            alternatives=tuple(Alternative(vin, q) for vin, q in ranked[1:6] if q >= 0.001),
            reason=None if given else _reason(sight),
            barcode=False,
            looks=sight.looks,
            milliseconds=(time.perf_counter() - started) * 1000,
        )


def _turned(box: Box) -> Box:
    return Box(box.x, box.y, box.width, box.height, box.angle + math.pi, box.score)


def _characters(posterior: dict[str, float], best: str) -> tuple[float, ...]:
    """Return, for each place, the posterior of all candidates that agree with the best there."""
    return tuple(
        min(1.0, sum(p for vin, p in posterior.items() if vin[i] == c)) for i, c in enumerate(best)
    )


def _reason(sight: _Sight) -> NoReason:
    if not sight.boxes:
        return "no_text"
    return "no_vin"


def _corners(line: Line, vin: str | None, picture: Picture) -> tuple[Point, ...]:
    box = line.box
    tl, tr, br, bl = box.corners()
    if vin is not None:
        a, b = first_and_last(line.strips[0].probabilities, vin)
        tl, tr, bl, br = (
            tl + a * (tr - tl),
            tl + b * (tr - tl),
            bl + a * (br - bl),
            bl + b * (br - bl),
        )
    sx, sy = picture.width / picture.image.width, picture.height / picture.image.height
    return tuple((float(x) * sx, float(y) * sy) for x, y in (tl, tr, br, bl))
