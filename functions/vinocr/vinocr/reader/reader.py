"""Image bytes in, an answer out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from pathlib import Path

from vinocr.reader import calibration, models
from vinocr.reader.align import Floats, letter_edges
from vinocr.reader.answer import Alternative, Answer, Point
from vinocr.reader.decode import MAX_PIXELS, MEMORY_MB, Picture, decode
from vinocr.reader.detect import Box
from vinocr.reader.hypotheses import Hypotheses
from vinocr.reader.lines import Line
from vinocr.reader.passes import Passes
from vinocr.reader.quality import reason

_MOST_OTHERS = 3
"""Other characters that are told of one place."""
_LEAST_OTHER = 0.001
"""Probability from which they are told."""


class Reader:
    """Reads VINs. Holds the networks; one per process is enough, and threads may share it."""

    def __init__(
        self,
        *,
        threads: int = 2,
        threshold: float | None = None,
        max_error: float = calibration.MAX_ERROR,
        max_pixels: int = MAX_PIXELS,
        memory_mb: float = MEMORY_MB,
        alone: bool = False,
        model_folder: Path | None = None,
    ) -> None:
        """Load the networks (0.2 s).

        :param threads: threads within one network run.
        :param threshold: confidence from which a VIN is given, 0 to 1; by default what
            ``max_error`` asks for.
        :param max_error: share of wrong VINs to be expected among those given, above 0, below 1.
        :param max_pixels: images with more (width times height) are refused undecoded.
        :param memory_mb: megabytes that decoding an image may take; see `vinocr.reader.decode.decode`.
        :param alone: whether this process does nothing else.
        :param model_folder: where the ONNX files are; by default inside the installed rapidocr.
        :raises vinocr.reader.models.ModelsMissingError: the model files are not installed.
        :raises ValueError: ``max_error`` is no share.
        """
        self._reading = Passes(models.load(threads, model_folder))
        self._threshold = calibration.threshold(max_error) if threshold is None else threshold
        self._max_pixels = max_pixels
        self._memory_mb = memory_mb
        self._alone = alone

    def read(self, image: bytes, *, memory_mb: float | None = None) -> Answer:
        """Read the VIN in a PNG or JPEG.

        :param memory_mb: megabytes that decoding this one may take, if fewer.
        :raises vinocr.reader.ImageError: empty, another format, too many pixels, or damaged.
        """
        started = time.perf_counter()
        memory = self._memory_mb if memory_mb is None else min(self._memory_mb, memory_mb)
        picture = decode(image, max_pixels=self._max_pixels, memory_mb=memory, alone=self._alone)
        hypotheses = self._reading.read(picture, self._threshold)
        return self._answer(hypotheses, started)

    def _answer(self, hypotheses: Hypotheses, started: float) -> Answer:
        probabilities = hypotheses.calibrated()
        ranked = list(probabilities.items())
        best, p = ranked[0] if ranked else (None, 0.0)
        given = best if p >= self._threshold else None
        line = hypotheses.line_of.get(best) if best else None
        if line is None and hypotheses.lines:
            line = max(hypotheses.lines, key=lambda one: one.letters)
        runners_up = ranked[1:6] if given else ranked[:5]
        return Answer(
            vin=given,
            as_read=line.text if line else "",
            confidence=p,
            characters=_characters(probabilities, best) if best else (),
            quadrilateral=_corners(line, best, hypotheses.picture) if line else None,
            alternatives=tuple(Alternative(vin, q) for vin, q in runners_up if q >= 0.001),
            reason=None if given else reason(hypotheses),
            barcode=best in hypotheses.barcodes,
            looks=hypotheses.passes,
            milliseconds=(time.perf_counter() - started) * 1000,
            others=_others(probabilities, best) if best else (),
            places=_places(line, best, hypotheses.picture) if line and best else (),
            size=(hypotheses.picture.width, hypotheses.picture.height),
        )


def _characters(posterior: dict[str, float], best: str) -> tuple[float, ...]:
    """Return, for each place, the posterior of all candidates that agree with the best there."""
    return tuple(
        min(1.0, sum(p for vin, p in posterior.items() if vin[i] == c)) for i, c in enumerate(best)
    )


def _others(posterior: dict[str, float], best: str) -> tuple[tuple[tuple[str, float], ...], ...]:
    """Return, for each place, the other characters that candidates have there, with their posterior."""
    found = []
    for place, character in enumerate(best):
        shares: dict[str, float] = {}
        for vin, p in posterior.items():
            if vin[place] != character:
                shares[vin[place]] = min(1.0, shares.get(vin[place], 0.0) + p)
        ranked = sorted(shares.items(), key=lambda each: -each[1])
        found.append(tuple((c, p) for c, p in ranked[:_MOST_OTHERS] if p >= _LEAST_OTHER))
    return tuple(found)


def _corners(line: Line, vin: str | None, picture: Picture) -> tuple[Point, ...]:
    if vin is not None and not line.stacked:
        edges = letter_edges(line.strips[0].probabilities, vin)
        if edges:
            return _part(line, edges[0], edges[-1], picture)
    return _scaled(line.box.corners(), picture)


def _places(line: Line, vin: str, picture: Picture) -> tuple[tuple[Point, ...], ...]:
    """Return the corners of each character; of a VIN that stands in two lines they are not known."""
    if line.stacked:
        return ()
    edges = letter_edges(line.strips[0].probabilities, vin)
    return tuple(_part(line, a, b, picture) for a, b in itertools.pairwise(edges))


def _part(line: Line, begin: float, end: float, picture: Picture) -> tuple[Point, ...]:
    """Return the corners of a part of a line, in pixels of the photo.

    :param begin: a fraction of the strip's width; the strip was cut longer than the box.
    """
    box = line.box
    whole = Box(box.x, box.y, box.width + line.ends * box.height, box.height, box.angle, box.score)
    if line.mirrored:
        begin, end = 1 - begin, 1 - end
    tl, tr, br, bl = whole.corners()
    corners = (
        tl + begin * (tr - tl), tl + end * (tr - tl), bl + end * (br - bl), bl + begin * (br - bl),
    )  # fmt: skip
    return _scaled(corners, picture)


def _scaled(corners: Iterable[Floats], picture: Picture) -> tuple[Point, ...]:
    """Return corners in pixels of the photo as it was sent."""
    sx, sy = picture.width / picture.image.width, picture.height / picture.image.height
    return tuple((float(x) * sx, float(y) * sy) for x, y in corners)
