"""Which recognition passes are made over a photo.

The first pass detects lines and reads each once. Only when that leaves doubt are further ones
made: the promising lines again, lit in other ways; where nothing was found, detection at another
scale and contrast, and mirrored, as in a windscreen's reflection; where doubt remains, the best
line cut in other ways.
"""

from __future__ import annotations

import math
from typing import Final

from PIL import Image

from vindrop.domain.vin import LENGTH
from vinocr.reader.arrange import halves, may_be_another, on_head, same_place
from vinocr.reader.augmentation import DOUBTFUL, FIRST, Augmentation
from vinocr.reader.barcode import codes
from vinocr.reader.closer import (
    ALMOST,
    PROMISING,
    SENSIBLE,
    augmentations,
    promise,
    reach_out,
    worth,
)
from vinocr.reader.crop import cut, strip, upside_down
from vinocr.reader.decode import Picture
from vinocr.reader.detect import Box, detect
from vinocr.reader.hypotheses import BARCODE, Hypotheses
from vinocr.reader.lines import Line, neighbours, stacks
from vinocr.reader.models import Models
from vinocr.reader.recognize import Recognizer
from vinocr.reader.strips import frames, pieces

SURE: Final = 0.97
"""Posterior from which no further pass is made."""
_QUICK: Final = 0.7
"""Scale of the quick detection, of the usual one's."""
_SURE_QUICKLY: Final = 0.9
"""Posterior from which the quick detection's lines are enough."""
_CERTAIN: Final = 0.7
"""Certainty of the least certain letter from which one pass is enough: below it, the check digit
has chosen that letter."""
SURE_AT_ONCE: Final = 0.98
"""Posterior from which the first pass's remaining lines are left unread."""
_UNHEARD: Final = 0.995
"""Posterior from which the second witness is not heard."""
_NEARLY_SURE: Final = 0.9
"""Posterior from which, and to which, a few further augmentations of the best line are enough."""
_ENOUGH: Final = 2
"""How many are a few."""

_LEAST_RATIO: Final = 2.2
_USUAL_RATIO: Final = 9.0
"""Length to height of a line with 17 letters and nothing else."""
_LARGE: Final = 800
"""Pixels of the longer side beyond which a photo is large."""
_MOST_BOXES: Final = 24
_LIKELY_BOXES: Final = 16
"""Boxes read of the `_MOST_BOXES` surest, those first that are shaped like a VIN's line: in photos of
the training folder and generated ones it was never beyond the thirteenth."""
_MORE_BOXES: Final = 6
"""Boxes read of those that only the second detection found."""
_HOPE: Final = 0.02
"""Posterior that the second detection must bring for its lines to be looked at closely: where it
brought less, the closer pass found nothing on real photos, and cost the slowest a third."""
_UNREADABLE: Final = 0.1
"""Posterior below which nothing was found: then the costly passes are made. What was half read needs
no second detection, and is no mirror's image."""
_CLOSER: Final = 2
"""Lines looked at closely, per round."""
_MIRRORED: Final = 1
"""Lines read as in a mirror, from both ends: the longest."""
_MOST_TOGETHER: Final = 4
"""Pairs of boxes read as one, per round."""
_MOST_TURNED: Final = 3
"""Lines read from the other end, per round."""
_ON_HEAD: Final = 0.9
"""Certainty of the classifier from which a line is read from its other end at once."""
_HALF: Final = 0.62
"""Share of a box's height that its upper or lower part takes."""
_MOST_ANOTHER: Final = 4
"""Such lines read."""
_MOST_OF_IT: Final = 10
"""Letters from which a part is one whose box missed an end."""


class Passes:
    """Makes passes with the networks."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._recognizer = Recognizer(models)
        self._witness = Recognizer(models, witness=True)

    def read(self, picture: Picture, threshold: float) -> Hypotheses:
        """Pass as often as it takes; where doubt remains, hear the second witness.

        :param threshold: posterior below which the costlier passes are worth their time.
        """
        hypotheses = self._search(picture, threshold)
        if hypotheses.best < _UNHEARD:
            self._hear(hypotheses)
        return hypotheses

    def _search(self, picture: Picture, threshold: float) -> Hypotheses:
        hypotheses = self.glance(picture)
        if hypotheses.best < _UNREADABLE:
            self._from_other_end(hypotheses)  # of what was found: cheaper than another detection
        if _is_enough(hypotheses):
            return hypotheses
        enough = max(threshold, _NEARLY_SURE)
        half_read = hypotheses.best
        if half_read >= _UNREADABLE and self._again(hypotheses, threshold) >= enough:
            return hypotheses
        scale, before = _scale(picture), hypotheses.best
        if self._find(hypotheses, scale) >= SURE:
            return hypotheses
        is_new = half_read < _UNREADABLE or hypotheses.best > before
        if is_new and self._again(hypotheses, threshold) >= enough:
            return hypotheses
        # Larger and relit: small and faint text shows. Of a large photo, to the quick network too.
        before = hypotheses.best
        if before < _UNREADABLE:
            after = self._find(hypotheses, 1.4 * scale, relit=True, quick=_is_large(picture))
            if after < SURE and after > max(before, _HOPE):
                self._again(hypotheses, threshold)
        if hypotheses.best < _UNREADABLE:
            self._mirrored(hypotheses)
        if _UNREADABLE <= hypotheses.best < _NEARLY_SURE:
            self._doubtful(hypotheses)
        return hypotheses

    def glance(self, picture: Picture) -> Hypotheses:
        """Read barcodes, and the lines that the quick detection finds."""
        hypotheses = Hypotheses(picture)
        for code in codes(picture.image):
            hypotheses.barcodes[code.vin] = BARCODE[code.checked]
        self._find(hypotheses, _QUICK * _scale(picture), quick=True)
        return hypotheses

    def _find(
        self, hypotheses: Hypotheses, scale: float, *, relit: bool = False, quick: bool = False
    ) -> float:
        """Detect lines at a scale, read each once, the likeliest first."""
        hypotheses.passes += 1
        image = hypotheses.picture.image
        size = (round(image.width * scale), round(image.height * scale))
        found = detect(self._models, image, size, relit=relit, quick=quick)
        hypotheses.boxes = max(hypotheses.boxes, len(found))
        boxes = [box for box in found if box.width > _LEAST_RATIO * box.height][:_MOST_BOXES]
        boxes = sorted(boxes, key=_unlike)[:_LIKELY_BOXES]
        known = [line.boxes[0] for line in hypotheses.lines if len(line.boxes) == 1]
        if known:
            new = [box for box in boxes if not any(same_place(box, one) for one in known)]
            boxes = new[:_MORE_BOXES]
        shrunk = hypotheses.picture.width / image.width
        lines = [Line((box,), shrunk=shrunk) for box in boxes]
        for line in lines:
            self._read_first(hypotheses, line)
            if line.letters < LENGTH - 3:
                continue
            sure = hypotheses.weigh() >= SURE_AT_ONCE
            # A barcode would be enough here with any line of text: its own is to be found.
            if sure or (quick and not hypotheses.barcodes and _is_enough(hypotheses)):
                return self._another(hypotheses, line, lines)
        return self._together(hypotheses, lines)

    def _another(self, hypotheses: Hypotheses, found: Line, lines: list[Line]) -> float:
        """Read the lines that are as large as a VIN's: the photo may show two cars'."""
        boxes = [line.box for line in lines if line is not found]
        alike = [x for x in lines if not x.strips and may_be_another(x.box, found.box, boxes)]
        for line in alike[:_MOST_ANOTHER]:
            self._read_first(hypotheses, line)
        return self._parts_of_another(hypotheses, found)

    def _parts_of_another(self, hypotheses: Hypotheses, found: Line) -> float:
        """Read what looks like a part of another VIN closer: a box misses an end, or a VIN has two."""
        parts = [
            line
            for line in hypotheses.lines
            if line is not found
            and len(line.boxes) == 1
            and PROMISING <= line.letters < LENGTH
            and any(map(str.isdigit, line.text))
            and line.unbroken >= PROMISING
            and line.certainty > SENSIBLE
            and line.text not in found.text
        ]
        for line in [each for each in parts if each.unbroken >= _MOST_OF_IT][:_CLOSER]:
            reach_out(line)
            self._read(hypotheses, line, FIRST)
        return self._together(hypotheses, parts)

    def _together(self, hypotheses: Hypotheses, lines: list[Line]) -> float:
        """Read boxes that may be one VIN together: those just read, with any."""
        known = [x for x in hypotheses.lines if x.whole and not any(x is line for line in lines)]
        for line in (neighbours(lines, known) + stacks(lines, known))[:_MOST_TOGETHER]:
            self._read(hypotheses, line, FIRST)
            hypotheses.lines.append(line)
        return hypotheses.weigh()

    def _again(self, hypotheses: Hypotheses, threshold: float) -> float:
        """Read again what the first pass found: from the other end, then closer."""
        hypotheses.passes += 1
        if hypotheses.best < _UNREADABLE and self._from_other_end(hypotheses) >= SURE:
            return hypotheses.best
        for line in worth(hypotheses.lines, unread=True)[:_CLOSER]:
            if line.missing > 0 and len(line.boxes) == 1:
                before = line.missing
                reach_out(line)
                self._read(hypotheses, line, FIRST)
                if 0 < line.missing <= ALMOST and line.missing < before:
                    reach_out(line)
                    self._read(hypotheses, line, FIRST)
            further = augmentations(line)
            if hypotheses.best >= _NEARLY_SURE:
                self._read(hypotheses, line, further[:_ENOUGH])
                if hypotheses.weigh() >= _NEARLY_SURE:
                    return hypotheses.best
                further = further[_ENOUGH:]
            self._read(hypotheses, line, further)
        if hypotheses.weigh() < threshold:
            self._in_halves(hypotheses)
        return hypotheses.best

    def _in_halves(self, hypotheses: Hypotheses) -> float:
        """Read a line that missed an end without what may stand right under or over it.

        Beside or under VINs on windscreens there often is a barcode, which spoils the box.
        """
        for line in worth(hypotheses.lines)[:1]:
            if len(line.boxes) > 1 or line.halved or line.ends <= 1:
                continue
            line.halved = True
            parts = [Line((half,), halved=True) for half in halves(line.box, _HALF)]
            for part in parts:
                part.ends = line.ends / _HALF
                self._read(hypotheses, part, FIRST)
            hypotheses.lines += parts
            best = max(parts, key=promise)
            self._read(hypotheses, best, augmentations(best))
        return hypotheses.weigh()

    def _from_other_end(self, hypotheses: Hypotheses) -> float:
        """Read long lines that made no sense upside down: the classifier may have erred."""
        lines = [
            line
            for line in hypotheses.lines
            if len(line.boxes) == 1
            and line.box.width > _USUAL_RATIO / 3 * line.box.height
            and line.certainty < SENSIBLE
            and not line.turned
        ]
        # A VIN on its head may leave two letters: what is as long as one is tried first.
        lines.sort(key=lambda line: _unlike(line.box))
        turned: list[Line] = []
        for line in lines[:_MOST_TURNED]:
            line.turned = True
            turned.append(Line((on_head(line.box),), turned=True))
            self._read(hypotheses, turned[-1], FIRST)
        hypotheses.lines += turned
        return self._together(hypotheses, turned)

    def _doubtful(self, hypotheses: Hypotheses) -> float:
        """Pass once more at the line that holds the likeliest VIN, cut in other augmentations."""
        hypotheses.passes += 1
        line = hypotheses.line_of.get(next(iter(hypotheses.posterior)))
        if line is not None:
            self._read(hypotheses, line, DOUBTFUL)
        return hypotheses.weigh()

    def _mirrored(self, hypotheses: Hypotheses) -> float:
        """Read the longest lines as in a mirror: a plate's reflection in the windscreen."""
        hypotheses.passes += 1
        lines = [line for line in hypotheses.lines if line.whole]
        lines = [line for line in lines if line.box.width > _USUAL_RATIO / 2 * line.box.height]
        lines.sort(key=lambda line: -line.letters)
        for line in lines[:_MIRRORED]:
            for box in (line.box, on_head(line.box)):  # of a mirrored line, the classifier is lost
                image = Line((box,), mirrored=True)
                self._read(hypotheses, image, FIRST)
                hypotheses.lines.append(image)
        return hypotheses.weigh()

    def _read_first(self, hypotheses: Hypotheses, line: Line) -> None:
        """Read a line as it was detected, from the end where the classifier sees its beginning."""
        upright = strip(cut(hypotheses.picture.image, line.box))
        if upside_down(self._models, [upright])[0] > _ON_HEAD:
            line.boxes = (on_head(line.box),)
        self._read(hypotheses, line, FIRST)
        hypotheses.lines.append(line)

    def _read(
        self, hypotheses: Hypotheses, line: Line, augmentations: tuple[Augmentation, ...]
    ) -> None:
        """Read a line in some augmentations, each of which adds a strip."""
        cut_out: list[Image.Image] = []
        tall = -1.0
        for each in augmentations:
            if each.tall != tall:
                tall = each.tall
                cut_out = pieces(hypotheses.picture, line, tall)
            line.strips.append(frames(self._recognizer, line, cut_out, each))

    def _hear(self, hypotheses: Hypotheses) -> float:
        """Have the second witness read the likeliest VIN's line, and the next promising one."""
        best = hypotheses.line_of.get(next(iter(hypotheses.posterior), ""))
        others = [line for line in worth(hypotheses.lines) if line is not best]
        for line in [*([best] if best else []), *others[:1]]:
            if not line.scores():
                continue
            cut_out = pieces(hypotheses.picture, line, FIRST[0].tall)
            line.witnesses.append(frames(self._witness, line, cut_out, FIRST[0]))
        return hypotheses.weigh()


def _is_enough(hypotheses: Hypotheses) -> bool:
    """Whether what the quick detection found needs no further pass."""
    return hypotheses.best >= _SURE_QUICKLY and hypotheses.certainty >= _CERTAIN


def _scale(picture: Picture) -> float:
    """Return the scale of the detection."""
    return (960 if _is_large(picture) else 640) / max(picture.image.size)


def _is_large(picture: Picture) -> bool:
    return max(picture.image.size) > _LARGE


def _unlike(box: Box) -> float:
    """Return how far a box is from the shape of a VIN's line."""
    return abs(math.log(box.width / box.height / _USUAL_RATIO))
