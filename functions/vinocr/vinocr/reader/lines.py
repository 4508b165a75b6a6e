"""Lines of text, and what several strips of each say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vindrop.domain.vin import LENGTH
from vinocr.reader import align
from vinocr.reader.arrange import around, below, follows
from vinocr.reader.detect import Box
from vinocr.reader.prior import evidence, maker_misread
from vinocr.reader.recognize import BLANK, CLEAR, SPACE, Frames
from vinocr.reader.search import candidates, is_label, most_letters, swaps, windows

CLEAR_HEIGHT: Final = 9.0
"""Height of the letters, in pixels of the photo as it was sent, from which a reading can be clear."""
CLEAR_PITCH: Final = 6.5
"""Length of the line, in letters of a VIN, from which it can: less is a squeezed picture's."""
LETTER: Final = 0.6
"""Height of the letters, in boxes."""
SWAPPED: Final = 2
"""Likeliest VINs of a strip of which those with one look-alike swapped are proposed too: the beam
search drops most of them."""
MAX_CANDIDATES: Final = 20
"""Per strip; the forward algorithm's cost grows with them."""
SEVERAL: Final = 1.5
"""As how many independent ones several strips of a line count: they show the same pixels."""
WITNESS: Final = 0.6
"""How far the second witness counts beside the recogniser: it reads worse, but errs elsewhere."""
LEAST: Final = -30.0
"""Log-likelihood below which a strip says no more than "not this one"."""
SIDE_BY_SIDE: Final = -0.5
"""Log weight of a VIN broken over two boxes of one line."""
TWO_LINES: Final = -3.0
"""Log weight of a VIN standing in two lines: rare."""


@dataclass(slots=True)
class Line:
    """One line of text in the picture, and the strips read of it."""

    boxes: tuple[Box, ...]
    """In reading order. More than one: they may be one VIN together."""
    strips: list[Frames] = field(default_factory=list)
    witnesses: list[Frames] = field(default_factory=list)
    """The same line as the second witness reads it."""
    penalty: float = 0.0
    """Log weight of having been put together from several boxes."""
    stacked: bool = False
    """The boxes stand one below the other."""
    ends: float = 1.0
    """By how many of its heights the box is lengthened when a strip is cut."""
    turned: bool = False
    """The line was read from both ends; this is one of the two."""
    halved: bool = False
    """The upper and lower part were read by themselves; or this is one of them."""
    mirrored: bool = False
    """The strips were read as in a mirror."""
    shrunk: float = 1.0
    """Pixels of the photo as it was sent, per pixel of the picture in which the boxes are."""
    picture: dict[str, float] = field(default_factory=dict)
    """VIN → mean log-likelihood of the strips."""
    _proposed: set[str] = field(default_factory=set)
    _scores: dict[str, float] = field(default_factory=dict)
    _searched: int = 0
    _said: dict[int, dict[str, float]] = field(default_factory=dict)
    """Of each strip, by its `id`, what it says of VINs."""

    @property
    def box(self) -> Box:
        """The rectangle around all of the line's boxes."""
        return around(self.boxes)

    @property
    def whole(self) -> bool:
        """Whether it is one box, as it was detected, read as it stands or from its other end."""
        return len(self.boxes) == 1 and not (self.mirrored or self.halved)

    @property
    def letters(self) -> int:
        """How many VIN letters the line holds, at most, in any strip."""
        return max((most_letters(s.probabilities) for s in self.strips), default=0)

    @property
    def unbroken(self) -> int:
        """How many VIN letters in a row any strip spells, no junk between: none stands within a VIN."""
        runs = (run for s in self.strips for run in s.spelt.replace(" ", "").split("~"))
        return max(map(len, runs), default=0)

    @property
    def missing(self) -> int:
        """How many letters a VIN would still need beside those read; a label before it is none."""
        first = self.text.split(" ", 1)[0]
        label = len(first) if is_label(first) else 0
        return LENGTH - (self.letters - label)

    @property
    def text(self) -> str:
        """What the recogniser read, in the strip with most letters."""
        if not self.strips:
            return ""
        return max(self.strips, key=lambda s: most_letters(s.probabilities)).text

    @property
    def certainty(self) -> float:
        """Mean probability of the letters of the greedy readings, 0 to 1."""
        sure: list[float] = []
        for strip in self.strips:
            best = strip.probabilities.argmax(axis=1)
            letters = (best != BLANK) & (best < SPACE)
            sure += strip.probabilities.max(axis=1)[letters].tolist()
        return float(np.mean(sure)) if sure else 0.0

    @property
    def large(self) -> bool:
        """Whether the letters have the pixels that a sure reading needs."""
        box = self.box
        high = box.height * self.shrunk * LETTER >= CLEAR_HEIGHT
        return high and box.width * self.shrunk / LENGTH >= CLEAR_PITCH

    @property
    def printed(self) -> str | None:
        """The VIN that the first strip spells, where the picture is sure of each of its letters."""
        if not self.strips or not self.large:
            return None
        first = self.strips[0]
        if first.certainty < CLEAR:
            return None
        spelt = {vin for vin, _ in windows(first.spelt)}
        return spelt.pop() if len(spelt) == 1 else None

    def forget(self) -> None:
        """Drop the strips: they were cut wrongly."""
        self.strips.clear()
        self.witnesses.clear()
        self._proposed.clear()
        self._said.clear()
        self._searched = 0

    def scores(self) -> dict[str, float]:
        """Return VIN → log score, over all strips read so far, and what the witness says."""
        read = self.strips + self.witnesses
        if self._searched == len(read):
            return self._scores
        for strip in read[self._searched :]:
            found = candidates(strip.probabilities)
            best = sorted(found, key=lambda vin: -found[vin])[:MAX_CANDIDATES]
            self._proposed.update(best)
            for vin in best[:SWAPPED]:
                self._proposed.update(swaps(vin))
        self._searched = len(read)
        self._scores = {}
        if self._proposed:
            vins = sorted(self._proposed)
            picture = _said(self.strips, vins, self._said)
            self.picture = dict(zip(vins, picture.tolist(), strict=True))
            independent = SEVERAL if len(self.strips) > 1 else 1.0
            score = independent * picture
            if self.witnesses:
                score = score + WITNESS * _said(self.witnesses, vins, self._said)
            self._scores = {
                vin: float(s) + self._weight(vin) + self.penalty
                for vin, s in zip(vins, score, strict=True)
            }
        return self._scores

    def _weight(self, vin: str) -> float:
        """Return the evidence for a VIN; no other VIN has more of it than one clearly printed.

        What a VIN looks like chooses between readings that the picture leaves open. A plate that
        was tampered with is to be read as it is.
        """
        printed = self.printed
        if printed is None or maker_misread(printed):
            return evidence(vin)
        return min(evidence(vin), evidence(printed))


def _said(
    strips: list[Frames], vins: list[str], known: dict[int, dict[str, float]]
) -> NDArray[np.float64]:
    """Return the mean log-likelihood of each VIN over the strips.

    :param known: strip, by its `id` → VIN → log-likelihood; what was missing is added.
    """
    each: list[list[float]] = []
    for strip in strips:
        told = known.setdefault(id(strip), {})
        new = [vin for vin in vins if vin not in told]
        told.update(zip(new, align.log_likelihoods(strip.probabilities, new).tolist(), strict=True))
        each.append([told[vin] for vin in vins])
    return np.asarray(np.maximum(np.array(each), LEAST).mean(axis=0))


def neighbours(lines: list[Line], known: list[Line]) -> list[Line]:
    """Return lines that go on to the right in another box, as yet unread.

    :param known: lines that were found before; of two of them it is told already.
    """
    return [
        Line((a.box, b.box), penalty=SIDE_BY_SIDE)
        for a, b in _pairs(lines, known)
        if a.letters < LENGTH
        and b.letters < LENGTH
        and LENGTH - 3 <= a.letters + b.letters <= LENGTH + 7
        and follows(a.box, b.box)
    ]


def stacks(lines: list[Line], known: list[Line]) -> list[Line]:
    """Return lines right below one another that may be one VIN in two lines, as yet unread.

    :param known: as in `neighbours`.
    """
    return [
        Line((a.box, b.box), penalty=TWO_LINES, stacked=True)
        for a, b in _pairs(lines, known)
        if 4 <= a.letters < LENGTH - 1
        and 4 <= b.letters < LENGTH - 1
        and LENGTH - 2 <= a.letters + b.letters <= LENGTH + 3
        and below(a.box, b.box)
    ]


def _pairs(lines: list[Line], known: list[Line]) -> Iterator[tuple[Line, Line]]:
    """Yield every two lines, in both orders, but those of which both are known."""
    for i, a in enumerate(lines):
        for b in lines[:i] + known:
            yield a, b
            yield b, a
