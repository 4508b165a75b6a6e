"""Frames → the VINs they could spell, with log scores.

CTC prefix beam search (Graves 2012; Hannun 2014) over the collapsed frames gives whole-line
hypotheses; every window of 17 letters in each is a candidate, scored by the picture, by what
a VIN looks like and by what is left over beside the window.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vindrop.domain.vin import LENGTH
from vinocr.reader.prior import evidence
from vinocr.reader.recognize import BLANK, MISTAKEN, SPACE, SYMBOLS

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]

WIDTH: Final = 24
"""Hypotheses kept after each frame."""
_LEAST: Final = 1e-3
"""Classes below this probability are not followed within a frame."""
PICTURE: Final = 1.0
"""How far the recogniser's log-probability is trusted."""

GAP_INSIDE: Final = -0.7
"""A space within the 17 characters: some makers write the VIN in groups."""
GLUED_LETTER: Final = -1.5
"""A letter right beside the window, no space between."""
APART_LETTER: Final = -0.25
"""A letter beside the window with a space or an ornament between."""
MOST_LEFT_OVER: Final = -4.0

_ALIKE: Final[dict[str, set[str]]] = defaultdict(set)
for _read, _letters in MISTAKEN.items():
    for _letter in _letters:
        _ALIKE[_read].add(_letter)
        _ALIKE[_letter].add(_read)

_LABELS: Final = (
    "VIN",
    "VLN",
    "V1N",
    "V1NN0",
    "N0",
    "FRAMEN0",
    "CHASS1SN0",
    "1D",
    "CHASS1S",
    "F1N",
)


def is_label(word: str) -> bool:
    """Return whether a word is what stands before VINs, such as "VIN", however it is spelt."""
    return word.strip(":.").upper().replace("I", "1").replace("O", "0") in _LABELS


def beam(frames: Floats, width: int = WIDTH) -> list[tuple[str, float]]:
    """Return the likeliest readings of (frames, 36), with log-probabilities, best first.

    Readings are written in `SYMBOLS`.
    """
    readings = _Readings()
    log_scale = 0.0
    found, classes = np.nonzero(frames > _LEAST)
    probabilities = frames[found, classes].astype(np.float64)
    ends = np.searchsorted(found, np.arange(len(frames)), side="right").tolist()
    for first, end in zip([0, *ends], ends, strict=False):
        if end == first + 1 and classes[first] == BLANK:
            readings.rest()
            continue
        top = readings.go_on(classes[first:end], probabilities[first:end], width)
        if top <= 0:
            return []
        log_scale += math.log(top)
    out = [(text, math.log(p) + log_scale) for text, p in readings.texts() if p > 0]
    return sorted(out, key=lambda item: -item[1])


class _Readings:
    """The beam: readings kept after a frame, each a node of a tree of symbols."""

    def __init__(self) -> None:
        # The tree. Node 0 is the empty reading.
        self._parents, self._last = [-1], [-1]
        self._children: dict[tuple[int, int], int] = {}
        # What is kept: nodes, their last classes, and the probability of ending in a blank and not.
        self._nodes = [0]
        self._ended = np.array([-1])
        self._blank, self._letter = np.array([1.0]), np.array([0.0])

    def rest(self) -> None:
        """Go on by a frame that surely is blank."""
        self._blank = self._blank + self._letter
        self._letter = np.zeros(len(self._nodes))

    def go_on(self, classes: NDArray[np.intp], likely: NDArray[np.float64], width: int) -> float:
        """Go on by a frame, and scale the best reading's probability to 1; return what it was.

        :param classes: those of the frame that are followed, ascending.
        :param likely: their probabilities.
        """
        count = len(self._nodes)
        both = self._blank + self._letter
        blank = np.zeros(count)
        if len(classes) and classes[0] == BLANK:
            blank, classes, likely = both * likely[0], classes[1:], likely[1:]
        # A letter seen again is the same one, but after a blank.
        again = self._ended[:, None] == classes
        longer = np.where(again, self._blank[:, None], both[:, None]) * likely
        letter = np.where(again, self._letter[:, None] * likely, 0.0).sum(axis=1)
        listed = classes.tolist()
        self._join(letter, longer, listed)
        total = np.concatenate([blank + letter, longer.ravel()])
        order = np.argsort(-total, kind="stable")[:width]
        top = float(total[order[0]])
        if top <= 0:
            return top
        order = order[total[order] > 0]
        self._nodes = [
            self._nodes[i] if i < count else self._child(i - count, listed) for i in order.tolist()
        ]
        self._ended = np.array([self._last[node] for node in self._nodes])
        self._blank = np.concatenate([blank, np.zeros(longer.size)])[order] / top
        self._letter = np.concatenate([letter, longer.ravel()])[order] / top
        return top

    def _join(self, letter: Floats64, longer: Floats64, classes: list[int]) -> None:
        """Add what makes a reading longer to the reading that it becomes, where that is kept too."""
        rows = {node: i for i, node in enumerate(self._nodes)}
        columns = {c: i for i, c in enumerate(classes)}
        for i, node in enumerate(self._nodes):
            row, column = rows.get(self._parents[node]), columns.get(self._last[node])
            if row is not None and column is not None:
                letter[i] += longer[row, column]
                longer[row, column] = -1.0

    def _child(self, place: int, classes: list[int]) -> int:
        """Return the node of a reading made longer, by its place among all those."""
        row, column = divmod(place, len(classes))
        key = (self._nodes[row], classes[column])
        node = self._children.get(key)
        if node is None:
            node = self._children[key] = len(self._parents)
            self._parents.append(key[0])
            self._last.append(key[1])
        return node

    def texts(self) -> Iterator[tuple[str, float]]:
        """Yield the readings kept, with their probabilities."""
        for node, p in zip(self._nodes, (self._blank + self._letter).tolist(), strict=True):
            symbols, at = [], node
            while at:
                symbols.append(SYMBOLS[self._last[at]])
                at = self._parents[at]
            yield "".join(reversed(symbols)), p


def windows(reading: str) -> Iterator[tuple[str, float]]:
    """Yield every 17 letters in a row of a reading, with the cost of what is around them.

    Spaces within are stepped over, at a cost; junk within is not.
    """
    places = [i for i, c in enumerate(reading) if c not in " ~"]
    for first in range(len(places) - LENGTH + 1):
        start, stop = places[first], places[first + LENGTH - 1] + 1
        inside = reading[start:stop]
        if "~" in inside:
            continue
        cost = GAP_INSIDE * inside.count(" ")
        cost += _left_over(reading[:start], before=True) + _left_over(reading[stop:], before=False)
        yield inside.replace(" ", ""), cost


def _left_over(text: str, *, before: bool) -> float:
    letters = text.translate({32: None, 126: None})
    if not letters or (before and letters in _LABELS):
        return 0.0
    cost = 0.0
    glued = True
    for c in text[::-1] if before else text:
        if c in " ~":
            glued = False
        else:
            cost += GLUED_LETTER if glued else APART_LETTER
    return max(cost, MOST_LEFT_OVER)


def candidates(frames: Floats, *, width: int = WIDTH) -> dict[str, float]:
    """Return VIN → log score of one line's frames."""
    if most_letters(frames) < LENGTH - 3:
        return {}
    scores: dict[str, float] = {}
    for reading, log_probability in beam(frames, width):
        for vin, cost in windows(reading):
            score = PICTURE * log_probability + cost + evidence(vin)
            scores[vin] = log_sum(scores[vin], score) if vin in scores else score
    return scores


def swaps(vin: str) -> list[str]:
    """Return the VINs that differ in one letter, by one that it may be mistaken for."""
    return [
        vin[:i] + other + vin[i + 1 :] for i, c in enumerate(vin) for other in _ALIKE.get(c, ())
    ]


def most_letters(frames: Floats) -> int:
    """Return about how many VIN letters a line holds: its greedy reading's."""
    best = frames.argmax(axis=1)
    fresh = np.concatenate([[True], best[1:] != best[:-1]])
    return int((fresh & (best != BLANK) & (best < SPACE)).sum())


def log_sum(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high + math.log1p(math.exp(low - high))
