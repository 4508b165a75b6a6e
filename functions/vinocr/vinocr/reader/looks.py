"""Which looks to take at a photo.

The first look detects lines and reads each once. Only when that leaves doubt are further ones
taken: the promising lines again, lit in other ways; where nothing was found, detection at another
scale and contrast, and mirrored, as in a windscreen's reflection; where doubt remains, the best
line cut in other ways.
"""

from __future__ import annotations

import math
from typing import Final

from PIL import Image

from vindrop.domain.vin import LENGTH
from vinocr.reader.arrange import halves, on_head, same_place
from vinocr.reader.barcode import codes
from vinocr.reader.crop import cut, strip, upside_down
from vinocr.reader.decode import Picture
from vinocr.reader.detect import Box, detect
from vinocr.reader.lines import Line, neighbours, stacks
from vinocr.reader.models import Models
from vinocr.reader.recognize import Recognizer, end_to_end
from vinocr.reader.sight import BARCODE, Sight
from vinocr.reader.ways import DOUBTFUL, FIRST, FURTHER, Way

SURE: Final = 0.97
"""Posterior from which no further look is taken."""
_QUICK: Final = 0.7
"""Scale of the quick detection, of the usual one's."""
_SURE_QUICKLY: Final = 0.9
"""Posterior from which the quick detection's lines are enough."""
_CERTAIN: Final = 0.7
"""Certainty of the least certain letter from which one pass is enough: below it, the check digit
has chosen that letter."""
SURE_AT_ONCE: Final = 0.98
"""Posterior from which the first look's remaining lines are left unread."""
_NEARLY_SURE: Final = 0.9
"""Posterior from which, and to which, a few further ways to look at the best line are enough."""
_ENOUGH: Final = 2
"""How many are a few."""

_LEAST_RATIO: Final = 2.2
_USUAL_RATIO: Final = 9.0
"""Length to height of a line with 17 letters and nothing else."""
_MOST_BOXES: Final = 24
_MORE_BOXES: Final = 6
"""Boxes read of those that only the second detection found."""
_HOPE: Final = 0.02
"""Posterior that the second detection must bring for its lines to be looked at closely: where it
brought less, the closer look found nothing on real photos, and cost the slowest a third."""
_UNREADABLE: Final = 0.1
"""Posterior below which nothing was found: then the costly looks are taken. What was half read needs
no second detection, and is no mirror's image."""
_PROMISING: Final = 7
"""VIN letters that make a line worth a closer look."""
_ALMOST: Final = 4
"""Letters still missing for which a line is lengthened once more, and looked at in every way."""
_CLOSER: Final = 2
"""Lines looked at closely, per round."""
_MIRRORED: Final = 1
"""Lines read as in a mirror, from both ends: the longest."""
_MOST_TOGETHER: Final = 4
"""Pairs of boxes read as one, per round."""
_MOST_TURNED: Final = 3
"""Lines read from the other end, per round."""
_HALF: Final = 0.62
"""Share of a box's height that its upper or lower part takes."""
_LEAST_SHARE: Final = 0.7
"""Of a VIN's length and height that a line needs to be taken for another VIN."""
_MOST_ANOTHER: Final = 2
"""Such lines read."""
_SENSIBLE: Final = 0.9
"""Mean certainty of its letters from which a line surely stood upright."""


class Looker:
    """Takes looks with the networks."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._recognizer = Recognizer(models)

    def look(self, picture: Picture, threshold: float) -> Sight:
        """Look as often as it takes.

        :param threshold: posterior below which the costlier looks are worth their time.
        """
        sight = self.glance(picture)
        if sight.best >= _SURE_QUICKLY and sight.certainty >= _CERTAIN:
            return sight
        scale = _scale(picture)
        if self._find(sight, scale) >= SURE or self._again(sight, threshold) >= max(threshold, 0.9):
            return sight
        # Larger and relit: small and faint text shows.
        before = sight.best
        if before < _UNREADABLE:
            after = self._find(sight, 1.4 * scale, relit=True)
            if after < SURE and after > max(before, _HOPE):
                self._again(sight, threshold)
        if sight.best < _UNREADABLE:
            self._mirrored(sight)
        if _UNREADABLE <= sight.best < _NEARLY_SURE:
            self._doubtful(sight)
        return sight

    def glance(self, picture: Picture) -> Sight:
        """Read barcodes, and the lines that the quick detection finds."""
        sight = Sight(picture)
        for code in codes(picture.image):
            sight.barcodes[code.vin] = BARCODE[code.checked]
        self._find(sight, _QUICK * _scale(picture), quick=True)
        return sight

    def _find(
        self, sight: Sight, scale: float, *, relit: bool = False, quick: bool = False
    ) -> float:
        """Detect lines at a scale, read each once, the likeliest first."""
        sight.looks += 1
        image = sight.picture.image
        size = (round(image.width * scale), round(image.height * scale))
        found = detect(self._models, image, size, relit=relit, quick=quick)
        sight.boxes = max(sight.boxes, len(found))
        boxes = [box for box in found if box.width > _LEAST_RATIO * box.height][:_MOST_BOXES]
        boxes.sort(key=lambda box: abs(math.log(box.width / box.height / _USUAL_RATIO)))
        known = [line.boxes[0] for line in sight.lines if len(line.boxes) == 1]
        if known:
            new = [box for box in boxes if not any(same_place(box, one) for one in known)]
            boxes = new[:_MORE_BOXES]
        shrunk = sight.picture.width / image.width
        lines = [Line((box,), shrunk=shrunk) for box in self._upright(boxes, image)]
        for line in lines:
            self._read(sight, line, FIRST)
            sight.lines.append(line)
            if line.letters >= LENGTH - 3 and sight.weigh() >= SURE_AT_ONCE:
                return self._another(sight, line, lines)
        return self._together(sight, lines)

    def _another(self, sight: Sight, found: Line, lines: list[Line]) -> float:
        """Read the lines that are as large as a VIN's: the photo may show two cars'."""
        box = found.box
        alike = [
            line
            for line in lines
            if not line.strips
            and _LEAST_SHARE < line.box.width / box.width < 1 / _LEAST_SHARE
            and _LEAST_SHARE < line.box.height / box.height < 1 / _LEAST_SHARE
        ]
        for line in alike[:_MOST_ANOTHER]:
            self._read(sight, line, FIRST)
            sight.lines.append(line)
        return sight.weigh() if alike else sight.best

    def _together(self, sight: Sight, lines: list[Line]) -> float:
        """Read boxes that may be one VIN together."""
        for line in (neighbours(lines) + stacks(lines))[:_MOST_TOGETHER]:
            self._read(sight, line, FIRST)
            sight.lines.append(line)
        return sight.weigh()

    def _again(self, sight: Sight, threshold: float) -> float:
        """Look again at what the first look found: from the other end, then closer."""
        sight.looks += 1
        if self._from_other_end(sight) >= SURE:
            return sight.best
        for line in self._worth(sight, unread=True)[:_CLOSER]:
            if line.missing > 0 and len(line.boxes) == 1:
                before = line.missing
                self._reach_out(line)
                self._read(sight, line, FIRST)
                if 0 < line.missing <= _ALMOST and line.missing < before:
                    self._reach_out(line)
                    self._read(sight, line, FIRST)
            ways = self._ways(line)
            if sight.best >= _NEARLY_SURE:
                self._read(sight, line, ways[:_ENOUGH])
                if sight.weigh() >= _NEARLY_SURE:
                    return sight.best
                ways = ways[_ENOUGH:]
            self._read(sight, line, ways)
        if sight.weigh() < threshold:
            self._in_halves(sight)
        return sight.best

    @staticmethod
    def _ways(line: Line) -> tuple[Way, ...]:
        """Return how else to look at a line: what surely has too few letters is cut off, or none."""
        almost = 1 if line.certainty > _SENSIBLE else _ALMOST
        return FURTHER if line.missing <= almost else FURTHER[:1]

    @staticmethod
    def _worth(sight: Sight, *, unread: bool) -> list[Line]:
        """Return the lines that may hold the VIN, most promising first."""
        lines = [line for line in sight.lines if line.letters >= _PROMISING]
        if unread:
            lines = [line for line in lines if len(line.strips) == len(FIRST)]
        return sorted(lines, key=_promise, reverse=True)

    @staticmethod
    def _reach_out(line: Line) -> None:
        """Lengthen a box that missed an end, as far as 17 of its letters would go."""
        reached = line.box.width + (line.ends - 1) * line.box.height
        missing = line.missing * reached / line.letters
        line.ends = min(line.ends + 2 * missing / line.box.height, 20.0)
        line.forget()

    def _in_halves(self, sight: Sight) -> float:
        """Read a line that missed an end without what may stand right under or over it.

        Beside or under VINs on windscreens there often is a barcode, which spoils the box.
        """
        for line in self._worth(sight, unread=False)[:1]:
            if len(line.boxes) > 1 or line.halved or line.ends <= 1:
                continue
            line.halved = True
            parts = [Line((half,), halved=True) for half in halves(line.box, _HALF)]
            for part in parts:
                part.ends = line.ends / _HALF
                self._read(sight, part, FIRST)
            sight.lines += parts
            best = max(parts, key=_promise)
            self._read(sight, best, self._ways(best))
        return sight.weigh()

    def _from_other_end(self, sight: Sight) -> float:
        """Read long lines that made no sense upside down: the classifier may have erred."""
        lines = [
            line
            for line in sight.lines
            if len(line.boxes) == 1
            and line.box.width > _USUAL_RATIO / 3 * line.box.height
            and line.certainty < _SENSIBLE
            and not line.turned
        ]
        lines.sort(key=lambda line: -line.letters)
        turned: list[Line] = []
        for line in lines[:_MOST_TURNED]:
            line.turned = True
            turned.append(Line((on_head(line.box),), turned=True))
            self._read(sight, turned[-1], FIRST)
        sight.lines += turned
        return self._together(sight, turned)

    def _doubtful(self, sight: Sight) -> float:
        """Look once more at the line that holds the likeliest VIN, cut in other ways."""
        sight.looks += 1
        line = sight.line_of.get(next(iter(sight.posterior)))
        if line is not None:
            self._read(sight, line, DOUBTFUL)
        return sight.weigh()

    def _mirrored(self, sight: Sight) -> float:
        """Read the longest lines as in a mirror: a plate's reflection in the windscreen."""
        sight.looks += 1
        lines = [line for line in sight.lines if len(line.boxes) == 1]
        lines = [line for line in lines if not line.mirrored and not line.halved]
        lines = [line for line in lines if line.box.width > _USUAL_RATIO / 2 * line.box.height]
        lines.sort(key=lambda line: -line.letters)
        for line in lines[:_MIRRORED]:
            for box in (line.box, on_head(line.box)):  # of a mirrored line, the classifier is lost
                image = Line((box,), mirrored=True)
                self._read(sight, image, FIRST)
                sight.lines.append(image)
        return sight.weigh()

    def _upright(self, boxes: list[Box], image: Image.Image) -> list[Box]:
        turned = upside_down(self._models, [strip(cut(image, box)) for box in boxes])
        return [on_head(box) if p > 0.9 else box for box, p in zip(boxes, turned, strict=True)]

    def _read(self, sight: Sight, line: Line, ways: tuple[Way, ...]) -> None:
        """Read a line in some ways, each of which adds a strip."""
        boxes = line.boxes if line.stacked else (line.box,)
        pieces: list[Image.Image] = []
        tall = -1.0
        for way in ways:
            if way.tall != tall:
                tall = way.tall
                pieces = [cut(sight.picture.image, box, grow=(line.ends, tall)) for box in boxes]
                if line.mirrored:
                    pieces = [piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for piece in pieces]
            strips = [way.lit(strip(piece, way.stretch)) for piece in pieces]
            read = [self._recognizer.read(one, large=line.large) for one in strips]
            line.strips.append(read[0] if len(read) == 1 else end_to_end(read))


def _scale(picture: Picture) -> float:
    """Return the scale at which the detector looks."""
    side = max(picture.image.size)
    return (640 if side <= 800 else 960) / side


def _promise(line: Line) -> float:
    """Return how much a line promises to hold the VIN."""
    return max(line.scores().values(), default=line.letters - 100.0)
