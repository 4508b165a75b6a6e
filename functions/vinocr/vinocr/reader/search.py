"""Frames → the VINs they could spell, with log scores.

CTC prefix beam search (Graves 2012; Hannun 2014) over the collapsed frames gives whole-line
hypotheses; every window of 17 letters in each is a candidate, scored by the picture, by what
a VIN looks like and by what is left over beside the window.
"""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vindrop.domain.vin import LENGTH
from vinocr.reader.prior import evidence
from vinocr.reader.recognize import BLANK, MISTAKEN, SPACE, SYMBOLS

Floats = NDArray[np.float32]

WIDTH: Final = 24
"""Hypotheses kept after each frame."""
_LEAST: Final = 1e-3
"""Classes below this probability are not followed within a frame."""
_BLANK: Final = SYMBOLS[BLANK]
_PROBABILITY: Final = operator.itemgetter(0)
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
    # (prefix, probability ending in blank, probability ending in its last symbol)
    beams: list[tuple[str, float, float]] = [("", 1.0, 0.0)]
    log_scale = 0.0
    for likely in _likely(frames):
        if len(likely) == 1 and likely[0][0] == _BLANK:
            beams = [(prefix, b + n, 0.0) for prefix, b, n in beams]
            continue
        ahead = _followed(beams, likely)
        ranked = [(b + n, prefix, b, n) for prefix, (b, n) in ahead.items()]
        ranked.sort(key=_PROBABILITY, reverse=True)
        top = ranked[0][0] if ranked else 0.0
        if top <= 0:
            return []
        log_scale += math.log(top)
        beams = [(prefix, b / top, n / top) for _, prefix, b, n in ranked[:width]]
    out = [(prefix, math.log(b + n) + log_scale) for prefix, b, n in beams if b + n > 0]
    return sorted(out, key=lambda item: -item[1])


def _likely(frames: Floats) -> list[list[tuple[str, float]]]:
    """Return, for each frame, the symbols that are followed, with their probabilities."""
    found: list[list[tuple[str, float]]] = [[] for _ in frames]
    rows, classes = np.nonzero(frames > _LEAST)
    probabilities = frames[rows, classes].tolist()
    for row, c, p in zip(rows.tolist(), classes.tolist(), probabilities, strict=True):
        found[row].append((SYMBOLS[c], p))
    return found


def _followed(
    beams: list[tuple[str, float, float]], likely: list[tuple[str, float]]
) -> dict[str, list[float]]:
    """Return prefix → its two probabilities after one more frame.

    Written out, since it is the inner loop of every reading.
    """
    ahead: dict[str, list[float]] = {}
    get = ahead.get
    for prefix, blank, not_blank in beams:
        both = blank + not_blank
        last = prefix[-1:]
        for symbol, p in likely:
            if symbol == _BLANK:
                known = get(prefix)
                if known is None:
                    ahead[prefix] = [both * p, 0.0]
                else:
                    known[0] += both * p
                continue
            if symbol == last:
                known = get(prefix)
                if known is None:
                    ahead[prefix] = [0.0, not_blank * p]
                else:
                    known[1] += not_blank * p
                gained = blank * p
            else:
                gained = both * p
            longer = prefix + symbol
            known = get(longer)
            if known is None:
                ahead[longer] = [0.0, gained]
            else:
                known[1] += gained
    return ahead


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
